package hesse.curvature;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.curvature.BatchSource.Batch;
import hesse.curvature.ProbeConfig.Operator;
import hesse.error.UserException;
import hesse.models.Mlp;
import hesse.nn.CrossEntropy;
import hesse.nn.Forward;
import hesse.nn.Loss;
import hesse.nn.MeanSquaredError;
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

/** Operators against closed forms, dense matrices and each other; and what is said when they cannot be had. */
class OperatorTest {
    private static final long SEED = System.nanoTime();
    private static final int N = 7;
    private static final int D = 3;
    private static final int K = 4;

    private final SplittableRandom random = new SplittableRandom(SEED);
    private final Backend backend = Backends.open("reference", BackendOptions.defaults(), line -> {});

    private Tensor normal(Shape shape) {
        return Tensor.of(shape, Vectors.normal((int) shape.size(), random));
    }

    private Batch classes() {
        double[] y = new double[N];
        for (int i = 0; i < N; i++) y[i] = random.nextInt(K);
        return new Batch(normal(Shape.of(N, D)), Tensor.of(DType.I64, Shape.of(N), y));
    }

    private Problem problem(Mlp model, Loss loss, BatchSource data) {
        var f = Forward.declaring(new hesse.graph.Graph(), DType.F64, Mode.TRAIN);
        model.apply(f, f.graph().input("x", DType.F64, Shape.of(1, D)));
        Map<String, Tensor> weights = new HashMap<>();
        for (var p : f.parameters()) weights.put(p.name(), normal(p.shape()));
        return new Problem(model, loss, backend, weights, data, Problem.Options.of(DType.F64));
    }

    private static Mlp mlp(Integer... hidden) {
        return new Mlp(List.of(hidden), K, Activations.named("tanh", Map.of()).asActivation());
    }

    private static double[][] matrix(Problem p, Operator o) {
        try (var a = CurvatureOperator.of(p, o)) {
            return a.matrix();
        }
    }

    private static void assertClose(double[][] expected, double[][] actual, double tolerance) {
        double norm = 0;
        double error = 0;
        for (int i = 0; i < expected.length; i++) {
            for (int j = 0; j < expected[i].length; j++) {
                norm += expected[i][j] * expected[i][j];
                error += Math.pow(expected[i][j] - actual[i][j], 2);
            }
        }
        assertTrue(error <= tolerance * tolerance * Math.max(norm, 1e-30), Math.sqrt(error / norm) + ", seed " + SEED);
    }

    /** Row of x with a 1 for the bias. */
    private static double[] extended(Tensor x, int i) {
        double[] out = new double[D + 1];
        for (int d = 0; d < D; d++) out[d] = x.get((long) i * D + d);
        out[D] = 1;
        return out;
    }

    /** Place of weight (k, d) in the flat vector, d = D for the bias. */
    private static int at(int k, int d) {
        return d < D ? k * D + d : K * D + k;
    }

    /** (1/N) Σᵢ Mᵢ ⊗ x̃ᵢx̃ᵢᵀ. */
    private static double[][] kronecker(Tensor x, java.util.function.IntFunction<double[][]> perExample) {
        double[][] h = new double[K * (D + 1)][K * (D + 1)];
        for (int i = 0; i < N; i++) {
            double[] e = extended(x, i);
            double[][] m = perExample.apply(i);
            for (int a = 0; a < K; a++) {
                for (int b = 0; b < K; b++) {
                    for (int c = 0; c <= D; c++) {
                        for (int d = 0; d <= D; d++) h[at(a, c)][at(b, d)] += m[a][b] * e[c] * e[d] / N;
                    }
                }
            }
        }
        return h;
    }

