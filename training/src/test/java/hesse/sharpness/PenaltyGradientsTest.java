package hesse.sharpness;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import hesse.autodiff.Reverse;
import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.error.UserException;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The update of every method that minimises a scalar is that scalar's gradient: eighth-order central differences of loss plus penalty by
 * every parameter, on each backend that the machine has. Draws and sampled labels stand still.
 */
@ParameterizedClass
@ValueSource(strings = {"reference", "cpu", "cuda"})
class PenaltyGradientsTest {
    private static final double TOLERANCE = 1e-7;
    private static final double STEP = 4e-3;
    private static final double[] WEIGHTS = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280};

    private static final String CROSS_ENTROPY = "loss={kind: cross-entropy}";
    private static final String SQUARED_ERROR = "loss={kind: mse}";

    private static final Map<String, List<String>> NETS = new LinkedHashMap<>(Map.of(
            "mlp, cross-entropy",
                    List.of(
                            "model={kind: mlp, inputs: 3, classes: 3, hidden: [4, 3], activation: gelu}",
                            CROSS_ENTROPY),
            "mlp, squared error",
                    List.of("model={kind: mlp, inputs: 3, classes: 2, hidden: [4], activation: tanh}", SQUARED_ERROR),
            "cnn with batch norm, cross-entropy",
                    List.of(
                            "model={kind: cnn, inputs: [1, 4, 4], classes: 3, activation: silu, dense: [], blocks:"
                                    + " [{channels: 2, kernel: 3, norm: batch, pool: global_avg}]}",
                            CROSS_ENTROPY),
            "cnn with batch norm, squared error",
                    List.of(
                            "model={kind: cnn, inputs: [1, 4, 4], classes: 2, activation: gelu, dense: [], blocks:"
                                    + " [{channels: 2, kernel: 3, norm: batch, pool: avg2}]}",
                            SQUARED_ERROR)));

    private static final List<String> PENALTIES = List.of(
            "{kind: psam, rho: 0.3}",
            "{kind: pusam, rho: 0.3}",
            "{kind: gradient_penalty, rho: 0.3, p: 1}",
            "{kind: gradient_penalty, rho: 0.3, p: 1.5}",
            "{kind: gradient_penalty, rho: 0.3, p: 3}",
            "{kind: hessian_trace, sigma2: 0.2}",
            "{kind: hessian_trace, sigma2: 0.2, probes: 2, distribution: rademacher}",
            "{kind: hessian_trace, sigma2: 0.2, nme: none}",
            "{kind: hessian_trace, sigma2: 0.2, nme: without_activation}",
            "{kind: hessian_trace, sigma2: 0.2, nme: only_activation}",
            "{kind: gn_trace, sigma2: 0.2, estimator: hutchinson, probes: 2}",
            "{kind: trace_mix, sigma2: 0.2, c: -0.7}");

    private static final List<String> BY_LABELS =
            List.of("{kind: gn_trace, sigma2: 0.2}", "{kind: gn_trace, sigma2: 0.2, scale: literal}");

    private final String backend;
    private final long seed = Long.getLong("hesse.seed", System.nanoTime());

    PenaltyGradientsTest(String backend) {
        this.backend = backend;
    }

    private Backend open() {
        try {
            return Backends.open(backend, BackendOptions.defaults().withThreads(1), line -> {});
        } catch (UserException e) {
            assumeTrue(!backend.equals("cuda"), "no " + backend + " here: " + e.getMessage());
            throw e;
        }
    }

    @TestFactory
    Stream<DynamicTest> updatesAreGradientsOfLossPlusPenalty() {
        return NETS.entrySet().stream().flatMap(net -> {
            var all = new ArrayList<>(PENALTIES);
            if (net.getValue().contains(CROSS_ENTROPY)) all.addAll(BY_LABELS);
            return all.stream()
                    .map(method -> dynamicTest(
                            net.getKey() + " " + method, () -> penalty(problem(net.getValue(), method), method)));
        });
    }

    private TinyProblem problem(List<String> net, String method) {
        var config = new ArrayList<>(net);
        config.add("method=" + method);
        var p = new TinyProblem(config, 4, seed, name -> name.equals("y_sampled"));
        p.values.put("y_sampled", TinyProblem.integers(Shape.of(4), 3, new SplittableRandom(seed)));
        return p;
    }

    private void penalty(TinyProblem p, String table) {
        var method = TinyProblem.method(table);
        var o = p.objective;
        var first = method.first(o);
        var second = method.second(o, first);
        var update = method.update(o, first, second);
        Node penalty = method.diagnostics(o, first, second).get("penalty");
        check(p, update, Ops.add(o.curvature().loss(), penalty));
    }

    /** With H_z held at its present value: vᵀJ(θ)ᵀ H_z J(θ)v. */
    @TestFactory
    Stream<DynamicTest> heldLogitHessianStandsStill() {
        return NETS.entrySet().stream()
                .filter(net -> net.getValue().contains(CROSS_ENTROPY))
                .map(net -> dynamicTest(net.getKey(), () -> {
                    var table = "{kind: gn_trace, sigma2: 0.2, estimator: hutchinson, differentiate_hz: false}";
                    var p = problem(net.getValue(), table);
                    var o = p.objective;
                    Node z = o.curvature().logits();
                    Node probabilities = held(p, "probabilities", Ops.softmax(z));
                    Node u = o.curvature().jvp(o.probe(0, MethodConfig.Distribution.NORMAL));
                    Node product = Ops.sub(
                            Ops.mul(probabilities, u), Ops.mul(probabilities, Ops.sum(Ops.mul(probabilities, u), -1)));
                    Node form = Ops.scale(1.0 / z.shape().dim(0), Ops.dot(u, product));
                    check(
                            p,
                            TinyProblem.method(table).update(o),
                            Ops.add(o.curvature().loss(), Ops.mul(o.strength("sigma2"), form)));
                }));
    }

    /** ŷ = p + stop(onehot − p) leaves the cotangent of the logits where it is: ‖Jᵀ(θ) c‖². */
    @TestFactory
    Stream<DynamicTest> straightThroughLabelsFollowTheModel() {
        return NETS.entrySet().stream()
                .filter(net -> net.getValue().contains(CROSS_ENTROPY))
                .map(net -> dynamicTest(net.getKey(), () -> {
                    var table = "{kind: gn_trace, sigma2: 0.2, estimator: straight_through}";
                    var p = problem(net.getValue(), table);
                    var o = p.objective;
                    Node z = o.curvature().logits();
                    Node onehot = Ops.oneHot(o.sampledLabels(), z.shape().dim(-1), z.dtype());
                    double n = z.shape().dim(0);
                    Node c = held(p, "cotangent", Ops.scale(1 / n, Ops.sub(Ops.softmax(z), onehot)));
                    var g = Reverse.vjp(Map.of(z, c), o.parameters());
                    Node squares = null;
                    for (Node t : g) squares = squares == null ? Ops.dot(t, t) : Ops.add(squares, Ops.dot(t, t));
                    check(
                            p,
                            TinyProblem.method(table).update(o),
                            Ops.add(
                                    o.curvature().loss(),
                                    Ops.scale(
                                            n,
                                            Ops.mul(o.strength("sigma2"), java.util.Objects.requireNonNull(squares)))));
                }));
    }

    /** An input that holds what the node is at the present values. */
    private Node held(TinyProblem p, String name, Node node) {
        try (var b = open()) {
            var value = p.evaluate(b, List.of(node)).getFirst();
            var t = Tensor.allocate(node.dtype(), node.shape());
            for (int i = 0; i < value.length; i++) t.set(i, value[i]);
            p.values.put(name, t);
        }
        return node.graph().input(name, node.dtype(), node.shape());
    }

    private void check(TinyProblem p, List<Node> update, Node scalar) {
        try (var b = open();
                var compiled = p.compile(b, List.of(scalar))) {
            var differences = new ArrayList<double[]>();
            for (var name : p.objective.names()) differences.add(differences(p, compiled, name));
            var actual = p.evaluate(b, update);
            double error = TinyProblem.relative(actual, differences);
            assertTrue(error <= TOLERANCE, () -> "off by " + error + " with -Dhesse.seed=" + seed);
        }
    }

    private static double[] differences(TinyProblem p, TinyProblem.Compiled scalar, String name) {
        var t = p.values.get(name);
        double[] d = new double[Math.toIntExact(t.size())];
        for (int i = 0; i < d.length; i++) {
            double at = t.get(i);
            for (int k = 1; k <= WEIGHTS.length; k++) {
                for (int sign : new int[] {1, -1}) {
                    t.set(i, at + sign * k * STEP);
                    scalar.changed(name);
                    d[i] += sign * WEIGHTS[k - 1] / STEP * scalar.scalar();
                }
            }
            t.set(i, at);
        }
        scalar.changed(name);
        return d;
    }
}
