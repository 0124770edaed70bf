package hesse.curvature;

import hesse.data.Examples;
import hesse.data.Loader;
import hesse.data.Normalization;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** A set of examples streamed through a loader; asked for in another order, it begins anew there. */
final class StreamedBatches implements BatchSource {
    private final Examples examples;
    private final Normalization normalization;
    private final Loader.Options options;
    private @Nullable Loader loader;
    private int next;

    StreamedBatches(Examples examples, Normalization normalization, int batch, DType dtype) {
        this.examples = examples;
        this.normalization = normalization;
        this.options = Loader.Options.evaluation(Math.min(batch, examples.size()), dtype);
    }

    @Override
    public int count() {
        return (examples.size() + options.batch() - 1) / options.batch();
    }

    @Override
    public int examples() {
        return examples.size();
    }

    @Override
    public Batch batch(int index) {
        var open = loader;
        if (open == null || next != index) {
            close();
            open = new Loader(examples, normalization, options, new Loader.Position(0, index));
            loader = open;
            next = index;
        }
        int n = Math.min(options.batch(), examples.size() - index * options.batch());
        var x = Tensor.allocate(open.inputType(), open.inputShape());
        var y = Tensor.allocate(open.targetType(), open.targetShape());
        try {
            if (open.next(x.data(), y.data()).isEmpty()) throw new IllegalStateException("no batch " + index);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while reading examples", e);
        }
        next = index + 1;
        return new Batch(first(x, n), first(y, n));
    }

    private static Tensor first(Tensor t, int n) {
        var shape = t.shape().with(0, n);
        return new Tensor(
                t.dtype(), shape, t.data().asSlice(0, shape.size() * t.dtype().bytes()));
    }

    @Override
    public void close() {
        var open = loader;
        if (open != null) open.close();
        loader = null;
    }
}
