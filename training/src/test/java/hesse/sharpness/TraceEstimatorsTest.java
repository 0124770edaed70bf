package hesse.sharpness;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.graph.Node;
import hesse.nn.Forward;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The penalties' scalars have the exact traces as their means: as many draws as make the standard error 1 % of the trace, and the mean
 * within 3 standard errors of it. The draws are those of steps 0, 1, … of fixed seeds, so that the test always ends alike.
 */
class TraceEstimatorsTest {
    private static final double RELATIVE_ERROR = 0.01;
    private static final int AT_MOST = 200_000;

    private static final String MLP = "{kind: mlp, inputs: 4, classes: 3, hidden: [6, 5], activation: gelu}";
    private static final String CNN = "{kind: cnn, inputs: [1, 4, 4], classes: 3, activation: gelu, dense: [], blocks:"
            + " [{channels: 3, kernel: 3, norm: batch, pool: global_avg}]}";
    private static final String TRANSFORMER = "{kind: transformer, vocab: 4, context: 3, layers: 1, heads: 1,"
            + " key_size: 2, width: 3, mlp_ratio: 2, activation: gelu_tanh}";

    private final Backend backend =
            Backends.open("cpu", BackendOptions.defaults().withThreads(1), line -> {});

    @AfterEach
    void close() {
        backend.close();
    }

    /** Exact tr(H) and tr(G), by every unit vector. */
    private record Traces(double h, double g) {}

