package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * What the contraction kernels need of one element type at one lane width: panel packing, micro-kernels and the write-out.
 *
 * <p>Packed panels and partial sums live in heap arrays, which appear here as {@code Object} ({@code float[]} or {@code double[]}), so
 * that the blocking above is written once. Every implementation gives the same bits: the only sums are those of {@link MicroKernel}
 * and {@link #add}, and both have a fixed order.
 */
sealed interface Lanes permits PlainF32, PlainF64, VectorF32, VectorF64 {
    /** F32 or F64. */
    DType dtype();

    /** Elements per vector: columns of a tile come in multiples of it. */
    int vectorLength();

    /** Columns of a full tile: two vectors. */
    default int panelWidth() {
        return 2 * vectorLength();
    }

    /** Rows of the tall and of the low tile. */
    int[] tileRows();

    /** The kernel for tiles of {@code tileRows()[low]} rows and one or two vectors, over panels {@link #panelWidth()} wide. */
    MicroKernel kernel(int low, int vectors, boolean indexed);

    Object allocate(int elements);

    /** Copies {@code n} elements from native memory, beginning at element {@code from}. */
    void read(MemorySegment source, long from, Object target, int to, int n);

    /** {@code target[to + t·panel + i] = source[from + t·stride + i]} for i below {@code width}, zero for i from there to {@code panel}. */
    void readPanel(
            MemorySegment source, long from, long stride, int terms, int width, Object target, int to, int panel);

    /** {@code target[to + t·panel + i] = source[from + i·stride + t]} for i below {@code width}, zero for i from there to {@code panel}. */
    void readPanelTransposed(
            MemorySegment source, long from, long stride, int terms, int width, Object target, int to, int panel);

    /** Adds a block of rows of heap elements to another; {@code columns} is a multiple of the vector length. */
    void add(Object source, int from, int sourceStride, Object target, int to, int targetStride, int rows, int columns);

    /** {@code target[i] = alpha · source[i]}, or {@code fma(alpha, source[i], target[i])} when accumulating, for {@code n} elements. */
    void write(Object source, int from, MemorySegment target, long to, int n, double alpha, boolean accumulate);
}
