package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The kernels' primitives for double through the Vector API. Loaded only where the module is present. */
final class VectorF64 implements Lanes {
    /** Static and final, or every vector operation would box. Read by the generated kernels too. */
    static final VectorSpecies<Double> SPECIES = VectorBits.species(double.class);

    private static final int L = SPECIES.length();
    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    // Exchange of lanes i and i xor h, and the lanes that have bit h: read by the generated transposition.
    static final VectorShuffle<Double> SWAP1 = VectorBits.swap(SPECIES, 1);
    static final VectorShuffle<Double> SWAP2 = VectorBits.swap(SPECIES, 2);
    static final VectorShuffle<Double> SWAP4 = VectorBits.swap(SPECIES, 4);
    static final VectorShuffle<Double> SWAP8 = VectorBits.swap(SPECIES, 8);
    static final VectorMask<Double> HAS_BIT1 = VectorBits.hasBit(SPECIES, 1);
    static final VectorMask<Double> HAS_BIT2 = VectorBits.hasBit(SPECIES, 2);
    static final VectorMask<Double> HAS_BIT4 = VectorBits.hasBit(SPECIES, 4);
    static final VectorMask<Double> HAS_BIT8 = VectorBits.hasBit(SPECIES, 8);

    // With 32 registers 12 rows × 2 vectors stay in registers beside the operands, with 16 registers 6 × 2.
    private static final int TALL = L == 8 ? 12 : 6;
    private static final int LOW = L == 8 ? 8 : 4;
    private static final int[] TILE_ROWS = {TALL, LOW};

    private record Indexed(int rows, int vectors, int panelWidth, int step) {}

    private final MicroKernelGenerator generator = new MicroKernelGenerator(MethodHandles.lookup(), true, L);
    private final Map<Integer, MicroKernel> kernels = new ConcurrentHashMap<>();
    private final Map<Indexed, IndexedKernel> indexed = new ConcurrentHashMap<>();

    private final Transposer squares = new TransposerGenerator(MethodHandles.lookup(), true, L).generate();

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
    public MicroKernel kernel(int rows, int vectors) {
        return kernels.computeIfAbsent(rows << 1 | vectors - 1, k -> generator.packed(rows, vectors, panelWidth()));
    }

    @Override
    public IndexedKernel indexed(int rows, int vectors, int panelWidth, int step) {
        return indexed.computeIfAbsent(
                new Indexed(rows, vectors, panelWidth, step), k -> generator.indexed(rows, vectors, panelWidth, step));
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
        copyVectors(source, from * 8, stride * 8, terms, width - width % L, (double[]) target, to, targetStride);
        copyTail(source, from * 8, stride * 8, terms, width - width % L, width, (double[]) target, to, targetStride);
    }

    private static void copyPairs(
            MemorySegment source, long from, long stride, int terms, double[] target, int to, int targetStride) {
        // A constant stride lets the compiler drop the bounds checks of the stores.
        if (targetStride == 2 * L) {
            for (int t = 0; t < terms; t++) {
                long at = from + t * stride;
                DoubleVector.fromMemorySegment(SPECIES, source, at, ORDER).intoArray(target, to + t * 2 * L);
                DoubleVector.fromMemorySegment(SPECIES, source, at + 8 * L, ORDER)
                        .intoArray(target, to + t * 2 * L + L);
            }
            return;
        }
        for (int t = 0; t < terms; t++) {
            long at = from + t * stride;
            DoubleVector.fromMemorySegment(SPECIES, source, at, ORDER).intoArray(target, to + t * targetStride);
            DoubleVector.fromMemorySegment(SPECIES, source, at + 8 * L, ORDER)
                    .intoArray(target, to + t * targetStride + L);
        }
    }

    private static void copyVectors(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int width,
            double[] target,
            int to,
            int targetStride) {
        if (width == 2 * L) {
            copyPairs(source, from, stride, terms, target, to, targetStride);
            return;
        }
        for (int i = 0; i < width; i += L) {
            long at = from + 8L * i;
            int into = to + i;
            for (int t = 0; t < terms; t++) {
                DoubleVector.fromMemorySegment(SPECIES, source, at, ORDER).intoArray(target, into);
                at += stride;
                into += targetStride;
            }
        }
    }

