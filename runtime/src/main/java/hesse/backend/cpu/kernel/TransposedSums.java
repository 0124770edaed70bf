package hesse.backend.cpu.kernel;

import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Writes sums with rows and columns exchanged. Element by element: vectors gathered from a column are boxed where the compiler has seen
 * too many callers.
 */
final class TransposedSums {
    /** Rows at a time: few enough that what is read and what is written stay in the first-level cache. */
    private static final int BAND = 16;

    private TransposedSums() {}

    /**
     * {@code target[to + j·targetStride + i] = alpha · sum(i, j)}, or with the target added when accumulating, for i below {@code rows} and j
     * below {@code columns}.
     *
     * @param sums {@code float[]} or {@code double[]}, element (i, j) at {@code from + i·stride + j}
     */
    static void write(
            Object sums,
            int from,
            int stride,
            MemorySegment target,
            long to,
            long targetStride,
            int rows,
            int columns,
            double alpha,
            boolean accumulate) {
        for (int i = 0; i < rows; i += BAND) {
            int height = Math.min(BAND, rows - i);
            for (int j = 0; j < columns; j++) {
                int column = from + i * stride + j;
                long at = to + j * targetStride + i;
                if (sums instanceof float[] s) {
                    column(s, column, stride, target, at, height, (float) alpha, accumulate);
                } else {
                    column((double[]) sums, column, stride, target, at, height, alpha, accumulate);
                }
            }
        }
    }

    private static void column(
            float[] s, int from, int stride, MemorySegment target, long to, int n, float scale, boolean accumulate) {
        for (int i = 0; i < n; i++) {
            long at = 4 * (to + i);
            float sum = s[from + i * stride];
            target.set(Tensor.F32, at, accumulate ? Math.fma(scale, sum, target.get(Tensor.F32, at)) : scale * sum);
        }
    }

    private static void column(
            double[] s, int from, int stride, MemorySegment target, long to, int n, double scale, boolean accumulate) {
        for (int i = 0; i < n; i++) {
            long at = 8 * (to + i);
            double sum = s[from + i * stride];
            target.set(Tensor.F64, at, accumulate ? Math.fma(scale, sum, target.get(Tensor.F64, at)) : scale * sum);
        }
    }
}
