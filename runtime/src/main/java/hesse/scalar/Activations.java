package hesse.scalar;

import static hesse.scalar.ScalarOp.*;

import hesse.scalar.ScalarProgram.Builder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * Activation functions by name, and the functions by name that may replace a second derivative. A new one is one entry in a table here (or a
 * formula, see {@link Formula}). In names and keys {@code -} and {@code _} are equal.
 */
public final class Activations {
    private static final double SQRT_HALF = 0.7071067811865476;
    private static final double SQRT_TWO_PI = 2.5066282746310002;

    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final String kind;

    private Activations(String kind) {
        this.kind = kind;
    }

    /** Builds the function of x. */
    private interface Maker {
        int make(Expressions f);
    }

    /** Parameters with their defaults; NaN where one must be given. */
    private record Entry(Map<String, Double> parameters, Maker maker) {}

    /** The builder with x and the parameters, and the few words the tables below are written in. */
    private record Expressions(Builder p, int x, Map<String, Double> parameters) {
        double k(String parameter) {
            return parameters.getOrDefault(parameter, Double.NaN);
        }

        int c(double value) {
            return p.constant(value);
        }

        int of(ScalarOp op, int... operands) {
            return p.op(op, operands);
        }

        /** Φ(factor·x), relatively accurate in the left tail: ½ erfc(-factor·x/√2). */
        int normalCdf(double factor) {
            return p.scale(0.5, p.op(ERFC, p.scale(-factor * SQRT_HALF, x)));
        }

        /** peak · exp(-(factor·x)²). */
        int bell(double peak, double factor) {
            int u = p.scale(factor, x);
            return p.scale(peak, p.op(EXP, p.neg(p.mul(u, u))));
        }
    }

    private static final Activations FUNCTIONS = new Activations("activation")
            // Written with x ≤ 0 so that φ′(0) = 0 and a NaN stays one.
            .add("relu", Map.of(), f -> f.p.select(f.of(LE, f.x, f.c(0)), f.c(0), f.x))
            .add(
                    "leaky_relu",
                    Map.of("slope", 0.01),
                    f -> f.p.select(f.of(LE, f.x, f.c(0)), f.p.scale(f.k("slope"), f.x), f.x))
            .add("gelu", Map.of(), f -> f.p.mul(f.x, f.normalCdf(1)))
            .add("gelu_tanh", Map.of(), f -> {
                // ½ (1 + tanh u) = sigmoid(2u), which does not cancel in the left tail.
                int inner = f.p.add(f.x, f.p.scale(0.044715, f.p.power(f.x, 3)));
                return f.p.mul(f.x, f.of(SIGMOID, f.p.scale(2 * Math.sqrt(2 / Math.PI), inner)));
            })
            .add("beta_gelu", Map.of("beta", Double.NaN), f -> f.p.mul(f.x, f.normalCdf(f.k("beta"))))
            .add("silu", Map.of(), f -> f.p.mul(f.x, f.of(SIGMOID, f.x)))
            .add("mish", Map.of(), f -> f.p.mul(f.x, f.of(TANH, f.of(SOFTPLUS, f.x))))
            .add(
                    "elu",
                    Map.of("alpha", 1.0),
                    f -> f.p.select(f.of(GT, f.x, f.c(0)), f.x, f.p.scale(f.k("alpha"), f.of(EXPM1, f.x))))
            .add("softplus", Map.of(), f -> f.of(SOFTPLUS, f.x))
            .add("tanh", Map.of(), f -> f.of(TANH, f.x))
            .add("sigmoid", Map.of(), f -> f.of(SIGMOID, f.x))
            .add("sin", Map.of(), f -> f.of(SIN, f.x))
            .add("identity", Map.of(), f -> f.x);

    private static final Activations SECOND_DERIVATIVES = new Activations("second derivative")
            .add("zero", Map.of(), f -> f.c(0))
            // The normal density of standard deviation 1/beta.
            .add("gaussian", Map.of("beta", 100.0), f -> f.bell(f.k("beta") / SQRT_TWO_PI, f.k("beta") * SQRT_HALF))
            // The same peak without the ½ in the exponent, as printed in the code listing of the paper.
            .add("gaussian_listing", Map.of("beta", 100.0), f -> f.bell(f.k("beta") / SQRT_TWO_PI, f.k("beta")));

