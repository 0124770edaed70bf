package hesse.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Reverse;
import hesse.backend.reference.GraphInterpreter;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.scalar.Philox;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What layers compute, against formulas written out in loops. */
class LayersTest {
    private static final double TOLERANCE = 1e-12;

    private final long seed = System.nanoTime();
    private final Graph g = new Graph();
    private final Map<String, double[]> feeds = new HashMap<>();

    private Node input(String name, int... dims) {
        Shape shape = Shape.of(dims);
        feeds.put(name, draw(name, (int) shape.size()));
        return g.input(name, DType.F64, shape);
    }

    private double[] draw(String name, int n) {
        long key = Philox.key(seed, name);
        return IntStream.range(0, n)
                .mapToDouble(i -> Philox.of(key, 0, i).normal())
                .toArray();
    }

    private double[] evaluate(Forward f, Node node) {
        for (var p : f.parameters())
            feeds.computeIfAbsent(p.name(), n -> draw(n, (int) p.shape().size()));
        for (var b : f.buffers()) {
            feeds.computeIfAbsent(
                    b.name(),
                    n -> Arrays.stream(draw(n, (int) b.shape().size()))
                            .map(v -> 1 + v * v)
                            .toArray());
        }
        return GraphInterpreter.evaluate(List.of(node), feeds).getFirst();
    }

    private void same(double[] expected, double[] found) {
        assertArrayEquals(expected, found, TOLERANCE, () -> "seed " + seed);
    }

    private Forward declaring(Mode mode) {
        return Forward.declaring(g, DType.F64, mode);
    }

    /** Mean and biased variance. */
    private static double[] moments(double... x) {
        double mean = Arrays.stream(x).average().orElseThrow();
        return new double[] {
            mean, Arrays.stream(x).map(v -> (v - mean) * (v - mean)).average().orElseThrow()
        };
    }

    @Test
    void groupNormIsOverPositionsAndTheChannelsOfAGroup() {
        Node x = input("x", 2, 3, 2, 6);
        var f = declaring(Mode.TRAIN);
        double[] y = evaluate(f, Layers.norm(f, x, Norm.group(3).withEps(1e-3)));
        double[] in = feeds.get("x");
        double[] expected = new double[in.length];
        for (int n = 0; n < 2; n++)
            for (int group = 0; group < 3; group++) {
                int first = n * 36 + 2 * group;
                int[] at = IntStream.range(0, 12)
                        .map(i -> first + i / 2 * 6 + i % 2)
                        .toArray();
                double[] m = moments(Arrays.stream(at).mapToDouble(i -> in[i]).toArray());
                for (int i : at) {
                    expected[i] = (in[i] - m[0]) / Math.sqrt(m[1] + 1e-3) * feeds.get("weight")[i % 6]
                            + feeds.get("bias")[i % 6];
                }
            }
        same(expected, y);
    }

    @Test
    void rmsNormDividesByTheRootMeanSquare() {
        Node x = input("x", 3, 4);
        var f = declaring(Mode.TRAIN);
        double[] y = evaluate(f, Layers.rmsNorm(f, x));
        double[] in = feeds.get("x");
        double[] expected = new double[12];
        for (int i = 0; i < 12; i++) {
            int row = i / 4 * 4;
            double square = IntStream.range(row, row + 4)
                    .mapToDouble(j -> in[j] * in[j])
                    .average()
                    .orElseThrow();
            expected[i] = in[i] / Math.sqrt(square + 1e-5) * feeds.get("weight")[i % 4];
        }
        same(expected, y);
        assertEquals(
                List.of("weight"), f.parameters().stream().map(Parameter::name).toList());
    }

    @Test
    void runningStatisticsMoveByATenthTowardsTheUnbiasedVariance() {
        Node x = input("x", 5, 1, 3, 2);
        var f = declaring(Mode.TRAIN);
        Layers.batchNorm(f.in("bn"), x);
        double[] mean = evaluate(f, f.bufferUpdates().get("bn.running_mean"));
        double[] var = evaluate(f, f.bufferUpdates().get("bn.running_var"));
        feeds.put("bn.num_batches_tracked", new double[] {41});
        double[] in = feeds.get("x");
        for (int c = 0; c < 2; c++) {
            int channel = c;
            double[] m = moments(
                    IntStream.range(0, 15).mapToDouble(i -> in[2 * i + channel]).toArray());
            assertEquals(0.9 * feeds.get("bn.running_mean")[c] + 0.1 * m[0], mean[c], TOLERANCE, () -> "seed " + seed);
            assertEquals(
                    0.9 * feeds.get("bn.running_var")[c] + 0.1 * m[1] * 15 / 14,
                    var[c],
                    TOLERANCE,
                    () -> "seed " + seed);
        }
        assertArrayEquals(new double[] {42}, evaluate(f, f.bufferUpdates().get("bn.num_batches_tracked")));
    }

