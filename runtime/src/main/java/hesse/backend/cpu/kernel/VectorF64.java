package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;

/** The kernels' primitives for double through the Vector API. Loaded only where the module is present. */
final class VectorF64 implements Lanes {
    /** Static and final, or every vector operation would box. Read by the generated kernels too. */
    static final VectorSpecies<Double> SPECIES = VectorBits.species(double.class);

    private static final int L = SPECIES.length();
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    /** With 32 registers 12 rows × 2 vectors stay in registers beside the operands, with 16 registers 6 × 2. */
    private static final int[] TILE_ROWS = L == 8 ? new int[] {12, 8} : new int[] {6, 4};

    private final MicroKernel[] kernels = new MicroKernel[8];

    VectorF64() {
        var generator = new MicroKernelGenerator(MethodHandles.lookup(), true, L);
        for (int i = 0; i < kernels.length; i++) {
            kernels[i] = generator.generate(TILE_ROWS[i & 1], 1 + (i >> 1 & 1), panelWidth(), i >= 4);
        }
    }

    @Override
    public DType dtype() {
        return DType.F64;
    }

    @Override
    public int vectorLength() {
        return L;
    }

    @Override
    public int[] tileRows() {
        return TILE_ROWS;
    }

    @Override
    public MicroKernel kernel(int low, int vectors, boolean indexed) {
        return kernels[low + 2 * (vectors - 1) + (indexed ? 4 : 0)];
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
        if (width == 2 * L && panel == 2 * L) {
            readWide(source, from * 8, stride * 8, terms, panels, to);
            return;
        }
        int t = 0;
        if (width == panel && width < L) {
            // Whole vectors, each overwriting the end of the one before; the last terms may have no vector left to
            // read.
            long readable = source.byteSize() / 8 - L - from;
            int safe = readable < 0 ? 0 : (int) Math.min(terms, readable / stride + 1);
            readNarrow(source, from * 8, stride * 8, safe, panels, to, panel);
            t = safe;
        }
        for (; t < terms; t++) {
            int at = to + t * panel;
            copyRow(source, (from + t * stride) * 8, panels, at, width);
            for (int i = at + width; i < at + panel; i++) panels[i] = 0;
        }
    }

    private static void readWide(MemorySegment source, long from, long stride, int terms, double[] panels, int to) {
        for (int t = 0; t < terms; t++) {
            DoubleVector.fromMemorySegment(SPECIES, source, from, ORDER).intoArray(panels, to);
            DoubleVector.fromMemorySegment(SPECIES, source, from + 8 * L, ORDER).intoArray(panels, to + L);
            from += stride;
            to += 2 * L;
        }
    }

    private static void readNarrow(
            MemorySegment source, long from, long stride, int terms, double[] panels, int to, int panel) {
        for (int t = 0; t < terms; t++) {
            DoubleVector.fromMemorySegment(SPECIES, source, from, ORDER).intoArray(panels, to);
            from += stride;
            to += panel;
        }
    }

    private static void copyRow(MemorySegment source, long from, double[] target, int to, int n) {
        int i = 0;
        for (; i <= n - L; i += L) {
            DoubleVector.fromMemorySegment(SPECIES, source, from + 8L * i, ORDER)
                    .intoArray(target, to + i);
        }
        for (; i < n; i++) target[to + i] = source.get(Tensor.F64, from + 8L * i);
    }

    @Override
    public void readPanelTransposed(
            MemorySegment source, long from, long stride, int terms, int width, Object target, int to, int panel) {
        var panels = (double[]) target;
        for (int i = 0; i < width; i++) {
            transposeRow(source.asSlice((from + i * stride) * 8, terms * 8L), terms, panels, to + i, panel);
        }
        if (width < panel) {
            for (int t = 0; t < terms; t++) {
                for (int i = to + t * panel + width; i < to + (t + 1) * panel; i++) panels[i] = 0;
            }
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
            for (int j = 0; j < columns; j += L) {
                DoubleVector.fromArray(SPECIES, t, ti + j)
                        .add(DoubleVector.fromArray(SPECIES, s, si + j))
                        .intoArray(t, ti + j);
            }
        }
    }

    @Override
    public void write(Object source, int from, MemorySegment target, long to, int n, double alpha, boolean accumulate) {
        var s = (double[]) source;
        double scale = alpha;
        if (accumulate) {
            writeAdding(s, from, target, to * 8, n, scale);
        } else {
            writeOver(s, from, target, to * 8, n, scale);
        }
    }

    private static void writeOver(double[] s, int from, MemorySegment target, long to, int n, double scale) {
        int i = 0;
        for (; i <= n - L; i += L) {
            DoubleVector.fromArray(SPECIES, s, from + i).mul(scale).intoMemorySegment(target, to + 8L * i, ORDER);
        }
        for (; i < n; i++) target.set(Tensor.F64, to + 8L * i, scale * s[from + i]);
    }

    private static void writeAdding(double[] s, int from, MemorySegment target, long to, int n, double scale) {
        var factor = DoubleVector.broadcast(SPECIES, scale);
        int i = 0;
        for (; i <= n - L; i += L) {
            DoubleVector.fromArray(SPECIES, s, from + i)
                    .fma(factor, DoubleVector.fromMemorySegment(SPECIES, target, to + 8L * i, ORDER))
                    .intoMemorySegment(target, to + 8L * i, ORDER);
        }
        for (; i < n; i++) {
            long at = to + 8L * i;
            target.set(Tensor.F64, at, Math.fma(scale, s[from + i], target.get(Tensor.F64, at)));
        }
    }
}
