package hesse.data;

import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** Examples from a safetensors file with {@code x} and {@code y}, used as they are. */
final class TensorExamples implements Examples {
    private final Spec spec;
    private final Tensor x;
    private final Tensor y;

    private TensorExamples(Spec spec, Tensor x, Tensor y) {
        this.spec = spec;
        this.x = x;
        this.y = y;
    }

    /**
     * Maps a file, which may be larger than memory.
     *
     * @throws hesse.tensor.TensorFileException if it cannot be read
     * @throws DataException if x or y are missing or do not fit each other
     */
    static TensorExamples read(Path file) {
        var tensors = Safetensors.map(file).tensors();
        var x = tensor(file, tensors, "x");
        var y = tensor(file, tensors, "y");
        int[] dims = x.shape().dims();
        var inputs = "Images are N×C×H×W, features N×D, token ids N×T whole numbers";
        if (dims.length != 2 && dims.length != 4)
            throw DataException.misfit(file.toString(), "x has shape " + x.shape(), inputs);
        if (y.shape().rank() == 0 || y.shape().dim(0) != dims[0]) {
            throw DataException.misfit(
                    file.toString(),
                    "x has shape " + x.shape() + ", y has shape " + y.shape(),
                    "Both begin with the number of examples");
        }
        if (dims[0] == 0) throw DataException.misfit(file.toString(), "holds no examples", "Write some into it");
        boolean tokens = dims.length == 2 && x.dtype().isInteger();
        var kind = dims.length == 4 ? Kind.IMAGE : tokens ? Kind.TOKENS : Kind.FEATURES;
        var input = one(file, "x", x.shape());
        var target = one(file, "y", y.shape());
        boolean floats = y.dtype().isFloat();
        int classes = floats ? (int) target.size() : classes(file, y);
        return new TensorExamples(new Spec(kind, input, 1, target, floats, classes), x, y);
    }

    /** The shape of one example, of no more numbers than an array has. */
    private static Shape one(Path file, String name, Shape all) {
        var shape = Shape.of(Arrays.copyOfRange(all.dims(), 1, all.rank()));
        if (shape.size() <= Integer.MAX_VALUE) return shape;
        throw DataException.misfit(
                file.toString(),
                "an example of " + name + " has " + shape.size() + " numbers",
                "Cut it into smaller ones");
    }

    private static Tensor tensor(Path file, Map<String, Tensor> tensors, String name) {
        var tensor = tensors.get(name);
        if (tensor != null) return tensor;
        throw DataException.misfit(
                file.toString(),
                "lacks the tensor '" + name + "'; it holds " + String.join(", ", tensors.keySet()),
                "A data file holds x and y");
    }

    private static int classes(Path file, Tensor y) {
        long largest = -1;
        for (long i = 0; i < y.size(); i++) {
            long v = y.getLong(i);
            if (v < 0 || v >= 1_000_000) {
                throw DataException.broken(
                        file.toString(),
                        "y[" + i + "] is " + v + ", which is no class",
                        "Classes are counted from 0; numbers to regress on are floats");
            }
            largest = Math.max(largest, v);
        }
        return (int) largest + 1;
    }

    @Override
    public Spec spec() {
        return spec;
    }

    @Override
    public int size() {
        return x.shape().dim(0);
    }

    @Override
    public void input(int index, double[] into) {
        copy(x, index, spec.input(), into);
    }

    @Override
    public void target(int index, double[] into) {
        copy(y, index, spec.target(), into);
    }

    private static void copy(Tensor from, int index, Shape shape, double[] into) {
        int n = (int) shape.size();
        for (int e = 0; e < n; e++) into[e] = from.get((long) index * n + e);
    }
}
