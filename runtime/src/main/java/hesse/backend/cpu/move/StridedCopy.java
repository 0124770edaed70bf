package hesse.backend.cpu.move;

import hesse.tensor.Tensor;
import java.lang.foreign.ValueLayout;

/** Copies a box of elements between two strided layouts: transposes, slices, paddings, one part of a concatenation. */
final class StridedCopy extends Move {
    private final int operand;
    private final int bytes;
    private final int[] dims;
    private final long[] fromStrides;
    private final long[] toStrides;
    private final long fromOffset;
    private final long toOffset;
    private final long zeroFirst;
    private final int rows;
    private final int rowsPerTask;

    /**
     * @param dims of the box
     * @param fromStrides in elements, like all strides and offsets
     * @param zeroFirst elements of the result to be zeroed before; 0 for none
     */
    StridedCopy(
            int operand,
            int bytes,
            int[] dims,
            long[] fromStrides,
            long fromOffset,
            long[] toStrides,
            long toOffset,
            long zeroFirst) {
        this.operand = operand;
        this.bytes = bytes;
        int last = dims.length - 1;
        int kept = 0;
        int[] d = dims.clone();
        long[] f = fromStrides.clone();
        long[] t = toStrides.clone();
        // neighbouring axes that are one run on both sides become one axis
        for (int a = 1; a <= last; a++) {
            if (f[kept] == f[a] * d[a] && t[kept] == t[a] * d[a]) {
                d[kept] *= d[a];
            } else {
                kept++;
                d[kept] = d[a];
            }
            f[kept] = f[a];
            t[kept] = t[a];
        }
        this.dims = java.util.Arrays.copyOf(d, last < 0 ? 0 : kept + 1);
        this.fromStrides = f;
        this.toStrides = t;
        this.fromOffset = fromOffset;
        this.toOffset = toOffset;
        this.zeroFirst = zeroFirst;
        int n = 1;
        for (int a = 0; a < this.dims.length - 1; a++) n = Math.multiplyExact(n, this.dims[a]);
        this.rows = n;
        int columns = this.dims.length == 0 ? 1 : this.dims[this.dims.length - 1];
        this.rowsPerTask = Math.max(1, 16384 / Math.max(1, columns));
    }

    @Override
    int tasks() {
        return Math.ceilDiv(rows, rowsPerTask);
    }

    @Override
    public void run(hesse.backend.cpu.kernel.WorkerPool pool) {
        if (zeroFirst > 0) zero(to(), zeroFirst * bytes);
        super.run(pool);
    }

    @Override
    public void run(int task, int worker) {
        int end = Math.min(rows, (task + 1) * rowsPerTask);
        for (int row = task * rowsPerTask; row < end; row++) {
            long f = fromOffset;
            long t = toOffset;
            int left = row;
            for (int a = dims.length - 2; a >= 0; a--) {
                int i = left % dims[a];
                left /= dims[a];
                f += i * fromStrides[a];
                t += i * toStrides[a];
            }
            copyRow(from(operand) + f * bytes, to() + t * bytes);
        }
    }

    private void copyRow(long f, long t) {
        int last = dims.length - 1;
        int n = last < 0 ? 1 : dims[last];
        long fs = last < 0 ? 1 : fromStrides[last] * bytes;
        long ts = last < 0 ? 1 : toStrides[last] * bytes;
        if (fs == bytes && ts == bytes || n == 1) {
            copy(f, t, (long) n * bytes);
            return;
        }
        switch (bytes) {
            case 4 -> {
                for (int i = 0; i < n; i++) ALL.set(Tensor.I32, t + i * ts, ALL.get(Tensor.I32, f + i * fs));
            }
            case 8 -> {
                for (int i = 0; i < n; i++) ALL.set(Tensor.I64, t + i * ts, ALL.get(Tensor.I64, f + i * fs));
            }
            default -> {
                for (int i = 0; i < n; i++) {
                    ALL.set(ValueLayout.JAVA_BYTE, t + i * ts, ALL.get(ValueLayout.JAVA_BYTE, f + i * fs));
                }
            }
        }
    }
}