    @Test
    void linearRegressionHasTheInputsSecondMoments() {
        var batch = new Batch(normal(Shape.of(N, D)), normal(Shape.of(N, K)));
        double[][] identity = new double[K][K];
        for (int k = 0; k < K; k++) identity[k][k] = 1;
        var loss = new MeanSquaredError(MeanSquaredError.Reduction.HALF_SUM_OUTPUTS);
        try (var p = problem(mlp(), loss, BatchSource.of(batch))) {
            var exact = kronecker(batch.x(), i -> identity);
            assertClose(exact, matrix(p, Operator.HESSIAN), 1e-9);
            assertClose(exact, matrix(p, Operator.GAUSS_NEWTON), 1e-9);
            for (double[] row : matrix(p, Operator.NME)) for (double x : row) assertEquals(0, x, 1e-12);
        }
    }

    private static double[] softmax(Problem p, double[] x) {
        var w = p.weights();
        double[] z = new double[K];
        double sum = 0;
        for (int k = 0; k < K; k++) {
            for (int d = 0; d < D; d++) z[k] += w.get("layers.0.weight").get(k * D + d) * x[d];
            z[k] = Math.exp(z[k] + w.get("layers.0.bias").get(k));
            sum += z[k];
        }
        for (int k = 0; k < K; k++) z[k] /= sum;
        return z;
    }

    @Test
    void softmaxRegressionHasTheClassesCovariances() {
        var batch = classes();
        try (var p = problem(mlp(), new CrossEntropy(), BatchSource.of(batch))) {
            var exact = kronecker(batch.x(), i -> {
                double[] s = softmax(p, extended(batch.x(), i));
                double[][] m = new double[K][K];
                for (int a = 0; a < K; a++) {
                    for (int b = 0; b < K; b++) m[a][b] = (a == b ? s[a] : 0) - s[a] * s[b];
                }
                return m;
            });
            assertClose(exact, matrix(p, Operator.HESSIAN), 1e-9);
            assertClose(exact, matrix(p, Operator.GAUSS_NEWTON), 1e-9);
            var empirical = kronecker(batch.x(), i -> {
                double[] r = softmax(p, extended(batch.x(), i));
                r[(int) batch.y().get(i)] -= 1;
                double[][] m = new double[K][K];
                for (int a = 0; a < K; a++) for (int b = 0; b < K; b++) m[a][b] = r[a] * r[b];
                return m;
            });
            assertClose(empirical, matrix(p, Operator.FISHER_EMPIRICAL), 1e-9);
        }
    }

    /** Two classes: (1/N) Σ p(1 − p) x̃x̃ᵀ for the difference of the two rows. */
    @Test
    void logisticRegressionHasTheInputsWeighedByTheVariance() {
        var two = new SmallNets(random, D, 2);
        var batch = two.classified(N);
        try (var p = two.problem(backend, two.mlp("tanh", Map.of()), new CrossEntropy(), BatchSource.of(batch))) {
            var w = p.weights().get("layers.0.weight");
            var b = p.weights().get("layers.0.bias");
            double[][] exact = new double[2 * (D + 1)][2 * (D + 1)];
            for (int i = 0; i < N; i++) {
                double[] x = extended(batch.x(), i);
                double z = b.get(1) - b.get(0);
                for (int d = 0; d < D; d++) z += (w.get(D + d) - w.get(d)) * x[d];
                double one = 1 / (1 + Math.exp(-z));
                for (int k = 0; k < 2; k++) {
                    for (int l = 0; l < 2; l++) {
                        double sign = k == l ? 1 : -1;
                        for (int c = 0; c <= D; c++) {
                            for (int d = 0; d <= D; d++) {
                                int row = c < D ? k * D + c : 2 * D + k;
                                int column = d < D ? l * D + d : 2 * D + l;
                                exact[row][column] += sign * one * (1 - one) * x[c] * x[d] / N;
                            }
                        }
                    }
                }
            }
            assertClose(exact, matrix(p, Operator.HESSIAN), 1e-9);
            assertClose(exact, matrix(p, Operator.GAUSS_NEWTON), 1e-9);
        }
    }

