package hesse.backend.cpu.move;

import hesse.tensor.DType;
import hesse.tensor.Tensor;

/** The first index of the largest element along one axis of [outer, axis, inner]; NaN counts as largest. */
final class ArgMaximum extends Move {
    private final DType dtype;
    private final int outer;
    private final int extent;
    private final int inner;
    private final int perTask;

    ArgMaximum(DType dtype, int outer, int extent, int inner) {
        this.dtype = dtype;
        this.outer = outer;
        this.extent = extent;
        this.inner = inner;
        this.perTask = Math.max(1, 16384 / Math.max(1, extent * inner));
    }

    @Override
    int tasks() {
        return Math.ceilDiv(outer, perTask);
    }

    @Override
    public void run(int task, int worker) {
        for (int o = task * perTask, end = Math.min(outer, o + perTask); o < end; o++) {
            for (int i = 0; i < inner; i++) {
                int best = 0;
                double largest = value(o, 0, i);
                for (int e = 1; e < extent && !Double.isNaN(largest); e++) {
                    double v = value(o, e, i);
                    if (v > largest || Double.isNaN(v)) {
                        largest = v;
                        best = e;
                    }
                }
                ALL.set(Tensor.I32, to() + 4 * ((long) o * inner + i), best);
            }
        }
    }

    private double value(int o, int e, int i) {
        long at = ((long) o * extent + e) * inner + i;
        return dtype == DType.F64 ? ALL.get(Tensor.F64, from(0) + 8 * at) : ALL.get(Tensor.F32, from(0) + 4 * at);
    }
}
