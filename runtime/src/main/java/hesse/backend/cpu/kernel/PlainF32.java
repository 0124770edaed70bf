package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The kernels' primitives for float in plain Java; sums stay in local variables. */
final class PlainF32 implements Lanes {
    private static final int[] TILE_ROWS = {4, 2};

    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public int vectorLength() {
        return 32;
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
                            (float[]) a,
                            ao + i,
                            (float[]) b,
                            bo + j,
                            terms,
                            (float[]) c,
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
                            (float[]) a,
                            ao + i * step,
                            index,
                            first,
                            (float[]) b,
                            bo + j,
                            terms,
                            (float[]) c,
                            co + i * ldc + j);
                }
            }
        };
    }

    /** Four columns of one row. */
    private static void row(
            int panel, float[] a, int ao, int[] index, int first, float[] b, int bo, int terms, float[] c, int co) {
        float p0 = 0;
        float p1 = 0;
        float p2 = 0;
        float p3 = 0;
        for (int t = 0; t < terms; t++) {
            float p = a[ao + index[first + t]];
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
            float[] a,
            int ao,
            float[] b,
            int bo,
            int terms,
            float[] c,
            int co,
            int ldc) {
        float p0 = 0;
        float p1 = 0;
        float p2 = 0;
        float p3 = 0;
        float q0 = 0;
        float q1 = 0;
        float q2 = 0;
        float q3 = 0;
        for (int t = 0; t < terms; t++) {
            float p = a[ao + t * rows];
            float q = a[ao + t * rows + second];
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
                    source, Tensor.F32, (from + t * stride) * 4, (float[]) target, to + t * targetStride, width);
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
            transposeRow(source, (from + i * stride) * 4, terms, (float[]) target, to + i, targetStride);
        }
    }

    private static void transposeRow(
            MemorySegment source, long row, int terms, float[] target, int to, int targetStride) {
        for (int t = 0; t < terms; t++) target[to + t * targetStride] = source.get(Tensor.F32, row + 4L * t);
    }

    @Override
    public void transposeLoosely(
            MemorySegment source, long from, long stride, int terms, int width, int available, Object target, int to) {
        transpose(source, from, stride, terms, width, target, to, width);
    }

    @Override
    public void zero(Object target, int to, int targetStride, int rows, int n) {
        for (int i = 0; i < rows; i++) {
            Arrays.fill((float[]) target, to + i * targetStride, to + i * targetStride + n, 0);
        }
    }

    @Override
    public void add(
            Object source, int from, int sourceStride, Object target, int to, int targetStride, int rows, int columns) {
        var s = (float[]) source;
        var t = (float[]) target;
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
            long at = (to + i * targetStride) * 4;
            writeRow((float[]) source, from + i * sourceStride, target, at, n, (float) alpha, accumulate);
        }
    }

    private static void writeRow(
            float[] s, int from, MemorySegment target, long to, int n, float scale, boolean accumulate) {
        if (accumulate) {
            for (int i = 0; i < n; i++) {
                long at = to + 4L * i;
                target.set(Tensor.F32, at, Math.fma(scale, s[from + i], target.get(Tensor.F32, at)));
            }
        } else {
            for (int i = 0; i < n; i++) target.set(Tensor.F32, to + 4L * i, scale * s[from + i]);
        }
    }
}
