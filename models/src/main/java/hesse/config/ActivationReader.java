package hesse.config;

import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import java.util.List;

/**
 * Reads an activation: a name, a formula in x, or a table {@code {kind, parameters…, second_derivative}} in which the second
 * derivative is again a name, a formula or a table.
 */
public final class ActivationReader {
    private ActivationReader() {}

    /** The activation under a key, {@code fallback} where it is missing; problems are noted in the section. */
    public static ScalarFn read(ConfigNode section, String key, String fallback) {
        var n = section.variant(key, fallback);
        var function = function(n, n.text("kind").required(), Activations.names(), false);
        return n.optionalVariant("second_derivative")
                .map(d -> function.withSecondDerivative(
                        function(d, d.text("kind").required(), Activations.secondDerivativeNames(), true)))
                .orElse(function);
    }

    private static ScalarFn function(ConfigNode n, String text, List<String> names, boolean second) {
        boolean named = names.stream().anyMatch(name -> Names.equal(name, text.strip()));
        try {
            if (!named) return second ? Activations.parseSecondDerivative(text) : Activations.parse(text);
            var parameters = n.otherNumbers("second_derivative");
            return second
                    ? Activations.secondDerivative(text.strip(), parameters)
                    : Activations.named(text.strip(), parameters);
        } catch (IllegalArgumentException e) {
            boolean word = text.matches("\\w+");
            n.problem(
                    "kind",
                    word && !named
                            ? "should be a formula in x or one of " + String.join(", ", names) + ", is '" + text + "'"
                                    + Names.didYouMean(text, names)
                            : "cannot be used: " + e.getMessage());
            return ScalarFn.identity();
        }
    }
}
