package hesse.curvature;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.curvature.Landscape.Axis;
import hesse.curvature.ProbeConfig.Operator;
import hesse.error.UserException;
import hesse.nn.CrossEntropy;
import hesse.nn.MeanSquaredError;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Slices of loss and ‖N‖ against dense matrices, and the picture of two parameters of one hidden layer. */
class LandscapeTest {
    private static final long SEED = System.nanoTime();

    private final SmallNets nets = new SmallNets(new SplittableRandom(SEED), 3, 2);
    private final Backend backend = Backends.open("reference", BackendOptions.defaults(), line -> {});

    private static double[] at(Axis x, int i, Axis y, int j) {
        double[] by = x.direction().vector().clone();
        Vectors.scale(x.steps()[i], by);
        Vectors.add(y.steps()[j], y.direction().vector(), by);
        return by;
    }

    /** ‖QᵀN Q‖_F with Q an orthonormal basis of two vectors, from products. */
    private static double restricted(LinearOperator n, double[] a, double[] b) {
        var q = Vectors.Orthonormal.of(List.of(a, b), new SplittableRandom(0)).q();
        var images = n.apply(q);
        double sum = 0;
        for (double[] u : q) for (double[] w : images) sum += Math.pow(Vectors.dot(u, w), 2);
        return Math.sqrt(sum);
    }

    @Test
    void everyPointIsTheLossAndTheRestrictedNmeThere() {
        var model = nets.mlp("tanh", Map.of(), 4);
        try (var p = nets.problem(backend, model, new CrossEntropy(), BatchSource.inParts(nets.classified(7), 4));
                var nme = CurvatureOperator.of(p, Operator.NME);
                var loss = new LossGradient(p, p.space())) {
            var x = new Axis(Direction.random(p.space(), 1), -1, 0.5, 3);
            var y = new Axis(Direction.filterNormalised(p.space(), p.weights(), 2), 0, 1, 2);
            var l = Landscape.of(p, p.space(), List.of(x, y), true, () -> false);
            var before = p.weights();
            for (int j = 0; j < 2; j++) {
                for (int i = 0; i < 3; i++) {
                    double[] by = at(x, i, y, j);
                    assertEquals(loss.at(by).loss(), l.loss()[j][i], 1e-12, "seed " + SEED);
                    double expected = p.displaced(
                            p.space(),
                            by,
                            () -> restricted(
                                    nme, x.direction().vector(), y.direction().vector()));
                    assertEquals(expected, l.nme().orElseThrow()[j][i], 1e-10 * (1 + expected), "seed " + SEED);
                }
            }
            for (var name : before.keySet())
                assertTrue(before.get(name) == p.weights().get(name));
        }
    }

    @Test
    void aLinearModelsLossIsAParabolaWithoutNme() {
        var model = nets.mlp("tanh", Map.of());
        try (var p = nets.problem(backend, model, new MeanSquaredError(), BatchSource.of(nets.valued(5)));
                var gradient = new LossGradient(p, p.space());
                var h = CurvatureOperator.of(p, Operator.HESSIAN)) {
            var here = gradient.value();
            var d = Direction.gradient(here);
            var l = Landscape.of(p, p.space(), List.of(new Axis(d, -2, 2, 5)), true, () -> false);
            double slope = Vectors.dot(here.gradient(), d.vector());
            double bend = Vectors.dot(d.vector(), h.apply(d.vector()));
            for (int i = 0; i < 5; i++) {
                double t = i - 2;
                assertEquals(here.loss() + slope * t + bend * t * t / 2, l.loss()[0][i], 1e-10, "seed " + SEED);
                assertEquals(0, l.nme().orElseThrow()[0][i], 1e-12);
            }
        }
    }

    @Test
    void betweenCheckpointsTheEndsAreTheCheckpoints() {
        var model = nets.mlp("gelu", Map.of(), 4);
        try (var p = nets.problem(backend, model, new CrossEntropy(), BatchSource.of(nets.classified(6)));
                var loss = LossGradient.ofLoss(p)) {
            double here = loss.value().loss();
            var start = p.weights();
            var other = nets.weights(model);
            p.moveTo(other);
            double there = loss.value().loss();
            p.moveTo(start);
            var d = Direction.between("there", p.space(), start, other);
            var l = Landscape.of(p, p.space(), List.of(new Axis(d, 0, 1, 3)), false, () -> false);
            assertEquals(here, l.loss()[0][0], 1e-12);
            assertEquals(there, l.loss()[0][2], 1e-12, "seed " + SEED);
            assertTrue(l.nme().isEmpty());
        }
    }

    @Test
    void normalisedFiltersAreAsLongAsTheWeightsAndBiasesStandStill() {
        var model = nets.mlp("gelu", Map.of(), 4);
        try (var p = nets.problem(backend, model, new CrossEntropy(), BatchSource.of(nets.classified(6)))) {
            var d = p.space()
                    .stored(
                            Direction.filterNormalised(p.space(), p.weights(), 3)
                                    .vector(),
                            DType.F64);
            for (var e : d.entrySet()) {
                var own = p.weights().get(e.getKey());
                int rows = own.shape().dim(0);
                int length = (int) own.size() / rows;
                for (int r = 0; r < rows; r++) {
                    double mine = 0;
                    double drawn = 0;
                    for (int k = r * length; k < (r + 1) * length; k++) {
                        mine += own.get(k) * own.get(k);
                        drawn += e.getValue().get(k) * e.getValue().get(k);
                    }
                    assertEquals(own.shape().rank() < 2 ? 0 : mine, drawn, 1e-10 * (1 + mine), e.getKey());
                }
            }
        }
    }

