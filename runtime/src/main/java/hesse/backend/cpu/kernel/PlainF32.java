package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The kernels' primitives for float in plain Java; loops are written so that C2 vectorises the inner ones. */
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
    public MicroKernel kernel(int low, int vectors, boolean indexed) {
        int rows = TILE_ROWS[low];
        int width = vectors * vectorLength();
        int panel = panelWidth();
        return (a, ao, index, io, b, bo, terms, c, co, ldc) -> tile(
                rows, width, panel, indexed, (float[]) a, ao, index, io, (float[]) b, bo, terms, (float[]) c, co, ldc);
    }

    private static void tile(
            int rows,
            int width,
            int panel,
            boolean indexed,
            float[] a,
            int ao,
            int[] index,
            int io,
            float[] b,
            int bo,
            int terms,
            float[] c,
            int co,
            int ldc) {
        for (int i = 0; i < rows; i++) {
            int row = co + i * ldc;
            Arrays.fill(c, row, row + width, 0);
            for (int t = 0; t < terms; t++) {
                multiplyAdd(a[indexed ? ao + index[io + t] + i : ao + t * rows + i], b, bo + t * panel, c, row, width);
            }
        }
    }

    private static void multiplyAdd(float x, float[] b, int bo, float[] c, int co, int n) {
        for (int j = 0; j < n; j++) {
            c[co + j] = Math.fma(x, b[bo + j], c[co + j]);
        }
    }

    @Override
    public Object allocate(int elements) {
        return new float[elements];
    }

    @Override
    public void read(MemorySegment source, long from, Object target, int to, int n) {
        MemorySegment.copy(source, Tensor.F32, from * 4, (float[]) target, to, n);
    }

    @Override
    public void readPanel(
            MemorySegment source, long from, long stride, int terms, int width, Object target, int to, int panel) {
        var panels = (float[]) target;
        for (int t = 0; t < terms; t++) {
            int at = to + t * panel;
            MemorySegment.copy(source, Tensor.F32, (from + t * stride) * 4, panels, at, width);
            if (width < panel) Arrays.fill(panels, at + width, at + panel, 0);
        }
    }

    @Override
    public void readPanelTransposed(
            MemorySegment source, long from, long stride, int terms, int width, Object target, int to, int panel) {
        var panels = (float[]) target;
        for (int i = 0; i < width; i++) {
            transposeRow(source.asSlice((from + i * stride) * 4, terms * 4L), terms, panels, to + i, panel);
        }
        if (width < panel) {
            for (int t = 0; t < terms; t++) Arrays.fill(panels, to + t * panel + width, to + (t + 1) * panel, 0);
        }
    }

    private static void transposeRow(MemorySegment row, int terms, float[] panels, int to, int panel) {
        for (int t = 0; t < terms; t++) {
            panels[to + t * panel] = row.getAtIndex(Tensor.F32, t);
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
    public void write(Object source, int from, MemorySegment target, long to, int n, double alpha, boolean accumulate) {
        var s = (float[]) source;
        var row = target.asSlice(to * 4, n * 4L);
        float scale = (float) alpha;
        if (accumulate) {
            for (int i = 0; i < n; i++) {
                row.setAtIndex(Tensor.F32, i, Math.fma(scale, s[from + i], row.getAtIndex(Tensor.F32, i)));
            }
        } else {
            for (int i = 0; i < n; i++) row.setAtIndex(Tensor.F32, i, scale * s[from + i]);
        }
    }
}
