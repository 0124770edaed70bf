package hesse.plan;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.DeviceBuffer;
import hesse.backend.cpu.CpuBackend;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Variances of one pass where rounding could hurt them. */
class MomentsTest {
    private static final int ROWS = 96;
    private static final int CHANNELS = 64;

    /** Variance, and one over its root, of each channel of x·w in f32, for rows of x that differ by {@code spread} from a common one. */
    private static Map<String, double[]> statistics(double spread, double size, long seed) {
        var graph = new Graph();
        Node x = graph.input("x", DType.F32, Shape.of(ROWS, 16));
        Node w = graph.input("w", DType.F32, Shape.of(16, CHANNELS));
        Node y = Ops.matmul(x, w);
        Node mean = Ops.mean(y, 0);
        Node centred = Ops.sub(y, Ops.broadcastTo(mean, y.shape()));
        Node variance = Ops.mean(Ops.square(centred), 0);
        var outputs = new LinkedHashMap<String, Node>();
        outputs.put("variance", variance);
        outputs.put(
                "normalised",
                Ops.div(
                        centred,
                        Ops.broadcastTo(
                                Ops.sqrt(Ops.add(variance, graph.constant(1e-5, variance.type()))), y.shape())));
        var random = new Random(seed);
        double[] common = random.doubles(16, -1, 1).toArray();
        double[] rows = new double[ROWS * 16];
        for (int i = 0; i < rows.length; i++) rows[i] = common[i % 16] + spread * random.nextGaussian();
        double[] weights = random.doubles(16 * CHANNELS, -size, size).toArray();
        var result = new HashMap<String, double[]>();
        try (var backend = new CpuBackend(1);
                var executable = backend.compile(Computation.of(outputs))) {
            var buffers = new HashMap<String, DeviceBuffer>();
            for (var b : executable.plan().buffers()) {
                if (b.place() == Plan.Place.SLAB) continue;
                var buffer = backend.allocate(b.dtype(), b.shape());
                if (b.place() == Plan.Place.INPUT)
                    buffer.write(Tensor.of(b.dtype(), b.shape(), b.name().equals("x") ? rows : weights));
                buffers.put(b.name(), buffer);
                executable.bind(b.name(), buffer);
            }
            executable.run();
            for (var name : outputs.keySet())
                result.put(name, buffers.get(name).read().toDoubleArray());
        }
        return result;
    }

    @Test
    void constantChannelsOfAnySizeHaveNoNegativeVariance() {
        for (double size : new double[] {1, 1e3, 1e5}) {
            long seed = System.nanoTime();
            var s = statistics(0, size, seed);
            for (double v : s.get("variance")) assertTrue(v >= 0, v + ", weights to " + size + ", seed " + seed);
            for (double v : s.get("normalised"))
                assertTrue(Double.isFinite(v), v + ", weights to " + size + ", seed " + seed);
        }
    }

    /** A mean of a hundred spreads leaves what two passes would leave: the shift is one of the values. */
    @Test
    void aFarMeanCostsNoDigits() {
        long seed = System.nanoTime();
        for (double v : squaresPerChannel(statistics(1e-2, 1, seed).get("normalised")))
            assertTrue(v > 0.9 && v < 1 + 1e-3, "mean square of what is normalised: " + v + ", seed " + seed);
    }

    private static double[] squaresPerChannel(double[] values) {
        double[] mean = new double[CHANNELS];
        for (int i = 0; i < values.length; i++) mean[i % CHANNELS] += values[i] * values[i] / ROWS;
        return mean;
    }
}