    @Test
    void directionsThatCannotBeAreRefused() {
        var model = nets.mlp("gelu", Map.of(), 4);
        try (var p = nets.problem(backend, model, new CrossEntropy(), BatchSource.of(nets.classified(6)))) {
            var none = assertThrows(UserException.class, () -> Direction.coordinate(p.space(), "layers.9.weight", 0));
            assertTrue(String.valueOf(none.getMessage()).contains("layers.1.weight"), none.getMessage());
            assertThrows(UserException.class, () -> Direction.coordinate(p.space(), "layers.1.bias", 2));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> Direction.between("itself", p.space(), p.weights(), p.weights()));
            var axis = new Axis(Direction.random(p.space(), 1), -1, 1, 3);
            assertThrows(
                    IllegalArgumentException.class,
                    () -> Landscape.of(p, p.space(), List.of(axis, axis), false, () -> false));
        }
    }

    @Test
    void whatWasNotReachedIsNotANumber() {
        var model = nets.mlp("gelu", Map.of(), 4);
        try (var p = nets.problem(backend, model, new CrossEntropy(), BatchSource.of(nets.classified(6)))) {
            int[] asked = {0};
            var axis = new Axis(Direction.random(p.space(), 1), -1, 1, 5);
            var l = Landscape.of(p, p.space(), List.of(axis), false, () -> ++asked[0] > 2);
            assertTrue(Double.isFinite(l.loss()[0][1]));
            assertTrue(Double.isNaN(l.loss()[0][2]) && Double.isNaN(l.loss()[0][4]));
        }
    }

    /**
     * Two weights of one hidden layer, one example, squared error (Dauphin, Agarwala, Mobahi 2024, figure 7): with ReLU the loss is piecewise
     * quadratic and N vanishes inside the pieces; with x·Φ(βx) all of ‖N‖ lies within a few 1/β of their borders.
     */
    @Test
    void twoWeightsOfOneLayerHaveNmeOnlyAtTheKinks() {
        var one = new SmallNets(new SplittableRandom(SEED), 2, 1);
        var batch = new BatchSource.Batch(Tensor.of(Shape.of(1, 2), 1, 0.7), Tensor.of(Shape.of(1, 1), 0.3));
        double beta = 30;
        var relu = one.mlp("relu", Map.of(), 2, 2);
        var weights = new HashMap<String, Tensor>();
        weights.put("layers.0.weight", Tensor.of(Shape.of(2, 2), 0.9, 0.2, 0.4, 0.8));
        weights.put("layers.0.bias", Tensor.of(Shape.of(2), 0.1, 0.05));
        // the first unit of the second layer is on where 1.14 a − 0.4 > 0, the second where 1.01 b + 0.25 > 0
        weights.put("layers.1.weight", Tensor.of(Shape.of(2, 2), 0, 0, 0, 0));
        weights.put("layers.1.bias", Tensor.of(Shape.of(2), -0.4, 0.25));
        weights.put("layers.2.weight", Tensor.of(Shape.of(1, 2), 1.3, -0.8));
        weights.put("layers.2.bias", Tensor.of(Shape.of(1), 0.2));
        double h0 = 0.9 + 0.2 * 0.7 + 0.1;
        double h1 = 0.4 + 0.8 * 0.7 + 0.05;
        int n = 41;
        for (boolean smooth : new boolean[] {false, true}) {
            var model = smooth ? one.mlp("beta_gelu", Map.of("beta", beta), 2, 2) : relu;
            var options = Problem.Options.of(DType.F64);
            try (var p = new Problem(model, new MeanSquaredError(), backend, weights, BatchSource.of(batch), options)) {
                var x = new Axis(Direction.coordinate(p.space(), "layers.1.weight", 0), -1.013, 1, n);
                var y = new Axis(Direction.coordinate(p.space(), "layers.1.weight", 3), -1.017, 1, n);
                var l = Landscape.of(p, p.space(), List.of(x, y), true, () -> false);
                var nme = l.nme().orElseThrow();
                double inside = 0;
                double outside = 0;
                for (int j = 0; j < n; j++) {
                    for (int i = 0; i < n; i++) {
                        double first = x.steps()[i] * h0 - 0.4;
                        double second = y.steps()[j] * h1 + 0.25;
                        double distance = Math.min(Math.abs(first), Math.abs(second));
                        if (distance < 6 / beta) inside = Math.max(inside, nme[j][i]);
                        else outside = Math.max(outside, nme[j][i]);
                        if (smooth) continue;
                        double z = 1.3 * Math.max(0, first) - 0.8 * Math.max(0, second) + 0.2;
                        assertEquals((z - 0.3) * (z - 0.3), l.loss()[j][i], 1e-12, "the loss is piecewise quadratic");
                    }
                }
                if (smooth) assertTrue(inside > 1 && outside < 1e-3 * inside, inside + " and " + outside);
                else assertArrayEquals(new double[] {0, 0}, new double[] {inside, outside});
            }
        }
    }
}