    @Test
    void centralDifferencesTendToExactProductsOfASmoothNet() {
        try (var p = problem(mlp(4), new CrossEntropy(), BatchSource.of(classes()));
                var exact = CurvatureOperator.of(p, Operator.HESSIAN);
                var differences = new FiniteDifferenceHessian(p, p.space(), 1e-3)) {
            double[] v = Vectors.normal(exact.columns(), random);
            double[] hv = exact.apply(v);
            double[] dv = differences.apply(v);
            double norm = Vectors.norm(hv);
            Vectors.add(-1, hv, dv);
            double error = Vectors.norm(dv) / norm;
            assertTrue(error < 1e-4 && error > 0, error + ", seed " + SEED);
            assertEquals(0, Vectors.norm(differences.apply(new double[v.length])));
            assertThrows(IllegalArgumentException.class, () -> new FiniteDifferenceHessian(p, p.space(), 0));
        }
    }

    /** On the kept primal pass a product takes two gradients' contractions, and the first takes three. */
    @Test
    void productsTakeTwoGradientsOnTheKeptPassAndThreeWithIt() {
        try (var p = problem(mlp(6, 6, 6, 6), new CrossEntropy(), BatchSource.of(classes()));
                var h = CurvatureOperator.of(p, Operator.HESSIAN, p.space(), 1, false);
                var g = new LossGradient(p, p.space())) {
            g.value();
            double unit = g.work();
            double[] v = Vectors.normal(h.columns(), random);
            h.apply(v);
            double first = h.work() / unit;
            h.apply(v);
            double further = h.work() / unit - first;
            assertTrue(further > 1.5 && further <= 2.1, "on the kept pass: " + further);
            assertTrue(first <= 3.1, "with the primal pass: " + first);
            assertEquals(h.work(), h.workOf(2), 1e-6 * h.work(), "known beforehand");
        }
    }

    /** Primal passes of the batches that memory has no room for are computed anew for each product. */
    @Test
    void asManyBatchesAsThereIsMemoryForKeepTheirPrimalPass() {
        var batch = classes();
        var model = mlp(6, 6);
        double[][] costs = new double[3][];
        double[][] results = new double[3][];
        var weights = new SmallNets(random, D, K).weights(model);
        double[] v = Vectors.normal(6 * 3 + 6 + 36 + 6 + 24 + 4, random);
        for (int i = 0; i < 3; i++) {
            // a part of one example holds a few hundred bytes of activations
            var options = Problem.Options.of(DType.F64).keeping(new long[] {0, 2000, 1 << 20}[i]);
            try (var p = new Problem(
                            model, new CrossEntropy(), backend, weights, BatchSource.inParts(batch, 1), options);
                    var h = CurvatureOperator.of(p, Operator.HESSIAN, p.space(), 1, false)) {
                h.apply(v);
                double first = h.work();
                results[i] = h.apply(v);
                costs[i] = new double[] {first, h.work() - first};
            }
            for (int k = 0; k < v.length; k++)
                assertEquals(results[0][k], results[i][k], 1e-12 * Vectors.norm(results[0]));
        }
        assertEquals(costs[0][0], costs[0][1], "nothing is kept: " + costs[0][1]);
        assertTrue(costs[2][1] < costs[1][1] && costs[1][1] < costs[0][1], java.util.Arrays.deepToString(costs));
        assertEquals(costs[0][0], costs[2][0], "the first product is as dear everywhere");
    }

    @Test
    void sampledFisherTendsToTheGaussNewtonMatrix() {
        try (var p = problem(mlp(3), new CrossEntropy(), BatchSource.of(classes()));
                var fisher = CurvatureOperator.of(p, Operator.FISHER_MC, p.space(), 400, false);
                var g = CurvatureOperator.of(p, Operator.GAUSS_NEWTON)) {
            double[] v = Vectors.normal(g.columns(), random);
            double exact = Vectors.dot(v, g.apply(v));
            double sampled = Vectors.dot(v, fisher.apply(v));
            // 2,800 draws of a square whose spread is about twice its mean
            assertEquals(exact, sampled, 0.25 * exact, "seed " + SEED);
        }
    }

