package hesse.run;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.nn.ModelBuffer;
import hesse.nn.Parameter;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Inputs of the golden cases whose tensors are too large for files: weights, running statistics and vector from a hash, as
 * {@code scripts/golden/make_models.py} makes them.
 */
public final class HashedCase {
    /** Sums of a tensor with different signs. */
    static final int FOLDS = 8;

    private static final double TOLERANCE = 1e-9;
    /** A parameter's tensor counts with at least this share of the whole vector's norm: some derivatives are exactly zero. */
    private static final double FLOOR = 1e-3;

    private HashedCase() {}

    /** Writes {@code weights.safetensors} and {@code vector.safetensors} of a model into a folder, in f64 and the files' layout. */
    public static void write(Path folder, List<Parameter> parameters, List<ModelBuffer> buffers) {
        var weights = new LinkedHashMap<String, Tensor>();
        var vector = new LinkedHashMap<String, Tensor>();
        for (var p : parameters) {
            weights.put(p.name(), weight(p.name(), p.fileShape()));
            vector.put(p.name(), tensor("vector:" + p.name(), p.fileShape(), Math.sqrt(3), 0));
        }
        for (var b : buffers) {
            if (b.dtype(DType.F64).isInteger()) continue;
            boolean mean = b.name().endsWith("mean");
            weights.put(b.name(), tensor("buffer:" + b.name(), b.shape(), mean ? 0.3 : 0.5, mean ? 0 : 1));
        }
        Safetensors.write(folder.resolve("weights.safetensors"), weights);
        Safetensors.write(folder.resolve("vector.safetensors"), vector);
    }

    private static Tensor weight(String name, Shape shape) {
        String text = "weight:" + name;
        if (shape.rank() < 2) return tensor(text, shape, 0.3, name.endsWith("weight") ? 1 : 0);
        return tensor(text, shape, Math.sqrt(3.0 / ((double) shape.size() / shape.dim(0))), 0);
    }

    /** offset + factor · u. */
    private static Tensor tensor(String text, Shape shape, double factor, double offset) {
        var t = Tensor.allocate(DType.F64, shape);
        long state = fnv(text);
        for (long i = 0, n = shape.size(); i < n; i++) {
            double u = 2.0 * ((bits(state, i) >>> 11) * 0x1p-53) - 1.0;
            t.set(i, offset + factor * u);
        }
        return t;
    }

    private static long fnv(String text) {
        long state = 0xCBF29CE484222325L;
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) state = (state ^ (b & 0xff)) * 0x100000001B3L;
        return state;
    }

    /** The finalizer of SplitMix64. */
    private static long bits(long state, long i) {
        long z = state + (i + 1) * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** Sums of a tensor's elements, fold k with signs from bit k of a hash of the place. */
    private static double[] folds(Tensor t) {
        long state = fnv("fold");
        double[] sums = new double[FOLDS];
        for (long i = 0, n = t.size(); i < n; i++) {
            long bits = bits(state, i);
            long x = Double.doubleToRawLongBits(t.get(i));
            // no branch could be predicted
            for (int k = 0; k < FOLDS; k++) sums[k] += Double.longBitsToDouble(x ^ (bits >>> k) << 63);
        }
        return sums;
    }

    /** What an expected file holds folded: gradient, hvp, …. */
    public static List<String> kinds(Map<String, Tensor> expected) {
        return expected.keySet().stream()
                .filter(n -> n.startsWith("fold."))
                .map(n -> n.substring(5))
                .toList();
    }

    /**
     * Asserts that folded results are the expected ones to {@link #TOLERANCE}, tensor by tensor.
     *
     * @param names of the parameters, in order
     * @param vector that the products are with
     */
    public static void assertClose(
            Map<String, Tensor> expected, Map<String, Tensor> actual, List<String> names, List<Tensor> vector) {
        for (var q : List.of("loss", "logits", "jvp"))
            close(q, Golden.distance(expected.get(q), actual.get(q)), Golden.norm(List.of(expected.get(q))));
        double v = Golden.norm(vector);
        Map.of("vhv", "hvp", "vgv", "gnvp", "vnv", "nmevp")
                .forEach((q, kind) ->
                        close(q, Golden.distance(expected.get(q), actual.get(q)), v * whole(expected, kind)));
        double ofNme = whole(expected, "nmevp");
        for (var kind : kinds(expected)) {
            double whole = Math.max(whole(expected, kind), kind.startsWith("nme_") ? FLOOR * ofNme : 0);
            for (int i = 0; i < names.size(); i++) {
                double scale = Math.max(expected.get("norm." + kind).get(i), FLOOR * whole);
                String what = kind + "." + names.get(i);
                close(what, difference("norm." + kind, i, expected, actual), scale);
                for (int k = 0; k < FOLDS; k++)
                    close(what, difference("fold." + kind, i * FOLDS + k, expected, actual), scale);
            }
        }
    }

    private static double difference(String name, long at, Map<String, Tensor> expected, Map<String, Tensor> actual) {
        return Math.abs(expected.get(name).get(at) - actual.get(name).get(at));
    }

    private static double whole(Map<String, Tensor> expected, String kind) {
        return Golden.norm(List.of(expected.get("norm." + kind)));
    }

    private static void close(String what, double error, double scale) {
        assertTrue(error <= TOLERANCE * scale, () -> what + " is off by " + error + " of " + scale);
    }

    /**
     * Tensors per parameter as the golden file stores them: {@code fold.<kind>} [parameters, 8] and {@code norm.<kind>} [parameters].
     *
     * @param names of the parameters, in order
     */
    public static void fold(Map<String, Tensor> out, String kind, List<String> names, Map<String, Tensor> tensors) {
        var folds = Tensor.allocate(DType.F64, Shape.of(names.size(), FOLDS));
        var norms = Tensor.allocate(DType.F64, Shape.of(names.size()));
        for (int i = 0; i < names.size(); i++) {
            var t = tensors.get(kind + "." + names.get(i));
            double[] sums = folds(t);
            for (int k = 0; k < FOLDS; k++) folds.set((long) i * FOLDS + k, sums[k]);
            norms.set(i, Golden.norm(List.of(t)));
        }
        out.put("fold." + kind, folds);
        out.put("norm." + kind, norms);
    }
}