    /**
     * An activation φ (order 0).
     *
     * @throws IllegalArgumentException for an unknown name or parameter, a missing or non-finite parameter; the message names what is allowed
     */
    public static ScalarFn named(String name, Map<String, Double> parameters) {
        return FUNCTIONS.make(name, parameters).asActivation();
    }

    /** As {@link #named(String, Map)} with default parameters. */
    public static ScalarFn named(String name) {
        return named(name, Map.of());
    }

    /**
     * A function to replace φ″ with, see {@link ScalarFn#withSecondDerivative}: {@code zero}; {@code gaussian {beta: 100}} = β/√(2π)
     * exp(-β²x²/2); {@code gaussian_listing {beta: 100}} = β/√(2π) exp(-(βx)²).
     *
     * @throws IllegalArgumentException as {@link #named(String, Map)}
     */
    public static ScalarFn secondDerivative(String name, Map<String, Double> parameters) {
        return SECOND_DERIVATIVES.make(name, parameters);
    }

    /** An activation by its name with default parameters, or by a formula in x. */
    public static ScalarFn parse(String nameOrFormula) {
        String name = canonical(nameOrFormula.strip());
        return FUNCTIONS.entries.containsKey(name)
                ? named(name)
                : Formula.parse(nameOrFormula).asActivation();
    }

    /** A second derivative by its name with default parameters, or by a formula in x. */
    public static ScalarFn parseSecondDerivative(String nameOrFormula) {
        String name = canonical(nameOrFormula.strip());
        return SECOND_DERIVATIVES.entries.containsKey(name)
                ? secondDerivative(name, Map.of())
                : Formula.parse(nameOrFormula);
    }

    /** The names of the activations. */
    public static List<String> names() {
        return List.copyOf(FUNCTIONS.entries.keySet());
    }

    /** The names of the second derivatives. */
    public static List<String> secondDerivativeNames() {
        return List.copyOf(SECOND_DERIVATIVES.entries.keySet());
    }

    /** The parameters of an activation; empty for an unknown name. */
    public static Set<String> parameters(String name) {
        Entry entry = FUNCTIONS.entries.get(canonical(name));
        return entry == null ? Set.of() : new TreeSet<>(entry.parameters.keySet());
    }

    private Activations add(String name, Map<String, Double> parameters, Maker maker) {
        entries.put(name, new Entry(parameters, maker));
        return this;
    }

    private ScalarFn make(String name, Map<String, Double> given) {
        Entry entry = entries.get(canonical(name));
        if (entry == null) {
            throw new IllegalArgumentException(
                    "unknown " + kind + " '" + name + "'; known: " + String.join(", ", entries.keySet()));
        }
        var values = new LinkedHashMap<>(entry.parameters);
        UnaryOperator<String> problem = what -> kind + " '" + name + "' " + what + "; its parameters: "
                + (entry.parameters.isEmpty() ? "none" : String.join(", ", new TreeSet<>(entry.parameters.keySet())));
        given.forEach((key, value) -> {
            if (values.replace(canonical(key), value) == null) {
                throw new IllegalArgumentException(problem.apply("has no parameter '" + key + "'"));
            }
            if (!Double.isFinite(value)) {
                throw new IllegalArgumentException(problem.apply("needs a finite '" + key + "', not " + value));
            }
        });
        values.forEach((key, value) -> {
            if (value.isNaN()) throw new IllegalArgumentException(problem.apply("needs '" + key + "'"));
        });
        var p = new Builder();
        ScalarProgram program = p.build(1, entry.maker.make(new Expressions(p, p.input(0), values)));
        var label = new ArrayList<String>();
        new TreeSet<>(values.keySet()).forEach(key -> label.add(key + ": " + values.get(key)));
        return ScalarFn.of(canonical(name) + (label.isEmpty() ? "" : " {" + String.join(", ", label) + "}"), program);
    }

    private static String canonical(String name) {
        return name.toLowerCase(Locale.ROOT).replace('-', '_');
    }
}