    @Test
    void gaussNewtonIsMadeOfTheJacobian() {
        var batch = new Batch(normal(Shape.of(N, D)), normal(Shape.of(N, K)));
        var loss = new MeanSquaredError(MeanSquaredError.Reduction.HALF_SUM_OUTPUTS);
        try (var p = problem(mlp(5), loss, BatchSource.inParts(batch, 3));
                var j = new JacobianOperator(p, p.space())) {
            assertEquals(N * K, j.rows());
            double[] v = Vectors.normal(j.columns(), random);
            double[] u = Vectors.normal(j.rows(), random);
            double jv = Vectors.dot(u, j.apply(v));
            assertEquals(jv, Vectors.dot(j.transpose().apply(u), v), 1e-10 * (1 + Math.abs(jv)), "seed " + SEED);
            double[] back = j.transpose().apply(j.apply(v));
            Vectors.scale(1.0 / N, back);
            try (var g = CurvatureOperator.of(p, Operator.GAUSS_NEWTON)) {
                double[] gv = g.apply(v);
                double norm = Vectors.norm(gv);
                Vectors.add(-1, gv, back);
                assertTrue(Vectors.norm(back) <= 1e-10 * norm, "seed " + SEED);
            }
        }
    }

    @Test
    void restrictionIsABlockAndSumsAreSums() {
        try (var p = problem(mlp(3), new CrossEntropy(), BatchSource.of(classes()))) {
            double[][] whole = matrix(p, Operator.HESSIAN);
            var space = p.space("*.bias");
            try (var block = CurvatureOperator.of(p, Operator.HESSIAN, space);
                    var g = CurvatureOperator.of(p, Operator.GAUSS_NEWTON);
                    var n = CurvatureOperator.of(p, Operator.NME)) {
                // biases stand after each layer's weights
                int[] places = {9, 10, 11, 24, 25, 26, 27};
                double[][] expected = new double[7][7];
                for (int i = 0; i < 7; i++) for (int k = 0; k < 7; k++) expected[i][k] = whole[places[i]][places[k]];
                assertClose(expected, block.matrix(), 1e-10);
                assertClose(whole, g.plus(n).matrix(), 1e-10);
                assertClose(
                        whole,
                        g.times(2).minus(g).plus(n.times(-1)).plus(n.times(2)).matrix(),
                        1e-10);
            }
        }
    }

    @Test
    void formsAreProductsAndTheirMeansAreTraces() {
        try (var p = problem(mlp(4), new CrossEntropy(), BatchSource.of(classes()));
                var forms = new QuadraticForms(p, p.space(), true);
                var h = CurvatureOperator.of(p, Operator.HESSIAN);
                var act = CurvatureOperator.of(p, Operator.NME_ACT)) {
            double[] v = Vectors.normal(h.columns(), random);
            var f = forms.of(List.of(v)).getFirst();
            double vhv = Vectors.dot(v, h.apply(v));
            assertEquals(vhv, f.hessian(), 1e-10 * (1 + Math.abs(vhv)), "seed " + SEED);
            double vav = Vectors.dot(v, act.apply(v));
            assertEquals(vav, f.nmeAct(), 1e-10 * (1 + Math.abs(vav)), "seed " + SEED);
            double trace = 0;
            double[][] m = h.matrix();
            for (int i = 0; i < m.length; i++) trace += m[i][i];
            var t = forms.traces(2000, 0, Trace.Distribution.NORMAL, SEED).hessian();
            assertEquals(trace, t.estimate(), 4.5 * t.stderr(), "seed " + SEED);
        }
    }