    private static void copyTail(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int begin,
            int end,
            double[] target,
            int to,
            int targetStride) {
        for (int i = begin; i < end; i++) {
            for (int t = 0; t < terms; t++) {
                target[to + t * targetStride + i] = source.get(Tensor.F64, from + t * stride + 8L * i);
            }
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
        // Whole vectors, each overwriting what the one before wrote too far; the last rows may have no whole vector
        // left to read.
        int whole = Math.ceilDiv(width, L) * L;
        if (whole > 2 * L) {
            // Vector after vector over all rows: the last would overwrite the beginnings of the rows after.
            copy(source, from, stride, terms, width, target, to, targetStride);
            return;
        }
        long readable = source.byteSize() / 8 - whole - from;
        int safe = readable < 0 ? 0 : (int) Math.min(terms, readable / stride + 1);
        copyVectors(source, from * 8, stride * 8, safe, whole, (double[]) target, to, targetStride);
        copy(source, from + safe * stride, stride, terms - safe, width, target, to + safe * targetStride, targetStride);
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
        var t = (double[]) target;
        int whole = terms - terms % L;
        int i = 0;
        for (; i <= width - L && whole > 0; i += L) {
            long row = from + i * stride;
            squares.run(source, row * 8, stride * 8, whole, t, to + i, targetStride);
            transposeRows(
                    source, row + whole, stride, terms - whole, L, t, to + i + whole * targetStride, targetStride);
        }
        transposeRows(source, from + i * stride, stride, terms, width - i, t, to + i, targetStride);
    }

    private static void transposeRows(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int width,
            double[] target,
            int to,
            int targetStride) {
        int i = 0;
        for (; i <= width - 4; i += 4) {
            transposeFour(source, (from + i * stride) * 8, stride * 8, terms, target, to + i, targetStride);
        }
        for (; i < width; i++) transposeOne(source, (from + i * stride) * 8, terms, target, to + i, targetStride);
    }

    private static void transposeFour(
            MemorySegment source, long row0, long stride, int terms, double[] target, int to, int targetStride) {
        long row1 = row0 + stride;
        long row2 = row1 + stride;
        long row3 = row2 + stride;
        for (int t = 0; t < terms; t++) {
            int at = to + t * targetStride;
            target[at] = source.get(Tensor.F64, row0 + 8L * t);
            target[at + 1] = source.get(Tensor.F64, row1 + 8L * t);
            target[at + 2] = source.get(Tensor.F64, row2 + 8L * t);
            target[at + 3] = source.get(Tensor.F64, row3 + 8L * t);
        }
    }

    private static void transposeOne(
            MemorySegment source, long row, int terms, double[] target, int to, int targetStride) {
        for (int t = 0; t < terms; t++) target[to + t * targetStride] = source.get(Tensor.F64, row + 8L * t);
    }

    @Override
    public void transposeLoosely(
            MemorySegment source, long from, long stride, int terms, int width, int available, Object target, int to) {
        int whole = width < L && width > L / 2 && available >= L ? terms - terms % L : 0;
        if (whole > 0) squares.run(source, from * 8, stride * 8, whole, target, to, width);
        transpose(source, from + whole, stride, terms - whole, width, target, to + whole * width, width);
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
            for (int j = 0; j < columns; j += L) {
                DoubleVector.fromArray(SPECIES, t, ti + j)
                        .add(DoubleVector.fromArray(SPECIES, s, si + j))
                        .intoArray(t, ti + j);
            }
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
        var s = (double[]) source;
        double scale = alpha;
        for (int i = 0; i < rows; i++) {
            int row = from + i * sourceStride;
            long at = (to + i * targetStride) * 8;
            if (accumulate) {
                writeAdding(s, row, target, at, n, scale);
            } else {
                writeOver(s, row, target, at, n, scale);
            }
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
