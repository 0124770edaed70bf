package hesse.curvature;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.curvature.BatchSource.Batch;
import hesse.curvature.ProbeConfig.Estimator;
import hesse.curvature.ProbeConfig.Operator;
import hesse.models.Mlp;
import hesse.nn.CrossEntropy;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Probes at steps whose batches differ in examples and number. */
class ProbesTest {
    private static final long SEED = System.nanoTime();

    private final SplittableRandom random = new SplittableRandom(SEED);

    private Tensor normal(Shape shape) {
        return Tensor.of(shape, Vectors.normal((int) shape.size(), random));
    }

    private Batch batch(int n) {
        double[] y = new double[n];
        for (int i = 0; i < n; i++) y[i] = random.nextInt(3);
        return new Batch(normal(Shape.of(n, 4)), Tensor.of(DType.I64, Shape.of(n), y));
    }

    @Test
    void eachProbeMeasuresTheBatchOfItsStep() {
        var model = new Mlp(List.of(5), 3, Activations.named("relu", Map.of()).asActivation());
        var f = Forward.declaring(new hesse.graph.Graph(), DType.F64, Mode.TRAIN);
        model.apply(f, f.graph().input("x", DType.F64, Shape.of(1, 4)));
        List<ProbeConfig> probes = List.of(
                new ProbeConfig.TopEigenvalues(2, 2, 1e-10, Operator.HESSIAN),
                new ProbeConfig.SamEdge(4, 1e-10),
                new ProbeConfig.Trace(4, 400, Estimator.HUTCHINSON),
                new ProbeConfig.Phi2(4, 0));
        var training = new Measurement.Training(0.1, 20, 0.05);
        try (var backend = Backends.open("reference", BackendOptions.defaults(), line -> {});
                var p = new Probes(probes, model, new CrossEntropy(), backend, DType.F64, 1)) {
            assertTrue(p.due(2) && !p.due(3));
            for (int step = 2; step <= 6; step += 2) {
                Map<String, Tensor> weights = new HashMap<>();
                for (var parameter : f.parameters()) weights.put(parameter.name(), normal(parameter.shape()));
                var batch = batch(step == 4 ? 6 : 9);
                var records = p.measure(step, batch, weights, training);
                assertEquals(step == 4 ? 4 : 1, records.size());
                var options = Problem.Options.of(DType.F64);
                try (var alone = new Problem(
                                model, new CrossEntropy(), backend, weights, BatchSource.of(batch), options);
                        var h = CurvatureOperator.of(alone, Operator.HESSIAN)) {
                    var dense = SymmetricEigen.of(h.matrix()).values();
                    assertArrayEquals(
                            new double[] {dense[0], dense[1]},
                            (double[]) records.getFirst().get("values"),
                            1e-8 * dense[0],
                            "seed " + SEED);
                    if (step != 4) continue;
                    var edge = records.get(1);
                    assertEquals(dense[0], (double) edge.get("lambda_1"), 1e-8 * dense[0], "seed " + SEED);
                    double g = (double) edge.get("gradient_norm");
                    assertEquals(Edge.sam(20, 0.05, g), (double) edge.get("sam_edge"), 1e-12);
                    var traces = (Map<?, ?>) records.get(2).get("hessian");
                    double trace = 0;
                    for (double e : dense) trace += e;
                    assertEquals(
                            trace,
                            (double) traces.get("estimate"),
                            4.5 * (double) traces.get("stderr"),
                            "seed " + SEED);
                    assertEquals(0.0, (double) records.get(3).get("fraction_nonzero"), "ReLU has no φ″");
                }
            }
        }
    }

    @Test
    void curvedActivationsAreCounted() {
        var model = new Mlp(List.of(5), 3, Activations.named("tanh", Map.of()).asActivation());
        var f = Forward.declaring(new hesse.graph.Graph(), DType.F64, Mode.TRAIN);
        model.apply(f, f.graph().input("x", DType.F64, Shape.of(1, 4)));
        Map<String, Tensor> weights = new HashMap<>();
        for (var parameter : f.parameters()) weights.put(parameter.name(), normal(parameter.shape()));
        try (var backend = Backends.open("reference", BackendOptions.defaults(), line -> {});
                var p = new Probes(
                        List.of(new ProbeConfig.Phi2(1, 0)), model, new CrossEntropy(), backend, DType.F64, 1)) {
            var training = new Measurement.Training(0.1, 20, 0);
            var record = p.measure(1, batch(9), weights, training).getFirst();
            assertEquals(1.0, (double) record.get("fraction_nonzero"), "seed " + SEED);
        }
    }
}
