package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The kernels' primitives for double in plain Java; loops are written so that C2 vectorises the inner ones. */
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
    public MicroKernel kernel(int low, int vectors, boolean indexed) {
        int rows = TILE_ROWS[low];
        int width = vectors * vectorLength();
        int panel = panelWidth();
        return (a, ao, index, io, b, bo, terms, c, co, ldc) -> tile(
                rows,
                width,
                panel,
                indexed,
                (double[]) a,
                ao,
                index,
                io,
                (double[]) b,
                bo,
                terms,
                (double[]) c,
                co,
                ldc);
    }

    private static void tile(
            int rows,
            int width,
            int panel,
            boolean indexed,
            double[] a,
            int ao,
            int[] index,
            int io,
            double[] b,
            int bo,
            int terms,
            double[] c,
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

    private static void multiplyAdd(double x, double[] b, int bo, double[] c, int co, int n) {
        for (int j = 0; j < n; j++) {
            c[co + j] = Math.fma(x, b[bo + j], c[co + j]);
        }
    }

    @Override
    public Object allocate(int elements) {
        return new double[elements];
    }

    @Override
    public void read(MemorySegment source, long from, Object target, int to, int n) {
        MemorySegment.copy(source, Tensor.F64, from * 8, (double[]) target, to, n);
    }

    @Override
    public void readPanel(
            MemorySegment source, long from, long stride, int terms, int width, Object target, int to, int panel) {
        var panels = (double[]) target;
        for (int t = 0; t < terms; t++) {
            int at = to + t * panel;
            MemorySegment.copy(source, Tensor.F64, (from + t * stride) * 8, panels, at, width);
            if (width < panel) Arrays.fill(panels, at + width, at + panel, 0);
        }
    }

    @Override
    public void readPanelTransposed(
            MemorySegment source, long from, long stride, int terms, int width, Object target, int to, int panel) {
        var panels = (double[]) target;
        for (int i = 0; i < width; i++) {
            transposeRow(source.asSlice((from + i * stride) * 8, terms * 8L), terms, panels, to + i, panel);
        }
        if (width < panel) {
            for (int t = 0; t < terms; t++) Arrays.fill(panels, to + t * panel + width, to + (t + 1) * panel, 0);
        }
    }

    private static void transposeRow(MemorySegment row, int terms, double[] panels, int to, int panel) {
        for (int t = 0; t < terms; t++) {
            panels[to + t * panel] = row.getAtIndex(Tensor.F64, t);
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
    public void write(Object source, int from, MemorySegment target, long to, int n, double alpha, boolean accumulate) {
        var s = (double[]) source;
        var row = target.asSlice(to * 8, n * 8L);
        double scale = alpha;
        if (accumulate) {
            for (int i = 0; i < n; i++) {
                row.setAtIndex(Tensor.F64, i, Math.fma(scale, s[from + i], row.getAtIndex(Tensor.F64, i)));
            }
        } else {
            for (int i = 0; i < n; i++) row.setAtIndex(Tensor.F64, i, scale * s[from + i]);
        }
    }
}
