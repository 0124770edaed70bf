package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The kernels' primitives for float through the Vector API. Loaded only where the module is present. */
final class VectorF32 implements Lanes {
    /** Static and final, or every vector operation would box. Read by the generated kernels too. */
    static final VectorSpecies<Float> SPECIES = VectorBits.species(float.class);

    private static final int L = SPECIES.length();
    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    // Exchange of lanes i and i xor h, and the lanes that have bit h: read by the generated transposition.
    static final VectorShuffle<Float> SWAP1 = VectorBits.swap(SPECIES, 1);
    static final VectorShuffle<Float> SWAP2 = VectorBits.swap(SPECIES, 2);
    static final VectorShuffle<Float> SWAP4 = VectorBits.swap(SPECIES, 4);
    static final VectorShuffle<Float> SWAP8 = VectorBits.swap(SPECIES, 8);
    static final VectorMask<Float> HAS_BIT1 = VectorBits.hasBit(SPECIES, 1);
    static final VectorMask<Float> HAS_BIT2 = VectorBits.hasBit(SPECIES, 2);
    static final VectorMask<Float> HAS_BIT4 = VectorBits.hasBit(SPECIES, 4);
    static final VectorMask<Float> HAS_BIT8 = VectorBits.hasBit(SPECIES, 8);

    // With 32 registers 12 rows × 2 vectors stay in registers beside the operands, with 16 registers 6 × 2.
    private static final int TALL = L == 16 ? 12 : 6;
    private static final int LOW = L == 16 ? 8 : 4;
    private static final int[] TILE_ROWS = {TALL, LOW};

    private record Indexed(int rows, int vectors, int panelWidth, int step) {}

    private final MicroKernelGenerator generator = new MicroKernelGenerator(MethodHandles.lookup(), false, L);
    private final Map<Integer, MicroKernel> kernels = new ConcurrentHashMap<>();
    private final Map<Indexed, IndexedKernel> indexed = new ConcurrentHashMap<>();

    private final Transposer squares = new TransposerGenerator(MethodHandles.lookup(), false, L).generate();

    @Override
    public DType dtype() {
        return DType.F32;
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
        copyVectors(source, from * 4, stride * 4, terms, width - width % L, (float[]) target, to, targetStride);
        copyTail(source, from * 4, stride * 4, terms, width - width % L, width, (float[]) target, to, targetStride);
    }

    private static void copyPairs(
            MemorySegment source, long from, long stride, int terms, float[] target, int to, int targetStride) {
        // A constant stride lets the compiler drop the bounds checks of the stores.
        if (targetStride == 2 * L) {
            for (int t = 0; t < terms; t++) {
                long at = from + t * stride;
                FloatVector.fromMemorySegment(SPECIES, source, at, ORDER).intoArray(target, to + t * 2 * L);
                FloatVector.fromMemorySegment(SPECIES, source, at + 4 * L, ORDER)
                        .intoArray(target, to + t * 2 * L + L);
            }
            return;
        }
        for (int t = 0; t < terms; t++) {
            long at = from + t * stride;
            FloatVector.fromMemorySegment(SPECIES, source, at, ORDER).intoArray(target, to + t * targetStride);
            FloatVector.fromMemorySegment(SPECIES, source, at + 4 * L, ORDER)
                    .intoArray(target, to + t * targetStride + L);
        }
    }

