package hesse.backend.cpu.move;

import hesse.tensor.DType;
import hesse.tensor.Tensor;

/** Elements taken from, or added up at, indices along one axis of [outer, axis, inner]. */
final class AlongAxis extends Move {
    private final boolean puts;
    private final DType dtype;
    private final DType indices;
    private final int outer;
    private final int extent;
    private final int places;
    private final int inner;

    /**
     * @param extent of the axis that is indexed
     * @param places number of indices along it
     */
    AlongAxis(boolean puts, DType dtype, DType indices, int outer, int extent, int places, int inner) {
        this.puts = puts;
        this.dtype = dtype;
        this.indices = indices;
        this.outer = outer;
        this.extent = extent;
        this.places = places;
        this.inner = inner;
    }

    @Override
    int tasks() {
        return outer;
    }

    @Override
    public void run(int task, int worker) {
        long wide = (long) task * extent * inner;
        long narrow = (long) task * places * inner;
        int size = dtype.bytes();
        if (puts) zero(to() + wide * size, (long) extent * inner * size);
        for (int p = 0; p < places; p++) {
            for (int i = 0; i < inner; i++) {
                long n = narrow + (long) p * inner + i;
                int at = index(indices, from(1), n);
                checkIndex(at, extent, "along axis");
                long w = wide + (long) at * inner + i;
                if (puts) add(n, w);
                else take(n, w);
            }
        }
    }

    private void take(long n, long w) {
        if (dtype.bytes() == 8) ALL.set(Tensor.I64, to() + 8 * n, ALL.get(Tensor.I64, from(0) + 8 * w));
        else ALL.set(Tensor.I32, to() + 4 * n, ALL.get(Tensor.I32, from(0) + 4 * w));
    }

    private void add(long n, long w) {
        if (dtype == DType.F64) {
            ALL.set(Tensor.F64, to() + 8 * w, ALL.get(Tensor.F64, to() + 8 * w) + ALL.get(Tensor.F64, from(0) + 8 * n));
        } else {
            ALL.set(Tensor.F32, to() + 4 * w, ALL.get(Tensor.F32, to() + 4 * w) + ALL.get(Tensor.F32, from(0) + 4 * n));
        }
    }
}
