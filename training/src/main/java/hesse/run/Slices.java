package hesse.run;

import hesse.tensor.Tensor;

/** Parts of tensors along their first axis, without copying. */
final class Slices {
    private Slices() {}

    /** The first n of a tensor's rows; itself if that is all. */
    static Tensor first(Tensor t, int n) {
        return rows(t, 0, n);
    }

    static Tensor rows(Tensor t, int from, int n) {
        int all = t.shape().dim(0);
        if (from == 0 && n == all) return t;
        long bytes = t.data().byteSize() / all;
        return new Tensor(t.dtype(), t.shape().with(0, n), t.data().asSlice(from * bytes, n * bytes));
    }
}