    @Test
    void frozenStatisticsMakeAFurtherPassAffine() {
        Node x = input("x", 6, 3);
        Node moved = input("moved", 6, 3);
        var f = declaring(Mode.TRAIN);
        Layers.batchNorm(f, x);
        var again = f.again(f.parameterNodes(), NormStatistics.FROZEN);
        double[] y = evaluate(f, Layers.batchNorm(again, moved));
        double[] in = feeds.get("x");
        double[] expected = new double[18];
        for (int i = 0; i < 18; i++) {
            int c = i % 3;
            double[] m = moments(
                    IntStream.range(0, 6).mapToDouble(r -> in[3 * r + c]).toArray());
            expected[i] = (feeds.get("moved")[i] - m[0]) / Math.sqrt(m[1] + 1e-5) * feeds.get("weight")[c]
                    + feeds.get("bias")[c];
        }
        same(expected, y);
        Node through = Reverse.gradient(Ops.sumAll(Layers.batchNorm(again, moved)), List.of(x))
                .getFirst();
        same(new double[18], evaluate(f, through));
    }

    @Test
    void paddingOfAMaxPoolNeverWins() {
        Node x = input("x", 2, 5, 4, 3);
        feeds.put("x", Arrays.stream(feeds.get("x")).map(v -> v - 10).toArray());
        var f = declaring(Mode.TRAIN);
        Node y = Layers.maxPool(f, x, 3, 2, 1);
        assertEquals(Shape.of(2, 3, 2, 3), y.shape());
        double[] in = feeds.get("x");
        double[] expected = new double[36];
        double[] taken = new double[in.length];
        for (int o = 0; o < 36; o++) {
            int n = o / 18;
            int row = o / 6 % 3;
            int column = o / 3 % 2;
            int best = -1;
            for (int h = Math.max(0, 2 * row - 1); h <= Math.min(4, 2 * row + 1); h++)
                for (int w = Math.max(0, 2 * column - 1); w <= Math.min(3, 2 * column + 1); w++) {
                    int at = ((n * 5 + h) * 4 + w) * 3 + o % 3;
                    if (best < 0 || in[at] > in[best]) best = at;
                }
            expected[o] = in[best];
            taken[best]++;
        }
        same(expected, evaluate(f, y));
        same(taken, evaluate(f, Reverse.gradient(Ops.sumAll(y), List.of(x)).getFirst()));
    }

    @Test
    void dropoutKeepsItsShareAndItsMean() {
        Node x = g.constant(1, DType.F64, Shape.of(50, 40));
        var f = declaring(Mode.TRAIN);
        Node y = Layers.dropout(f.in("drop"), x, 0.2);
        double[] first = dropped(y, 3, 0, 0);
        long zeros = Arrays.stream(first).filter(v -> v == 0).count();
        assertTrue(Math.abs(zeros - 400) < 5 * Math.sqrt(2000 * 0.2 * 0.8), () -> zeros + " zeros");
        assertTrue(Arrays.stream(first).allMatch(v -> v == 0 || v == 1 / 0.8));
        assertArrayEquals(first, dropped(y, 3, 0, 0));
        assertNotEquals(Arrays.toString(first), Arrays.toString(dropped(y, 3, 1, 0)));
        assertNotEquals(Arrays.toString(first), Arrays.toString(dropped(y, 4, 0, 0)));
        Node other = Layers.dropout(f.in("other"), x, 0.2);
        assertNotEquals(Arrays.toString(first), Arrays.toString(dropped(other, 3, 0, 0)));
    }

    @Test
    void anExamplesMaskDoesNotDependOnHowTheBatchIsSplit() {
        var f = declaring(Mode.TRAIN);
        double[] whole = dropped(Layers.dropout(f, g.constant(1, DType.F64, Shape.of(8, 2, 3, 5)), 0.5), 1, 0, 0);
        double[] last = dropped(Layers.dropout(f, g.constant(1, DType.F64, Shape.of(3, 2, 3, 5)), 0.5), 1, 0, 5);
        assertArrayEquals(Arrays.copyOfRange(whole, 5 * 30, 8 * 30), last);
    }

    private double[] dropped(Node y, long seed, long step, long firstExample) {
        feeds.put(Forward.SEED, new double[] {seed});
        feeds.put(Forward.STEP, new double[] {step});
        feeds.put(Forward.FIRST_EXAMPLE, new double[] {firstExample});
        return GraphInterpreter.evaluate(List.of(y), feeds).getFirst();
    }

    @Test
    void causalAttentionSeesNoLaterPosition() {
        Node x = input("x", 2, 4, 6);
        var f = declaring(Mode.TRAIN);
        Node y = Layers.attention(f, x, 2, 5, true);
        double[] before = evaluate(f, y);
        double[] changed = feeds.get("x").clone();
        for (int i = 3 * 6; i < 4 * 6; i++) changed[i] += 1;
        feeds.put("x", changed);
        double[] after = evaluate(f, y);
        assertArrayEquals(Arrays.copyOf(before, 18), Arrays.copyOf(after, 18));
        assertNotEquals(before[18], after[18]);
    }

    @Test
    void maskedScoresLeakNoNaNAtAnyOrder() {
        Node x = input("x", 1, 3, 4);
        feeds.put("x", Arrays.stream(feeds.get("x")).map(v -> 200 * v).toArray());
        var f = declaring(Mode.TRAIN);
        Node y = Layers.attention(f, x, 1, 4, true);
        Node d = Ops.dot(y, y);
        for (int order = 1; order <= 3; order++) {
            Node grad = Reverse.gradient(d, List.of(x)).getFirst();
            for (double v : evaluate(f, grad)) assertTrue(Double.isFinite(v), "order " + order + ", seed " + seed);
            d = Ops.dot(grad, grad);
        }
    }
}
