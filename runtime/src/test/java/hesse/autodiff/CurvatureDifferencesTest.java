package hesse.autodiff;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Dual.ActivationCurvature;
import hesse.cases.Differences;
import hesse.cases.Draw;
import hesse.cases.Errors;
import hesse.cases.Seeds;
import hesse.cases.SmallNet;
import hesse.cases.SmallNets;
import hesse.graph.Node;
import hesse.scalar.ScalarFn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every first-, second- and third-order quantity of whole nets against central differences of the quantity one order below. Draws near
 * kinks and ties are redrawn, tolerances never widened.
 */
class CurvatureDifferencesTest {
    private static final double TOLERANCE = 1e-7;
    private static final double STEP = 5e-4;

    static List<ScalarFn> activations() {
        return SmallNets.activations();
    }

    @ParameterizedTest
    @EnumSource
    void ofEveryKindOfNet(SmallNets kind) {
        Seeds.fresh(seed -> agree(kind.build(seed), STEP));
    }

    @ParameterizedTest
    @MethodSource("activations")
    void ofEveryActivation(ScalarFn activation) {
        // a bend of width 1/β wants steps well inside it
        double step = activation.name().contains("beta: 20") ? STEP / 10 : STEP;
        Seeds.fresh(seed -> agree(SmallNets.MLP.build(seed, activation), step));
    }

    /** False when a kink is near. */
    private static boolean agree(SmallNet net, double step) {
        Curvature c = net.curvature();
        var v = net.direction();
        var values = net.draw().values();

        // ∇_z ℓ and H_z J v from the loss alone, as a function of logits given from outside
        var z = net.draw()
                .given(
                        "z",
                        net.logits().shape(),
                        net.evaluate(List.of(net.logits())).getFirst());
        Node lossAtLogits = net.lossOf().apply(z);
        Node slopeAtLogits = Reverse.gradient(lossAtLogits, List.of(z)).getFirst();
        var logitGradient = Differences.of(List.of(lossAtLogits), values, step).jacobians(List.of(z));
        if (logitGradient.isEmpty()) return false;
        check(
                "logit gradient",
                net.evaluate(List.of(c.logitGradient())),
                logitGradient.get().getFirst());

        // along v: what lies one order below
        var gradient = c.gradient();
        var hvp = c.hvp(v);
        Node cotangent = net.draw()
                .given(
                        "c",
                        net.logits().shape(),
                        net.evaluate(List.of(c.logitGradient())).getFirst());
        var pulledBack = Reverse.vjp(Map.of(net.logits(), cotangent), net.parameters());
        var lower = new Groups();
        lower.add("jvp", List.of(net.logits()));
        lower.add("hvp", gradient);
        lower.add("grad vhv", hvp);
        lower.add("nmevp", pulledBack);
        var along = Differences.of(lower.all, values, step).along(net.along());
        if (along.isEmpty()) return false;
        var expected = lower.split(along.get());
        check("jvp", net.evaluate(List.of(c.jvp(v))), expected.get("jvp"));
        check("hvp", net.evaluate(hvp), expected.get("hvp"));
        check("nmevp", net.evaluate(c.nmevp(v)), expected.get("nmevp"));
        check("grad vhv", net.evaluate(c.gradVhv(v)), expected.get("grad vhv"));

        // by each parameter: gradients of scalars, and the Jacobian
        Node rest = c.vnv(v, ActivationCurvature.DROP);
        var byEach = Differences.of(List.of(net.loss(), c.vgv(v), net.logits(), rest), values, step)
                .jacobians(net.parameters());
        if (byEach.isEmpty()) return false;
        check("gradient", net.evaluate(gradient), byEach.get().get(0));
        check("grad vgv", net.evaluate(c.gradVgv(v)), byEach.get().get(1));
        check(
                "grad of vnv without activation",
                net.evaluate(Reverse.gradient(rest, net.parameters())),
                byEach.get().get(3));

        var bent = Differences.of(List.of(slopeAtLogits), values, step)
                .along(Map.of(Draw.name(z), expected.get("jvp").getFirst()));
        if (bent.isEmpty()) return false;
        var gnvp = transposedTimes(byEach.get().get(2), bent.get().getFirst());
        check("gnvp", net.evaluate(c.gnvp(v)), gnvp);

        var direction = net.evaluate(v);
        double size = Errors.norm(direction) * Errors.norm(expected.get("hvp"));
        scalar("vhv", net.evaluate(c.vhv(v)), Errors.dot(direction, expected.get("hvp")), size);
        scalar("vgv", net.evaluate(c.vgv(v)), Errors.dot(direction, gnvp), size);
        scalar("vnv", net.evaluate(c.vnv(v)), Errors.dot(direction, expected.get("nmevp")), size);
        return true;
    }

    /** Lists of nodes under one evaluation. */
    private static final class Groups {
        final List<Node> all = new ArrayList<>();
        private final Map<String, Integer> starts = new LinkedHashMap<>();
        private final Map<String, Integer> ends = new LinkedHashMap<>();

        void add(String name, List<Node> nodes) {
            starts.put(name, all.size());
            all.addAll(nodes);
            ends.put(name, all.size());
        }

        Map<String, List<double[]>> split(List<double[]> values) {
            var split = new LinkedHashMap<String, List<double[]>>();
            starts.forEach((name, start) -> split.put(name, values.subList(start, ends.get(name))));
            return split;
        }
    }

    private static List<double[]> transposedTimes(List<double[]> jacobian, double[] u) {
        var result = new ArrayList<double[]>();
        for (double[] j : jacobian) {
            double[] sum = new double[j.length / u.length];
            for (int row = 0; row < u.length; row++) {
                for (int k = 0; k < sum.length; k++) sum[k] += u[row] * j[row * sum.length + k];
            }
            result.add(sum);
        }
        return result;
    }

    private static void check(String what, List<double[]> actual, List<double[]> expected) {
        double error = Errors.relative(actual, expected);
        assertTrue(error < TOLERANCE, what + " is off by " + error);
    }

    private static void scalar(String what, double actual, double expected, double size) {
        double error = Errors.relative(actual, expected, size);
        assertTrue(error < TOLERANCE, what + " is off by " + error);
    }
}
