package hesse.curvature;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.curvature.ProbeConfig.Operator;
import hesse.error.UserException;
import hesse.models.WeightFile;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.run.Batch;
import hesse.run.Config;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Operators of small networks, as whole matrices, against spectra, traces and diagonals of an independent implementation. */
class GoldenSpectraTest {
    private static final Path FOLDER = Path.of("src/test/resources/golden-curvature");

    /** A network of the test resources. */
    record Case(Map<String, Tensor> expected, Problem problem, Backend backend) implements AutoCloseable {
        static Case open(Path folder, String backendName, int parts) {
            var config = Config.load(folder.resolve("config.yaml").toString(), List.of());
            var model = config.model().build(Optional.empty(), OptionalInt.empty());
            var mode = folder.getFileName().toString().endsWith("-eval") ? Mode.EVAL : Mode.TRAIN;
            var batch = Batch.read(folder.resolve("batch.safetensors"), model.inputs(), DType.F64);
            var scratch = Forward.declaring(new hesse.graph.Graph(), DType.F64, mode);
            model.model().apply(scratch, model.inputs().node(scratch.graph(), "x", batch.size(), DType.F64));
            var weights = WeightFile.read(
                    folder.resolve("weights.safetensors"),
                    scratch.parameters(),
                    scratch.buffers(),
                    mode == Mode.EVAL,
                    DType.F64);
            var backend = Backends.open(backendName, BackendOptions.defaults().withThreads(1), line -> {});
            var examples = new BatchSource.Batch(batch.x(), batch.y());
            var source = parts == 1
                    ? BatchSource.of(examples)
                    : BatchSource.inParts(examples, (examples.size() + parts - 1) / parts);
            var problem = new Problem(
                    model.model(),
                    config.loss().function(),
                    backend,
                    weights,
                    source,
                    Problem.Options.of(DType.F64).with(mode));
            return new Case(
                    Safetensors.read(folder.resolve("expected.safetensors")).tensors(), problem, backend);
        }

        double scalar(String name) {
            return expected.get(name).get(0);
        }

        double[] vector(String prefix) {
            var named = new HashMap<String, Tensor>();
            expected.forEach((name, t) -> {
                if (name.startsWith(prefix)) named.put(name.substring(prefix.length()), t);
            });
            return problem.space().fromStored(named);
        }

        @Override
        public void close() {
            problem.close();
            backend.close();
        }
    }

    static Stream<Path> folders() throws IOException {
        return Files.list(FOLDER).sorted();
    }

    private static String name(Operator o) {
        return o.name().toLowerCase(Locale.ROOT);
    }

    @TestFactory
    Stream<DynamicTest> matricesOfAllOperators() throws IOException {
        return folders()
                .flatMap(f -> Stream.of("reference", "cpu")
                        .map(b -> DynamicTest.dynamicTest(f.getFileName() + " " + b, () -> {
                            try (var c = Case.open(f, b, 1)) {
                                for (var o : Operator.values()) {
                                    if (c.expected().containsKey("trace." + name(o))) matrix(c, o);
                                }
                            }
                        })));
    }

    private static void matrix(Case c, Operator o) {
        try (var operator = CurvatureOperator.of(c.problem(), o)) {
            double[][] m = operator.matrix();
            double norm = Math.max(c.scalar("frobenius." + name(o)), 1e-300);
            double trace = 0;
            double squares = 0;
            double[] diagonal = new double[m.length];
            for (int i = 0; i < m.length; i++) {
                trace += m[i][i];
                diagonal[i] = m[i][i];
                for (int j = 0; j < m.length; j++) {
                    squares += m[i][j] * m[i][j];
                    assertEquals(m[i][j], m[j][i], 1e-12 * norm, o + " is symmetric");
                }
            }
            var whole = c.expected().get("matrix." + name(o));
            for (int i = 0, at = 0; whole != null && i < m.length; i++) {
                for (int j = 0; j <= i; j++, at++) assertEquals(whole.get(at), m[i][j], 1e-9 * norm, o + " matrix");
            }
            assertEquals(c.scalar("trace." + name(o)), trace, 1e-9 * norm, o + " trace");
            assertEquals(c.scalar("frobenius." + name(o)), Math.sqrt(squares), 1e-9 * norm, o + " Frobenius norm");
            double[] expected = c.vector("diagonal." + name(o) + ".");
            Vectors.add(-1, expected, diagonal);
            assertTrue(Vectors.norm(diagonal) <= 1e-9 * norm, o + " diagonal");
            var values = SymmetricEigen.of(m).values();
            var golden = c.expected().get("eigenvalues." + name(o));
            for (int i = 0; i < values.length; i++) {
                assertEquals(golden.get(i), values[i], 1e-9 * norm, o + " eigenvalue " + i);
            }
        }
    }

