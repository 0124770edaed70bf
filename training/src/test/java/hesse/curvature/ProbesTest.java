package hesse.curvature;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.curvature.BatchSource.Batch;
import hesse.curvature.ProbeConfig.Estimator;
import hesse.curvature.ProbeConfig.Operator;
import hesse.data.DataConfig;
import hesse.data.Examples;
import hesse.data.Normalization;
import hesse.error.UserException;
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
import java.util.Optional;
import java.util.OptionalInt;
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

    private static ProbeConfig.Common common(ProbeConfig.On on, double budget) {
        return new ProbeConfig.Common(1, on, Optional.empty(), budget > 0 ? Optional.of(budget) : Optional.empty());
    }

    /** A set of examples in memory, as a data set gives them. */
    private static Examples examples(Batch batch) {
        return new Examples() {
            @Override
            public Spec spec() {
                return new Spec(Kind.FEATURES, Shape.of(4), 1, Shape.SCALAR, false, 3);
            }

            @Override
            public int size() {
                return batch.size();
            }

            @Override
            public void input(int index, double[] into) {
                for (int i = 0; i < 4; i++) into[i] = batch.x().get(index * 4L + i);
            }

            @Override
            public void target(int index, double[] into) {
                into[0] = batch.y().get(index);
            }
        };
    }

    private final SmallNets nets = new SmallNets(random, 4, 3);

    @Test
    void budgetsBoundTheContractionsAndAreKnownBeforehand() {
        var model = nets.mlp("gelu", Map.of(), 12, 12);
        List<ProbeConfig> probes = List.of(
                new ProbeConfig.TopEigenvalues(
                        common(ProbeConfig.On.BATCH, 15), 2, 0, Operator.HESSIAN, Optional.empty()),
                new ProbeConfig.SamEdge(common(ProbeConfig.On.BATCH, 20), 1, 0),
                new ProbeConfig.Trace(common(ProbeConfig.On.BATCH, 30), 1000, Estimator.HUTCHINSON, 0),
                new ProbeConfig.Trace(common(ProbeConfig.On.BATCH, 40), 1000, Estimator.XTRACE, 0),
                new ProbeConfig.Density(common(ProbeConfig.On.BATCH, 25), Operator.NME, 10, 3, 50, 0.01),
                new ProbeConfig.Slice(common(ProbeConfig.On.BATCH, 30), ProbeConfig.Along.EIGENVECTOR, 1, 1, 5, 0));
        try (var backend = Backends.open("reference", BackendOptions.defaults(), line -> {});
                var p = new Probes(probes, model, new CrossEntropy(), backend, DType.F64, 1)) {
            var weights = nets.weights(model);
            for (int step = 1; step <= 2; step++) {
                var records = p.measure(step, batch(9), weights, new Measurement.Training(0.1, 20, 0.05));
                for (var r : records) {
                    double spent = (double) r.get("contractions");
                    double budget = (double) r.get("budget");
                    assertTrue(spent <= budget + 1e-9, r.get("probe") + " spent " + spent + " of " + budget);
                    assertTrue(spent > budget / 2, r.get("probe") + " spent only " + spent + " of " + budget);
                }
                assertEquals(false, records.getFirst().get("converged"), "tolerance 0 is never reached in 15");
            }
        }
        var tiny = new ProbeConfig.TopEigenvalues(
                common(ProbeConfig.On.BATCH, 4), 2, 0, Operator.HESSIAN, Optional.empty());
        try (var backend = Backends.open("reference", BackendOptions.defaults(), line -> {});
                var p = new Probes(List.of(tiny), model, new CrossEntropy(), backend, DType.F64, 1)) {
            var e = assertThrows(
                    UserException.class,
                    () -> p.measure(1, batch(9), nets.weights(model), new Measurement.Training(0.1, 20, 0)));
            assertTrue(String.valueOf(e.getMessage()).contains("3 are needed"), e.getMessage());
        }
    }

    @Test
    void probesOnFixedAndAllExamplesDoNotDependOnTheTrainingBatch() {
        var model = nets.mlp("gelu", Map.of(), 5);
        var all = batch(20);
        var fixed = new ProbeConfig.Common(1, ProbeConfig.On.FIXED, Optional.of(6), Optional.empty());
        List<ProbeConfig> probes = List.of(
                new ProbeConfig.TopEigenvalues(fixed, 1, 1e-10, Operator.HESSIAN, Optional.empty()),
                new ProbeConfig.TopEigenvalues(
                        common(ProbeConfig.On.FULL, 0), 1, 1e-10, Operator.HESSIAN, Optional.empty()),
                new ProbeConfig.Phi2(common(ProbeConfig.On.FULL, 0), 0));
        var source =
                new Probes.Source(examples(all), Normalization.fit(DataConfig.Normalize.NONE, examples(all), 7), 7);
        var training = new Measurement.Training(0.1, 20, 0);
        try (var backend = Backends.open("reference", BackendOptions.defaults(), line -> {});
                var p = new Probes(
                        probes,
                        model,
                        new CrossEntropy(),
                        backend,
                        DType.F64,
                        1,
                        Optional.of(source),
                        OptionalInt.empty())) {
            var weights = nets.weights(model);
            var first = p.measure(1, batch(9), weights, training);
            var second = p.measure(2, batch(5), weights, training);
            int[] sizes = {6, 20};
            for (int i = 0; i < 2; i++) {
                assertEquals(sizes[i], first.get(i).get("examples"));
                double[] values = (double[]) first.get(i).get("values");
                assertArrayEquals(values, (double[]) second.get(i).get("values"));
                var part = BatchSource.inParts(all, sizes[i]).batch(0);
                var options = Problem.Options.of(DType.F64);
                try (var alone = new Problem(
                                model, new CrossEntropy(), backend, weights, BatchSource.of(part), options);
                        var h = CurvatureOperator.of(alone, Operator.HESSIAN)) {
                    assertEquals(
                            SymmetricEigen.of(h.matrix()).values()[0], values[0], 1e-8 * values[0], "seed " + SEED);
                }
            }
            assertEquals(1.0, (double) first.get(2).get("fraction_nonzero"), 1e-12, "seed " + SEED);
        }
        assertThrows(IllegalArgumentException.class, () -> {
            try (var backend = Backends.open("reference", BackendOptions.defaults(), line -> {})) {
                new Probes(probes, model, new CrossEntropy(), backend, DType.F64, 1);
            }
        });
    }

    @Test
    void densitiesNormsSlicesAndDifferencesAreRecorded() {
        var model = nets.mlp("tanh", Map.of(), 5);
        List<ProbeConfig> probes = List.of(
                new ProbeConfig.Density(common(ProbeConfig.On.BATCH, 0), Operator.HESSIAN, 100, 2, 300, 0.02),
                new ProbeConfig.Norms(common(ProbeConfig.On.BATCH, 0)),
                new ProbeConfig.Slice(common(ProbeConfig.On.BATCH, 0), ProbeConfig.Along.EIGENVECTOR, 2, 0.5, 5, 1e-8),
                new ProbeConfig.TopEigenvalues(
                        common(ProbeConfig.On.BATCH, 0), 1, 1e-8, Operator.HESSIAN, Optional.of(1e-3)));
        try (var backend = Backends.open("reference", BackendOptions.defaults(), line -> {});
                var p = new Probes(probes, model, new CrossEntropy(), backend, DType.F64, 1)) {
            var weights = nets.weights(model);
            var batch = batch(9);
            var records = p.measure(1, batch, weights, new Measurement.Training(0.1, 20, 0));
            double[] grid = (double[]) records.getFirst().get("grid");
            double[] density = (double[]) records.getFirst().get("values");
            double mass = 0;
            for (double d : density) mass += d * (grid[1] - grid[0]);
            assertEquals(1, mass, 0.05, "seed " + SEED);
            var options = Problem.Options.of(DType.F64);
            try (var alone = new Problem(model, new CrossEntropy(), backend, weights, BatchSource.of(batch), options);
                    var h = CurvatureOperator.of(alone, Operator.HESSIAN);
                    var g = new LossGradient(alone, alone.space())) {
                var norms = records.get(1);
                double gradient = 0;
                for (Object n : ((Map<?, ?>) norms.get("gradient")).values()) gradient += Math.pow((double) n, 2);
                assertEquals(g.value().norm(), Math.sqrt(gradient), 1e-10);
                double own = norm(weights, "layers.1.weight", "layers.1.bias");
                assertEquals(own, (double) ((Map<?, ?>) norms.get("parameters")).get("layers.1"), 1e-10);
                double[] losses = (double[]) records.get(2).get("loss");
                var second = SymmetricEigen.of(h.matrix()).vectors()[1].clone();
                Vectors.scale(0.25, second);
                double ahead = g.at(second).loss();
                assertEquals(
                        0, Math.min(Math.abs(ahead - losses[1]), Math.abs(ahead - losses[3])), 1e-6, "seed " + SEED);
                assertEquals(g.value().loss(), losses[2], 1e-12, "the middle is here");
                assertEquals("eigenvector 2", records.get(2).get("direction"));
                assertEquals(5, losses.length);
                double exact = SymmetricEigen.of(h.matrix()).values()[0];
                assertEquals(1e-3, records.get(3).get("finite_difference"));
                assertEquals(exact, ((double[]) records.get(3).get("values"))[0], 1e-3 * exact, "seed " + SEED);
            }
        }
    }

    private static double norm(Map<String, Tensor> weights, String... names) {
        double sum = 0;
        for (var name : names)
            for (long i = 0; i < weights.get(name).size(); i++)
                sum += Math.pow(weights.get(name).get(i), 2);
        return Math.sqrt(sum);
    }

    /** λ₁ of P^(−½)(H + (ρ/‖g‖)H²)P^(−½), and alignments with the first two eigenvectors, against dense matrices. */
    @Test
    void adamsPreconditionedEigenvaluesAndAlignmentsAreThoseOfDenseMatrices() {
        var model = nets.mlp("tanh", Map.of(), 4);
        var weights = nets.weights(model);
        Map<String, Tensor> diagonal = new HashMap<>();
        weights.forEach((name, t) -> {
            double[] d = new double[(int) t.size()];
            for (int i = 0; i < d.length; i++) d[i] = 0.1 + random.nextDouble();
            diagonal.put(name, Tensor.of(t.shape(), d));
        });
        double rho = 0.05;
        var training = new Measurement.Training(0.1, 380, rho).preconditioned(diagonal);
        List<ProbeConfig> probes = List.of(new ProbeConfig.SamEdge(common(ProbeConfig.On.BATCH, 0), 2, 1e-10));
        try (var backend = Backends.open("reference", BackendOptions.defaults(), line -> {});
                var p = new Probes(probes, model, new CrossEntropy(), backend, DType.F64, 1)) {
            var batch = batch(9);
            var record = p.measure(1, batch, weights, training).getFirst();
            var options = Problem.Options.of(DType.F64);
            try (var alone = new Problem(model, new CrossEntropy(), backend, weights, BatchSource.of(batch), options);
                    var h = CurvatureOperator.of(alone, Operator.HESSIAN);
                    var gradient = new LossGradient(alone, alone.space())) {
                var g = gradient.value();
                double[][] m = h.matrix();
                double[] d = alone.space().flat(diagonal);
                int n = d.length;
                double[][] plain = new double[n][n];
                double[][] perturbed = new double[n][n];
                for (int i = 0; i < n; i++) {
                    for (int j = 0; j < n; j++) {
                        double scale = 1 / Math.sqrt(d[i] * d[j]);
                        plain[i][j] = scale * m[i][j];
                        perturbed[i][j] = scale * (m[i][j] + rho / g.norm() * Vectors.dot(m[i], m[j]));
                    }
                }
                double expected = SymmetricEigen.of(plain).values()[0];
                assertEquals(expected, (double) record.get("preconditioned_lambda_1"), 1e-8 * expected, "seed " + SEED);
                expected = SymmetricEigen.of(perturbed).values()[0];
                assertEquals(expected, (double) record.get("effective_lambda_1"), 1e-8 * expected, "seed " + SEED);
                assertEquals(380.0, record.get("optimizer_edge"));
                assertEquals(record.get("sam_edge"), record.get("psam_edge"));
                assertEquals(Edge.pusam(20, rho), (double) record.get("pusam_edge"), 1e-12);
                var eigen = SymmetricEigen.of(m);
                double[] sam = gradient.sam(g.gradient(), rho);
                for (int i = 0; i < 2; i++) {
                    assertEquals(
                            Edge.alignment(g.gradient(), eigen.vectors()[i]),
                            ((double[]) record.get("alignments_gradient"))[i],
                            1e-6,
                            "seed " + SEED);
                    assertEquals(
                            Edge.alignment(sam, eigen.vectors()[i]),
                            ((double[]) record.get("alignments_sam"))[i],
                            1e-6,
                            "seed " + SEED);
                }
            }
        }
    }
}