    private static void copyVectors(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int width,
            float[] target,
            int to,
            int targetStride) {
        if (width == 2 * L) {
            copyPairs(source, from, stride, terms, target, to, targetStride);
            return;
        }
        for (int i = 0; i < width; i += L) {
            long at = from + 4L * i;
            int into = to + i;
            for (int t = 0; t < terms; t++) {
                FloatVector.fromMemorySegment(SPECIES, source, at, ORDER).intoArray(target, into);
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
            float[] target,
            int to,
            int targetStride) {
        for (int i = begin; i < end; i++) {
            for (int t = 0; t < terms; t++) {
                target[to + t * targetStride + i] = source.get(Tensor.F32, from + t * stride + 4L * i);
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
        long readable = source.byteSize() / 4 - whole - from;
        int safe = readable < 0 ? 0 : (int) Math.min(terms, readable / stride + 1);
        copyVectors(source, from * 4, stride * 4, safe, whole, (float[]) target, to, targetStride);
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
        var t = (float[]) target;
        int whole = terms - terms % L;
        int i = 0;
        for (; i <= width - L && whole > 0; i += L) {
            long row = from + i * stride;
            squares.run(source, row * 4, stride * 4, whole, t, to + i, targetStride);
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
            float[] target,
            int to,
            int targetStride) {
        int i = 0;
        for (; i <= width - 4; i += 4) {
            transposeFour(source, (from + i * stride) * 4, stride * 4, terms, target, to + i, targetStride);
        }
        for (; i < width; i++) transposeOne(source, (from + i * stride) * 4, terms, target, to + i, targetStride);
    }

    private static void transposeFour(
            MemorySegment source, long row0, long stride, int terms, float[] target, int to, int targetStride) {
        long row1 = row0 + stride;
        long row2 = row1 + stride;
        long row3 = row2 + stride;
        for (int t = 0; t < terms; t++) {
            int at = to + t * targetStride;
            target[at] = source.get(Tensor.F32, row0 + 4L * t);
            target[at + 1] = source.get(Tensor.F32, row1 + 4L * t);
            target[at + 2] = source.get(Tensor.F32, row2 + 4L * t);
            target[at + 3] = source.get(Tensor.F32, row3 + 4L * t);
        }
    }

    private static void transposeOne(
            MemorySegment source, long row, int terms, float[] target, int to, int targetStride) {
        for (int t = 0; t < terms; t++) target[to + t * targetStride] = source.get(Tensor.F32, row + 4L * t);
    }

    @Override
    public void transposeLoosely(
            MemorySegment source, long from, long stride, int terms, int width, int available, Object target, int to) {
        int whole = width < L && width > L / 2 && available >= L ? terms - terms % L : 0;
        if (whole > 0) squares.run(source, from * 4, stride * 4, whole, target, to, width);
        transpose(source, from + whole, stride, terms - whole, width, target, to + whole * width, width);
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
            for (int j = 0; j < columns; j += L) {
                FloatVector.fromArray(SPECIES, t, ti + j)
                        .add(FloatVector.fromArray(SPECIES, s, si + j))
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
        var s = (float[]) source;
        float scale = (float) alpha;
        for (int i = 0; i < rows; i++) {
            int row = from + i * sourceStride;
            long at = (to + i * targetStride) * 4;
            if (accumulate) {
                writeAdding(s, row, target, at, n, scale);
            } else {
                writeOver(s, row, target, at, n, scale);
            }
        }
    }

    private static void writeOver(float[] s, int from, MemorySegment target, long to, int n, float scale) {
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector.fromArray(SPECIES, s, from + i).mul(scale).intoMemorySegment(target, to + 4L * i, ORDER);
        }
        for (; i < n; i++) target.set(Tensor.F32, to + 4L * i, scale * s[from + i]);
    }

    private static void writeAdding(float[] s, int from, MemorySegment target, long to, int n, float scale) {
        var factor = FloatVector.broadcast(SPECIES, scale);
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector.fromArray(SPECIES, s, from + i)
                    .fma(factor, FloatVector.fromMemorySegment(SPECIES, target, to + 4L * i, ORDER))
                    .intoMemorySegment(target, to + 4L * i, ORDER);
        }
        for (; i < n; i++) {
            long at = to + 4L * i;
            target.set(Tensor.F32, at, Math.fma(scale, s[from + i], target.get(Tensor.F32, at)));
        }
    }
}