    @TestFactory
    Stream<DynamicTest> lanczosFindsBothEndsOfTheSpectrum() throws IOException {
        return folders()
                .map(f -> DynamicTest.dynamicTest(f.getFileName().toString(), () -> {
                    try (var c = Case.open(f, "cpu", 1)) {
                        for (var o : Operator.values()) {
                            var golden = c.expected().get("eigenvalues." + name(o));
                            if (golden == null) continue;
                            int n = (int) golden.size();
                            double norm = Math.max(Math.abs(golden.get(0)), Math.abs(golden.get(n - 1)));
                            if (norm < 1e-14) continue;
                            // a zero at the lower end has many eigenvectors; a block finds as many of them as it has
                            // vectors
                            boolean multiple = Math.abs(golden.get(n - 5)) < 1e-12 * norm;
                            for (int block : multiple ? new int[] {5} : new int[] {1, 5}) {
                                try (var operator = CurvatureOperator.of(c.problem(), o)) {
                                    var found = Lanczos.find(
                                            operator,
                                            Lanczos.Options.of(5)
                                                    .at(Lanczos.End.BOTH)
                                                    .to(1e-10)
                                                    .inBlocksOf(block));
                                    assertTrue(found.converged());
                                    for (int i = 0; i < 10; i++) {
                                        double e = golden.get(i < 5 ? i : n - 10 + i);
                                        assertEquals(e, found.values()[i], 1e-10 * norm, o + " eigenvalue " + i);
                                    }
                                    if (golden.get(0) - golden.get(1) > 1e-3 * norm) {
                                        double[] top = c.vector("top." + name(o) + ".");
                                        assertEquals(
                                                1,
                                                Edge.alignment(
                                                        top, found.vectors().getFirst()),
                                                1e-9);
                                    }
                                }
                            }
                        }
                    }
                }));
    }

    @TestFactory
    Stream<DynamicTest> lossAndGradientNorm() throws IOException {
        return folders()
                .map(f -> DynamicTest.dynamicTest(f.getFileName().toString(), () -> {
                    try (var c = Case.open(f, "cpu", 1);
                            var g = new LossGradient(c.problem(), c.problem().space())) {
                        assertEquals(c.scalar("loss"), g.value().loss(), 1e-12 * Math.abs(c.scalar("loss")));
                        assertEquals(c.scalar("gradient_norm"), g.value().norm(), 1e-9 * c.scalar("gradient_norm"));
                    }
                }));
    }

    /** Without batch statistics the mean over unequal micro-batches is the mean over the batch. */
    @TestFactory
    Stream<DynamicTest> microBatchesGiveTheSameMatrices() throws IOException {
        return Stream.of("mlp-ce", "mlp-relu-mse", "cnn-batch-norm-eval")
                .map(f -> DynamicTest.dynamicTest(f, () -> {
                    try (var whole = Case.open(FOLDER.resolve(f), "cpu", 1);
                            var parts = Case.open(FOLDER.resolve(f), "cpu", 3)) {
                        assertTrue(parts.problem().data().count() > 1);
                        for (var o : Operator.values()) {
                            if (o == Operator.FISHER_MC) continue;
                            try (var a = CurvatureOperator.of(whole.problem(), o);
                                    var b = CurvatureOperator.of(parts.problem(), o)) {
                                double[] v = Vectors.normal(a.columns(), new java.util.SplittableRandom(3));
                                double[] x = a.apply(v);
                                double[] y = b.apply(v);
                                double norm = Vectors.norm(x);
                                Vectors.add(-1, x, y);
                                assertTrue(Vectors.norm(y) <= 1e-12 * Math.max(norm, 1e-3), o + ": " + Vectors.norm(y));
                            }
                        }
                    }
                }));
    }

    /** The same examples in batches that are put together anew on each pass: with batch statistics that is another matrix each time. */
    @Test
    void otherBatchesOfTheSameExamplesAreRefusedWhereBatchesHaveStatistics() {
        var folder = FOLDER.resolve("cnn-batch-norm-ce");
        try (var c = Case.open(folder, "reference", 1)) {
            var whole = c.problem().data().batch(0);
            int half = whole.size() / 2;
            int[] passes = {0};
            var shuffled = new BatchSource() {
                @Override
                public int count() {
                    return 2;
                }

                @Override
                public int examples() {
                    return whole.size();
                }

                @Override
                public BatchSource.Batch batch(int index) {
                    // one example more to the right on each pass
                    int first = index * half + passes[0];
                    if (index == 1) passes[0]++;
                    return new BatchSource.Batch(rotated(whole.x(), first, half), rotated(whole.y(), first, half));
                }
            };
            var config = Config.load(folder.resolve("config.yaml").toString(), List.of());
            var model =
                    config.model().build(Optional.empty(), OptionalInt.empty()).model();
            var options = c.problem().options().keeping(0);
            var weights = c.problem().weights();
            try (var p = new Problem(model, config.loss().function(), c.backend(), weights, shuffled, options)) {
                var e = assertThrows(UserException.class, () -> CurvatureOperator.of(p, Operator.HESSIAN));
                assertTrue(String.valueOf(e.getMessage()).contains("statistics of batches"), e.getMessage());
            }
        }
    }

    private static Tensor rotated(Tensor t, int first, int n) {
        int all = t.shape().dim(0);
        int row = (int) (t.size() / all);
        double[] values = new double[n * row];
        for (int i = 0; i < values.length; i++) values[i] = t.get((long) ((first + i / row) % all) * row + i % row);
        return Tensor.of(t.dtype(), t.shape().with(0, n), values);
    }
}