    private Traces exact(TinyProblem p) {
        var o = p.objective;
        var v = new ArrayList<Node>();
        for (int i = 0; i < o.names().size(); i++) {
            var shape = o.parameters().get(i).shape();
            v.add(o.graph().input("unit." + o.names().get(i), DType.F64, shape));
            p.values.put("unit." + o.names().get(i), Tensor.allocate(DType.F64, shape));
        }
        double h = 0;
        double g = 0;
        try (var forms =
                p.compile(backend, List.of(o.curvature().vhv(v), o.curvature().vgv(v)))) {
            for (var name : o.names()) {
                var unit = p.values.get("unit." + name);
                for (long i = 0; i < unit.size(); i++) {
                    unit.set(i, 1);
                    forms.changed("unit." + name);
                    var here = forms.run();
                    h += here.get(0)[0];
                    g += here.get(1)[0];
                    unit.set(i, 0);
                }
                forms.changed("unit." + name);
            }
        }
        return new Traces(h, g);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                MLP + " | {kind: hessian_trace, sigma2: 1} | h",
                MLP + " | {kind: hessian_trace, sigma2: 1, distribution: rademacher, probes: 3} | h",
                MLP + " | {kind: hessian_trace, sigma2: 1, nme: none} | g",
                MLP + " | {kind: gn_trace, sigma2: 1, estimator: hutchinson} | g",
                MLP + " | {kind: gn_trace, sigma2: 1, estimator: hutchinson, distribution: rademacher} | g",
                MLP + " | {kind: gn_trace, sigma2: 1} | g",
                MLP + " | {kind: gn_trace, sigma2: 1, estimator: straight_through} | g",
                MLP + " | {kind: trace_mix, sigma2: 1, c: 1} | h",
                CNN + " | {kind: hessian_trace, sigma2: 1} | h",
                CNN + " | {kind: gn_trace, sigma2: 1, estimator: hutchinson} | g",
                CNN + " | {kind: gn_trace, sigma2: 1} | g",
                TRANSFORMER + " | {kind: gn_trace, sigma2: 1, estimator: hutchinson} | g",
                TRANSFORMER + " | {kind: gn_trace, sigma2: 1} | g"
            })
    void penaltiesAreUnbiased(String model, String table, String trace) {
        var p = new TinyProblem(List.of("model=" + model, "method=" + table), 4, 5, name -> false);
        var traces = exact(p);
        double expected = trace.equals("h") ? traces.h : traces.g;
        var o = p.objective;
        var method = TinyProblem.method(table);
        var first = method.first(o);
        Node penalty = method.diagnostics(o, first, method.second(o, first)).get("penalty");
        double sum = 0;
        double squares = 0;
        long n = 0;
        double error = Double.POSITIVE_INFINITY;
        try (var compiled = p.compile(backend, List.of(penalty))) {
            while (n < AT_MOST && (n < 1000 || error > RELATIVE_ERROR * Math.abs(expected))) {
                p.set(Forward.STEP, n++);
                compiled.changed(Forward.STEP);
                double x = compiled.scalar() - expected;
                sum += x;
                squares += x * x;
                error = Math.sqrt(Math.max(0, squares - sum * sum / n) / (n - 1) / n);
            }
        }
        double off = sum / n;
        var seen = "trace %.6g, mean of %d draws off by %.3g, standard error %.3g".formatted(expected, n, off, error);
        assertTrue(error <= RELATIVE_ERROR * Math.abs(expected), seen);
        assertTrue(Math.abs(off) <= 3 * error, seen);
    }

    /** As printed in the paper the sampled-label penalty is smaller by the number of labels: examples, times positions. */
    @ParameterizedTest
    @CsvSource({"mlp, 4", "transformer, 12"})
    void literalScaleIsSmallerByTheNumberOfLabels(String kind, double labels) {
        var model = kind.equals("mlp") ? MLP : TRANSFORMER;
        double[] penalties = new double[2];
        for (int i = 0; i < 2; i++) {
            var table = "{kind: gn_trace, sigma2: 0.3, scale: " + (i == 0 ? "trace" : "literal") + "}";
            var p = new TinyProblem(List.of("model=" + model, "method=" + table), 4, 5, name -> false);
            var method = TinyProblem.method(table);
            var first = method.first(p.objective);
            var diagnostics = method.diagnostics(p.objective, first, method.second(p.objective, first));
            penalties[i] =
                    p.evaluate(backend, List.of(diagnostics.get("penalty"))).getFirst()[0];
        }
        assertEquals(labels, penalties[0] / penalties[1], 1e-12 * labels);
    }

    /** N is bilinear between layers then: nothing on its diagonal. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{kind: mlp, inputs: 4, classes: 3, hidden: [6, 5, 4], activation: relu}",
                "{kind: mlp, inputs: 4, classes: 3, hidden: [6, 5], activation: leaky_relu}",
                "{kind: cnn, inputs: [1, 4, 4], classes: 3, activation: relu, dense: [4], blocks:"
                        + " [{channels: 3, kernel: 3}, {channels: 3, kernel: 3, pool: max2}]}"
            })
    void piecewiseLinearNetsHaveTheTraceOfTheirGaussNewtonMatrix(String model) {
        for (var loss : List.of("{kind: cross-entropy}", "{kind: mse}")) {
            var t = exact(new TinyProblem(List.of("model=" + model, "loss=" + loss), 4, System.nanoTime(), n -> false));
            assertTrue(t.g > 0);
            assertEquals(t.g, t.h, 1e-13 * t.g, loss);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                MLP,
                "{kind: cnn, inputs: [1, 4, 4], classes: 3, activation: relu, dense: [], blocks:"
                        + " [{channels: 3, kernel: 3, norm: batch, pool: max2}]}",
                "{kind: cnn, inputs: [1, 4, 4], classes: 3, activation: gelu, dense: [], blocks:"
                        + " [{channels: 3, kernel: 3, pool: max2}]}"
            })
    void withBatchNormOrCurvedActivationsTheTracesDiffer(String model) {
        var t = exact(new TinyProblem(List.of("model=" + model), 4, System.nanoTime(), n -> false));
        assertTrue(Math.abs(t.h - t.g) > 1e-6 * t.g, t.toString());
    }

    @Test
    void onePositionIsOneLabel() {
        var p = new TinyProblem(List.of("model=" + TRANSFORMER), 4, 5, name -> false);
        assertEquals(12, p.objective.labels());
        assertEquals(Shape.of(4, 3), p.objective.sampledLabels().shape());
    }
}
