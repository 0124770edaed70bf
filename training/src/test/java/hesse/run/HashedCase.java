package hesse.run;

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
            double x = t.get(i);
            for (int k = 0; k < FOLDS; k++) sums[k] += (bits >>> k & 1) == 0 ? x : -x;
        }
        return sums;
    }

    /**
     * Tensors per parameter as the golden file stores them: {@code fold.<kind>} [parameters, 8] and {@code norm.<kind>} [parameters].
     *
     * @param names of the parameters, in order
     */
    static void fold(Map<String, Tensor> out, String kind, List<String> names, Map<String, Tensor> tensors) {
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
