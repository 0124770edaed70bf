package hesse.sharpness;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.graph.Node;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How the methods hang together: which is which other one's limit or special case. */
class MethodLawsTest {
    private static final String MLP = "{kind: mlp, inputs: 4, classes: 3, hidden: [6, 5], activation: gelu}";
    private static final String CNN = "{kind: cnn, inputs: [1, 4, 4], classes: 3, activation: silu, dense: [], blocks:"
            + " [{channels: 3, kernel: 3, norm: batch, pool: global_avg}]}";

    private final long seed = Long.getLong("hesse.seed", System.nanoTime());
    private final Backend backend =
            Backends.open("cpu", BackendOptions.defaults().withThreads(1), line -> {});

    @AfterEach
    void close() {
        backend.close();
    }

    private List<double[]> update(String model, String method, String... more) {
        var config = new ArrayList<>(List.of("model=" + model, "method=" + method));
        config.addAll(List.of(more));
        var p = new TinyProblem(config, 5, seed, name -> false);
        return p.evaluate(backend, TinyProblem.method(method).update(p.objective));
    }

    private String seeded(String what) {
        return what + ", with -Dhesse.seed=" + seed;
    }

    @ParameterizedTest
    @ValueSource(strings = {MLP, CNN})
    void samIsTheDifferencePenaltyWhoseRadiusIsRho(String model) {
        var sam = update(model, "{kind: sam, rho: 0.07}");
        var differences = update(model, "{kind: fd_gradient_penalty, rho: 0.07, radius: 0.07}");
        double error = TinyProblem.relative(differences, sam);
        assertTrue(error <= 1e-14, () -> seeded("off by " + error));
    }

    @ParameterizedTest
    @ValueSource(strings = {MLP, CNN})
    void theDifferencePenaltyGoesToPsamInProportionToItsRadius(String model) {
        var psam = update(model, "{kind: psam, rho: 0.1}");
        double[] errors = new double[3];
        for (int i = 0; i < 3; i++) {
            double r = 1e-3 / (1 << i);
            errors[i] = TinyProblem.relative(
                    update(model, "{kind: fd_gradient_penalty, rho: 0.1, radius: " + r + "}"), psam);
        }
        for (int i = 1; i < 3; i++) {
            double ratio = errors[i - 1] / errors[i];
            assertTrue(1.95 <= ratio && ratio <= 2.05, () -> seeded("half the radius, error divided by " + ratio));
        }
        assertTrue(errors[0] < 1e-2, () -> seeded("error " + errors[0]));
    }

    /** A linear model under squared error: its Hessian is the same everywhere. */
    @Test
    void psamIsSamOnQuadratics() {
        var linear = "{kind: mlp, inputs: 4, classes: 3, hidden: []}";
        for (double rho : new double[] {0.01, 0.5, 20}) {
            var sam = update(linear, "{kind: sam, rho: " + rho + "}", "loss={kind: mse}");
            var psam = update(linear, "{kind: psam, rho: " + rho + "}", "loss={kind: mse}");
            double error = TinyProblem.relative(psam, sam);
            assertTrue(error <= 1e-13, () -> seeded("off by " + error));
        }
    }

    @Test
    void gradientPenaltiesOfFirstAndSecondPowerArePsamAndPusam() {
        assertTrue(TinyProblem.relative(
                        update(MLP, "{kind: gradient_penalty, rho: 0.1, p: 1}"), update(MLP, "{kind: psam, rho: 0.1}"))
                <= 1e-14);
        assertTrue(TinyProblem.relative(
                        update(MLP, "{kind: gradient_penalty, rho: 0.1, p: 2}"), update(MLP, "{kind: pusam, rho: 0.1}"))
                <= 1e-14);
    }

    /** The terms with φ″ dropped in the product, or φ″ set to zero in the activation: for a product with a constant the same. */
    @Test
    void psamWithoutActivationIsPsamOfTheActivationWithoutSecondDerivative() {
        var policy = update(MLP, "{kind: psam, rho: 0.3, nme: without_activation}");
        var replaced = update(MLP.replace("gelu", "{kind: gelu, second_derivative: zero}"), "{kind: psam, rho: 0.3}");
        double error = TinyProblem.relative(policy, replaced);
        assertTrue(error <= 1e-14, () -> seeded("off by " + error));
    }

