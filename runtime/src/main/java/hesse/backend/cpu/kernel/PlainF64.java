package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The kernels' primitives for double in plain Java; sums stay in local variables. */
final class PlainF64 implements Lanes {
    private static final int[] TILE_ROWS = {4, 2};

    @Override
    public DType dtype() {
        return DType.F64;
    }

    @Override
    public int vectorLength() {
        return 16;
    }

    @Override
    public int[] tileRows() {
        return TILE_ROWS;
    }

    @Override
    public MicroKernel kernel(int rows, int vectors) {
        int width = vectors * vectorLength();
        int panel = panelWidth();
        return (a, ao, b, bo, terms, c, co, ldc) -> {
            for (int i = 0; i < rows; i += 2) {
                int second = Math.min(1, rows - 1 - i);
                for (int j = 0; j < width; j += 4) {
                    block(
                            rows,
                            second,
                            panel,
                            (double[]) a,
                            ao + i,
                            (double[]) b,
                            bo + j,
                            terms,
                            (double[]) c,
                            co + i * ldc + j,
                            ldc);
                }
            }
        };
    }

    @Override
    public IndexedKernel indexed(int rows, int vectors, int panelWidth, int step) {
        int width = vectors * vectorLength();
        return (a, ao, index, first, b, bo, terms, c, co, ldc) -> {
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < width; j += 4) {
                    row(
                            panelWidth,
                            (double[]) a,
                            ao + i * step,
                            index,
                            first,
                            (double[]) b,
                            bo + j,
                            terms,
                            (double[]) c,
                            co + i * ldc + j);
                }
            }
        };
    }

    /** Four columns of one row. */
    private static void row(
            int panel, double[] a, int ao, int[] index, int first, double[] b, int bo, int terms, double[] c, int co) {
        double p0 = 0;
        double p1 = 0;
        double p2 = 0;
        double p3 = 0;
        for (int t = 0; t < terms; t++) {
            double p = a[ao + index[first + t]];
            int at = bo + t * panel;
            p0 = Math.fma(p, b[at], p0);
            p1 = Math.fma(p, b[at + 1], p1);
            p2 = Math.fma(p, b[at + 2], p2);
            p3 = Math.fma(p, b[at + 3], p3);
        }
        c[co] = p0;
        c[co + 1] = p1;
        c[co + 2] = p2;
        c[co + 3] = p3;
    }

    /** Two rows by four columns in local variables, so that a term costs no stores; with {@code second} 0 the row alone, twice. */
    private static void block(
            int rows,
            int second,
            int panel,
            double[] a,
            int ao,
            double[] b,
            int bo,
            int terms,
            double[] c,
            int co,
            int ldc) {
        double p0 = 0;
        double p1 = 0;
        double p2 = 0;
        double p3 = 0;
        double q0 = 0;
        double q1 = 0;
        double q2 = 0;
        double q3 = 0;
        for (int t = 0; t < terms; t++) {
            double p = a[ao + t * rows];
            double q = a[ao + t * rows + second];
            int row = bo + t * panel;
            p0 = Math.fma(p, b[row], p0);
            q0 = Math.fma(q, b[row], q0);
            p1 = Math.fma(p, b[row + 1], p1);
            q1 = Math.fma(q, b[row + 1], q1);
            p2 = Math.fma(p, b[row + 2], p2);
            q2 = Math.fma(q, b[row + 2], q2);
            p3 = Math.fma(p, b[row + 3], p3);
            q3 = Math.fma(q, b[row + 3], q3);
        }
        c[co] = p0;
        c[co + 1] = p1;
        c[co + 2] = p2;
        c[co + 3] = p3;
        int next = co + second * ldc;
        c[next] = q0;
        c[next + 1] = q1;
        c[next + 2] = q2;
        c[next + 3] = q3;
    }

    @Override
    public void copy(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int width,
            Object target,
            int to,
            int targetStride) {
        for (int t = 0; t < terms; t++) {
            MemorySegment.copy(
                    source, Tensor.F64, (from + t * stride) * 8, (double[]) target, to + t * targetStride, width);
        }
    }

    @Override
    public void copyLoosely(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int width,
            Object target,
            int to,
            int targetStride) {
        copy(source, from, stride, terms, width, target, to, targetStride);
    }

    @Override
    public void transpose(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int width,
            Object target,
            int to,
            int targetStride) {
        for (int i = 0; i < width; i++) {
            transposeRow(source, (from + i * stride) * 8, terms, (double[]) target, to + i, targetStride);
        }
    }

    private static void transposeRow(
            MemorySegment source, long row, int terms, double[] target, int to, int targetStride) {
        for (int t = 0; t < terms; t++) target[to + t * targetStride] = source.get(Tensor.F64, row + 8L * t);
    }

    @Override
    public void transposeLoosely(
            MemorySegment source, long from, long stride, int terms, int width, int available, Object target, int to) {
        transpose(source, from, stride, terms, width, target, to, width);
    }

    @Override
    public void zero(Object target, int to, int targetStride, int rows, int n) {
        for (int i = 0; i < rows; i++) {
            Arrays.fill((double[]) target, to + i * targetStride, to + i * targetStride + n, 0);
        }
    }

    @Override
    public void add(
            Object source, int from, int sourceStride, Object target, int to, int targetStride, int rows, int columns) {
        var s = (double[]) source;
        var t = (double[]) target;
        for (int i = 0; i < rows; i++) {
            int si = from + i * sourceStride;
            int ti = to + i * targetStride;
            for (int j = 0; j < columns; j++) t[ti + j] += s[si + j];
        }
    }

    @Override
    public void write(
            Object source,
            int from,
            int sourceStride,
            MemorySegment target,
            long to,
            long targetStride,
            int rows,
            int n,
            double alpha,
            boolean accumulate) {
        for (int i = 0; i < rows; i++) {
            long at = (to + i * targetStride) * 8;
            writeRow((double[]) source, from + i * sourceStride, target, at, n, alpha, accumulate);
        }
    }

    private static void writeRow(
            double[] s, int from, MemorySegment target, long to, int n, double scale, boolean accumulate) {
        if (accumulate) {
            for (int i = 0; i < n; i++) {
                long at = to + 8L * i;
                target.set(Tensor.F64, at, Math.fma(scale, s[from + i], target.get(Tensor.F64, at)));
            }
        } else {
            for (int i = 0; i < n; i++) target.set(Tensor.F64, to + 8L * i, scale * s[from + i]);
        }
    }
}