    @Test
    void productsFollowTheWeightsWhenTheyMove() {
        try (var p = problem(mlp(3), new CrossEntropy(), BatchSource.of(classes()));
                var h = CurvatureOperator.of(p, Operator.HESSIAN)) {
            double[] v = Vectors.normal(h.columns(), random);
            double[] before = h.apply(v);
            double[] step = Vectors.normal(h.columns(), random);
            double[] there = p.displaced(p.space(), step, () -> h.apply(v));
            double[] again = h.apply(v);
            assertTrue(Edge.alignment(before, there) < 1 - 1e-9);
            for (int i = 0; i < before.length; i++) assertEquals(before[i], again[i], 1e-12 * Vectors.norm(before));
        }
    }

    @Test
    void examplesThatChangeBetweenPassesAreRefusedWithAnExplanation() {
        var changing = new BatchSource() {
            @Override
            public int count() {
                return 1;
            }

            @Override
            public int examples() {
                return N;
            }

            @Override
            public Batch batch(int index) {
                return classes();
            }
        };
        try (var p = problem(mlp(3), new CrossEntropy(), changing)) {
            var e = assertThrows(UserException.class, () -> CurvatureOperator.of(p, Operator.HESSIAN));
            assertTrue(String.valueOf(e.getMessage()).contains("dropout"), e.getMessage());
            CurvatureOperator.of(p, Operator.HESSIAN, p.space(), 1, false).close();
        }
    }

    @Test
    void whatCannotBeMeasuredIsSaidClearly() {
        var batch = classes();
        try (var p = problem(mlp(3), new CrossEntropy(), BatchSource.of(batch))) {
            var none = assertThrows(UserException.class, () -> p.space("conv*"));
            assertTrue(String.valueOf(none.getMessage()).contains("layers.0.weight"), none.getMessage());
            try (var h = CurvatureOperator.of(p, Operator.HESSIAN)) {
                assertThrows(UserException.class, () -> Lanczos.largest(h, h.columns() + 1));
            }
            var broken = new HashMap<>(p.weights());
            broken.put("layers.0.bias", Tensor.of(Shape.of(3), 1, Double.NaN, 0));
            var nan = assertThrows(UserException.class, () -> p.moveTo(broken));
            assertTrue(String.valueOf(nan.getMessage()).contains("layers.0.bias"), nan.getMessage());
        }
        assertThrows(
                IllegalArgumentException.class,
                () -> new Batch(Tensor.of(Shape.of(0, D)), Tensor.of(DType.I64, Shape.of(0))));
        var loss = new MeanSquaredError();
        try (var p = problem(mlp(3), loss, BatchSource.of(new Batch(normal(Shape.of(N, D)), normal(Shape.of(N, K)))))) {
            assertThrows(UserException.class, () -> CurvatureOperator.of(p, Operator.FISHER_MC));
        }
    }

    @Test
    void powerIterationAgreesWithLanczosAndAWarmStartIsCheaper() {
        try (var p = problem(mlp(6), new CrossEntropy(), BatchSource.of(classes()));
                var g = CurvatureOperator.of(p, Operator.GAUSS_NEWTON)) {
            var top = Lanczos.largest(g, 2);
            var power = PowerIteration.find(g, 1e-12, 5000, SEED);
            assertEquals(top.values()[0], power.values()[0], 1e-5 * top.values()[0], "seed " + SEED);
            var warm = Lanczos.find(
                    g, Lanczos.Options.of(1).to(1e-2).from(top.vectors().subList(0, 1)));
            var cold = Lanczos.find(g, Lanczos.Options.of(1).to(1e-2));
            assertTrue(warm.products() <= cold.products(), warm.products() + " and " + cold.products());
        }
    }

    @Test
    void aSearchThatIsStoppedGivesWhatItHas() {
        double[] d = new double[500];
        for (int i = 0; i < 500; i++) d[i] = i;
        int[] asked = {0};
        var found = Lanczos.find(
                LinearOperator.diagonal(d), Lanczos.Options.of(2).to(1e-12).until(() -> ++asked[0] >= 8));
        assertTrue(!found.converged() && found.products() == 8);
        assertTrue(found.values()[0] > 300 && found.values()[0] <= 499.0001);
        assertEquals(2, found.vectors().size());
    }
}
