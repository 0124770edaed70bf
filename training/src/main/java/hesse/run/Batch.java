package hesse.run;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.models.ConfiguredModel;
import hesse.models.Inputs;
import hesse.nn.FileLayout;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * Examples and targets in memory layout and the floating type of a run.
 *
 * @param x images [N, H, W, C], features [N, D] or token ids [N, T]
 * @param y i64 classes or floating targets
 * @param sampled labels drawn from the model, where they were given
 */
public record Batch(Tensor x, Tensor y, Optional<Tensor> sampled) {
    public int size() {
        return x.shape().dim(0);
    }

    /**
     * Reads {@code x}, {@code y} and, where it is there, {@code y_sampled}.
     *
     * @throws UserException (usage) if they do not fit the model's inputs
     */
    public static Batch read(Path file, Inputs inputs, DType dtype) {
        var tensors = Safetensors.read(file).tensors();
        var x = tensors.get("x");
        var y = tensors.get("y");
        if (x == null || y == null) {
            throw misfit(file, "holds " + tensors.keySet() + ", a batch has x and y", "Name them so");
        }
        if (x.shape().rank() == 0 || x.shape().dim(0) == 0) throw misfit(file, "holds no examples", "");
        int n = x.shape().dim(0);
        if (y.shape().rank() == 0 || y.shape().dim(0) != n) {
            throw misfit(file, "x has " + n + " examples, y has shape " + y.shape(), "");
        }
        Tensor memory = arrange(file, x, inputs, n);
        return new Batch(
                memory.to(inputs.dtype(dtype)),
                y.to(y.dtype().isFloat() ? dtype : DType.I64),
                Optional.ofNullable(tensors.get("y_sampled")).map(t -> sampled(file, t, y)));
    }

    /** One label wherever y has one. */
    private static Tensor sampled(Path file, Tensor t, Tensor y) {
        int[] dims = y.shape().dims();
        Shape wanted = y.dtype().isFloat() ? Shape.of(Arrays.copyOf(dims, dims.length - 1)) : y.shape();
        if (!t.shape().equals(wanted) || !t.dtype().isInteger()) {
            throw misfit(
                    file,
                    "y_sampled has shape " + t.shape() + " and holds " + t.dtype() + ", the method takes whole numbers "
                            + wanted,
                    "");
        }
        return t.to(DType.I64);
    }

    /**
     * Reads a batch for a model; see {@link #read(Path, Inputs, DType)}.
     *
     * @throws UserException (usage) also if a class or token id is none of the model's
     */
    public static Batch read(Path file, ConfiguredModel model, DType dtype) {
        var batch = read(file, model.inputs(), dtype);
        within(file, "y", batch.y, model.classes());
        batch.sampled.ifPresent(t -> within(file, "y_sampled", t, model.classes()));
        within(file, "x", batch.x, model.classes());
        return batch;
    }

    /** Whole numbers are classes or token ids, counted from 0. */
    private static void within(Path file, String name, Tensor t, int classes) {
        if (!t.dtype().isInteger()) return;
        for (long i = 0, n = t.size(); i < n; i++) {
            long v = t.getLong(i);
            if (v < 0 || v >= classes) {
                throw misfit(
                        file,
                        name + " holds " + v + " (element " + i + "), the model has " + classes
                                + " classes, counted from 0",
                        "Check model.classes (or model.vocab) and the file");
            }
        }
    }

    private static Tensor arrange(Path file, Tensor x, Inputs inputs, int n) {
        Shape wanted = inputs.fileShape(n);
        // a model of sequences also takes shorter ones
        if (inputs instanceof Inputs.Tokens t
                && x.shape().rank() == 2
                && x.shape().dim(1) >= 1
                && x.shape().dim(1) <= t.length()) {
            wanted = x.shape();
        }
        boolean flat = x.shape().rank() == 2 && x.shape().size() == wanted.size();
        if (!x.shape().equals(wanted) && !flat) {
            throw misfit(
                    file, "x has shape " + x.shape() + ", the model takes " + wanted, "Set model.inputs or reshape x");
        }
        if (inputs.dtype(DType.F32).isInteger() != x.dtype().isInteger()) {
            throw misfit(file, "x holds " + x.dtype() + ", the model takes " + inputs.dtype(DType.F32), "");
        }
        return inputs instanceof Inputs.Images ? FileLayout.CONV.fromFile(x.reshape(wanted)) : x.reshape(wanted);
    }

    static UserException misfit(Path file, String what, String remedy) {
        return new UserException(Kind.USAGE, file.toString(), what, remedy);
    }
}
