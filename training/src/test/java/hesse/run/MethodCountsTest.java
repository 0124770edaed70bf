package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import hesse.graph.Type;
import hesse.models.ConfiguredModel;
import hesse.optim.Optimizer;
import hesse.plan.Computation;
import hesse.plan.PlanCost;
import hesse.plan.Planner;
import hesse.sharpness.Method;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Contractions of whole training steps by each method, recomputed ones included, in units of plain descent's. */
class MethodCountsTest {
    private static final int BATCH = 8;

    private static final Map<String, String> MODELS = new LinkedHashMap<>(Map.of(
            "mlp", "{kind: mlp, inputs: 32, classes: 10, hidden: [32, 32, 32, 32], activation: gelu}",
            "cnn with batch norm",
                    "{kind: cnn, inputs: [3, 8, 8], classes: 10, activation: gelu, dense: [], blocks: ["
                            + "{channels: 8, kernel: 3, norm: batch}, {channels: 8, kernel: 3, norm: batch, pool: max2},"
                            + "{channels: 16, kernel: 3, norm: batch}, {channels: 16, kernel: 3, norm: batch, pool: global_avg}]}",
            "cnn with layer norm",
                    "{kind: cnn, inputs: [3, 8, 8], classes: 10, activation: gelu, dense: [], blocks: ["
                            + "{channels: 8, kernel: 3, norm: layer}, {channels: 8, kernel: 3, norm: layer},"
                            + "{channels: 16, kernel: 3, norm: layer, pool: global_avg}]}",
            "residual net", "{kind: wrn, inputs: [3, 8, 8], classes: 10, depth: 16, width: 1, activation: gelu}",
            "transformer",
                    "{kind: transformer, vocab: 11, context: 8, layers: 3, heads: 2, key_size: 8, width: 16,"
                            + " activation: gelu_tanh}"));

    /** From and to, in units of plain descent's contractions. */
    private record Bounds(String method, double atLeast, double atMost) {}

    private static final double TRACE_OF_H = 4.35;

    private static final List<Bounds> WHOLE = List.of(
            new Bounds("{kind: sam, rho: 0.1}", 2, 2),
            new Bounds("{kind: asam, rho: 0.1}", 2, 2),
            new Bounds("{kind: usam, rho: 0.1}", 2, 2),
            new Bounds("{kind: fd_gradient_penalty, rho: 0.1, radius: 0.1}", 2, 2),
            new Bounds("{kind: psam, rho: 0.1}", 2.5, 3),
            new Bounds("{kind: pusam, rho: 0.1}", 2.5, 3),
            new Bounds("{kind: gradient_penalty, rho: 0.1, p: 3}", 2.5, 3),
            new Bounds("{kind: gn_trace, sigma2: 0.1, estimator: hutchinson}", 2.2, 2.7),
            new Bounds("{kind: gn_trace, sigma2: 0.1}", 2.5, 3.35),
            new Bounds("{kind: hessian_trace, sigma2: 0.1}", 3.3, TRACE_OF_H),
            new Bounds("{kind: trace_mix, sigma2: 0.1, c: 0.5}", 3.3, TRACE_OF_H));

    private static ConfiguredModel model(String table) {
        return config(table, "{kind: sgd}").model().build(Optional.empty(), OptionalInt.empty());
    }

    private static Config config(String model, String method) {
        return Config.load("digits-mlp", List.of("model=" + model, "method=" + method));
    }

    private static StepGraph.Recipe recipe(String model, String method) {
        var config = config(model, method);
        return new StepGraph.Recipe(
                model(model).model(),
                config.loss().function(),
                DType.F32,
                Method.of(config.method()),
                config.normStatistics().inFurtherPasses(),
                Optimizer.of(config.optimizer()));
    }

    private static Type inputs(String model, int n) {
        var inputs = model(model).inputs();
        return new Type(inputs.dtype(DType.F32), inputs.shape(n));
    }

    private static Type targets(String model, int n) {
        return new Type(DType.I64, model.contains("transformer") ? Shape.of(n, 8) : Shape.of(n));
    }

    private static double contractions(Computation c) {
        return PlanCost.multiplyAdds(Planner.plan(c));
    }

    private static double whole(String model, String method) {
        return contractions(StepGraph.whole(recipe(model, method), inputs(model, BATCH), targets(model, BATCH)));
    }

    /** A step of two halves of the batch. */
    private static double halves(String model, String method) {
        var r = recipe(model, method);
        var x = inputs(model, BATCH / 2);
        var y = targets(model, BATCH / 2);
        boolean hasFirst = StepGraph.hasFirst(r, x, y);
        double first = hasFirst ? contractions(StepGraph.first(r, x, y, BATCH)) : 0;
        double second = contractions(StepGraph.second(r, x, y, BATCH, hasFirst));
        return 2 * (first + second) + contractions(StepGraph.joined(r, x, y, BATCH, hasFirst));
    }

    private static void within(String what, Bounds b, double value) {
        assertTrue(
                b.atLeast - 1e-9 <= value && value <= b.atMost + 1e-9,
                () -> what + ", " + b.method + ": " + value + " is not within " + b.atLeast + " … " + b.atMost);
    }

    @TestFactory
    Stream<DynamicTest> stepsAreAtTheirFloor() {
        return MODELS.entrySet().stream()
                .map(m -> dynamicTest(m.getKey(), () -> {
                    double sgd = whole(m.getValue(), "{kind: sgd}");
                    for (var b : WHOLE) {
                        boolean attention = m.getKey().equals("transformer") && b.atMost == TRACE_OF_H;
                        var bounds = attention ? new Bounds(b.method, b.atLeast, traceOfHWithAttention()) : b;
                        within(m.getKey(), bounds, whole(m.getValue(), b.method) / sgd);
                    }
                }));
    }

    /**
     * A product with a parameter costs 13/3 of its share of plain descent in ∇(vᵀHv): 5 products forward, 5 for inputs, 3 for the
     * parameter. A product of two activations costs 18/3: 1 + 2 + 3 forward, and each has two gradients.
     */
    private static double traceOfHWithAttention() {
        double heads = 2 * 8;
        double width = 16;
        double attention = 3 * 2 * 8 * heads;
        double parameters = 3 * (4 * width * heads + 8 * width * width) + 11 * width;
        return (13 * parameters + 18 * attention) / 3 / (parameters + attention) + 0.02;
    }

    /** The gradient of the whole batch comes before the product, so that the forward pass of PSAM is made twice. */
    @TestFactory
    Stream<DynamicTest> stepsInPartsAreAtTheirFloor() {
        return Stream.of("mlp", "cnn with layer norm", "transformer")
                .map(name -> dynamicTest(name, () -> {
                    var model = MODELS.get(name);
                    double sgd = whole(model, "{kind: sgd}");
                    assertEquals(sgd, halves(model, "{kind: sgd}"));
                    within(
                            name,
                            new Bounds("{kind: sam, rho: 0.1}", 2, 2),
                            halves(model, "{kind: sam, rho: 0.1}") / sgd);
                    within(
                            name,
                            new Bounds("{kind: psam, rho: 0.1}", 2.5, 3.7),
                            halves(model, "{kind: psam, rho: 0.1}") / sgd);
                }));
    }

    /** A bias before batch norm has no gradient: unmoved, it is the same node in both passes of SAM. */
    @Test
    void secondGradientsAreNotTakenThroughThePerturbation() {
        var model = MODELS.get("cnn with batch norm");
        assertEquals(2 * whole(model, "{kind: sgd}"), whole(model, "{kind: sam, rho: 0.1}"));
    }
}
