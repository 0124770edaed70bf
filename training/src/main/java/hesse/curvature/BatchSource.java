package hesse.curvature;

import hesse.data.Examples;
import hesse.data.Normalization;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The examples that curvature is averaged over, in batches by number, the same each time they are asked for: one batch, a few, or a whole
 * data set streamed from its files. The mean weights each batch with its number of examples, so that it is the mean over all.
 */
public interface BatchSource extends AutoCloseable {
    /**
     * Examples in memory layout.
     *
     * @param x images [N, H, W, C], features [N, D] or token ids [N, T]
     * @param y i64 classes [N] or [N, T], or floating targets
     */
    record Batch(Tensor x, Tensor y) {
        /** @throws IllegalArgumentException if it holds no examples, or x and y differ in their number */
        public Batch {
            if (x.shape().rank() == 0 || x.shape().dim(0) == 0) {
                throw new IllegalArgumentException("a batch of no examples: x has shape " + x.shape());
            }
            if (y.shape().rank() == 0 || y.shape().dim(0) != x.shape().dim(0)) {
                throw new IllegalArgumentException("x has shape " + x.shape() + ", y has shape " + y.shape());
            }
        }

        public int size() {
            return x.shape().dim(0);
        }
    }

    /** How many batches. */
    int count();

    /** How many examples in all. */
    int examples();

    Batch batch(int index);

    @Override
    default void close() {}

    /** Batches held in memory. */
    static BatchSource of(Batch... batches) {
        var all = List.of(batches);
        if (all.isEmpty()) throw new IllegalArgumentException("no batch");
        int n = all.stream().mapToInt(Batch::size).sum();
        return new BatchSource() {
            @Override
            public int count() {
                return all.size();
            }

            @Override
            public int examples() {
                return n;
            }

            @Override
            public Batch batch(int index) {
                return all.get(index);
            }
        };
    }

    /** A batch in parts of at most {@code size} examples, to save memory; the mean is that over the whole batch. */
    static BatchSource inParts(Batch whole, int size) {
        var parts = new ArrayList<Batch>();
        for (int from = 0; from < whole.size(); from += size) {
            int n = Math.min(size, whole.size() - from);
            parts.add(new Batch(rows(whole.x(), from, n), rows(whole.y(), from, n)));
        }
        return of(parts.toArray(Batch[]::new));
    }

    private static Tensor rows(Tensor t, int from, int n) {
        long row = t.data().byteSize() / t.shape().dim(0);
        return new Tensor(t.dtype(), t.shape().with(0, n), t.data().asSlice(from * row, n * row));
    }

    /** A whole set of examples, unchanged and in order, read from its files again on each pass. */
    static BatchSource streamed(Examples examples, Normalization normalization, int batch, DType dtype) {
        return new StreamedBatches(examples, normalization, batch, dtype);
    }
}