    /** G + N_bilinear + N_act: what one form of {@code nme} leaves out the other keeps. */
    @ParameterizedTest
    @ValueSource(strings = {MLP, CNN})
    void theFourFormsOfNmeAddUp(String model) {
        var full = update(model, "{kind: psam, rho: 0.3, nme: full}");
        var none = update(model, "{kind: psam, rho: 0.3, nme: none}");
        var without = update(model, "{kind: psam, rho: 0.3, nme: without_activation}");
        var only = update(model, "{kind: psam, rho: 0.3, nme: only_activation}");
        var sum = new ArrayList<double[]>();
        for (int i = 0; i < full.size(); i++) {
            double[] t = new double[full.get(i).length];
            for (int j = 0; j < t.length; j++) t[j] = without.get(i)[j] + only.get(i)[j] - none.get(i)[j];
            sum.add(t);
        }
        double error = TinyProblem.relative(sum, full);
        assertTrue(error <= 1e-13, () -> seeded("off by " + error));
        assertTrue(TinyProblem.relative(none, full) > 1e-3, seeded("without N it is another update"));
    }

    /** A zero gradient gives the gradient, not a division by zero. */
    @Test
    void atAStationaryPointEveryUpdateIsTheGradient() {
        for (var method : List.of(
                "{kind: sam, rho: 0.1}",
                "{kind: psam, rho: 0.1}",
                "{kind: asam, rho: 0.1}",
                "{kind: gradient_penalty, rho: 0.1, p: 1}")) {
            var p = new TinyProblem(
                    List.of("model={kind: mlp, inputs: 2, classes: 2, hidden: []}", "method=" + method),
                    4,
                    seed,
                    name -> false);
            // two classes, equally often at the same input, and all logits 0
            p.values.put("y", Tensor.of(DType.I64, Shape.of(4), 0, 1, 0, 1));
            for (var name : List.of("x", "layers.0.weight", "layers.0.bias"))
                p.values.put(name, Tensor.allocate(DType.F64, p.values.get(name).shape()));
            for (double[] t : p.evaluate(backend, TinyProblem.method(method).update(p.objective)))
                for (double v : t) assertEquals(0, v, method);
        }
    }

    /** Over all labels, each with the model's own probability: N v is zero in the mean, H v is G v. */
    @ParameterizedTest
    @ValueSource(strings = {MLP, CNN})
    void nIsZeroInTheMeanOverSampledLabels(String model) {
        int n = 2;
        int classes = 3;
        var p = new TinyProblem(List.of("model=" + model), n, seed, "y_sampled"::equals);
        var o = p.objective;
        p.values.put("y_sampled", Tensor.of(DType.I64, Shape.of(n), 0, 0));
        var v = o.probe(0, MethodConfig.Distribution.NORMAL);
        var sampled = o.secondPass(o.sampledLabels());
        var nodes = new ArrayList<Node>(sampled.nmevp(v));
        nodes.addAll(sampled.hvp(v));
        nodes.addAll(o.curvature().gnvp(v));
        int count = v.size();
        var probabilities = p.evaluate(
                        backend, List.of(hesse.graph.Ops.softmax(o.curvature().logits())))
                .getFirst();
        List<double[]> mean = List.of();
        double single = 0;
        try (var compiled = p.compile(backend, nodes)) {
            for (int a = 0; a < classes; a++) {
                for (int b = 0; b < classes; b++) {
                    p.values.put("y_sampled", Tensor.of(DType.I64, Shape.of(n), a, b));
                    compiled.changed("y_sampled");
                    var here = compiled.run();
                    if (mean.isEmpty())
                        mean = here.stream().map(t -> new double[t.length]).toList();
                    for (int i = 0; i < here.size(); i++) {
                        for (int j = 0; j < here.get(i).length; j++)
                            mean.get(i)[j] += probabilities[a] * probabilities[classes + b] * here.get(i)[j];
                    }
                    single = Math.max(single, TinyProblem.norm(here.subList(0, count)));
                }
            }
        }
        double error = TinyProblem.norm(mean.subList(0, count)) / single;
        assertTrue(error <= 1e-14, seeded("mean of N v " + error));
        double difference = TinyProblem.relative(mean.subList(count, 2 * count), mean.subList(2 * count, 3 * count));
        assertTrue(difference <= 1e-13, seeded("mean of H v against G v " + difference));
    }

    /** The entropy that is reported is that of the distributions labels are drawn from, in nats. */
    @Test
    void labelEntropyIsThatOfTheModelsOwnDistribution() {
        for (var estimator : List.of("sampled_labels", "straight_through")) {
            var table = "{kind: gn_trace, sigma2: 0.1, estimator: " + estimator + "}";
            var p = new TinyProblem(List.of("model=" + MLP, "method=" + table), 5, seed, name -> false);
            var o = p.objective;
            var method = TinyProblem.method(table);
            var first = method.first(o);
            Map<String, Node> diagnostics = method.diagnostics(o, first, method.second(o, first));
            var values = p.evaluate(
                    backend,
                    List.of(
                            diagnostics.get("label_entropy"),
                            hesse.graph.Ops.softmax(o.curvature().logits())));
            double expected = 0;
            for (double q : values.get(1)) expected -= q * Math.log(q) / 5;
            assertEquals(expected, values.get(0)[0], 1e-14 * expected, seeded(estimator));
        }
    }
}
