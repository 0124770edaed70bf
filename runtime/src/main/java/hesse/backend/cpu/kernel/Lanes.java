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

    /** Heights of the tiles of two vectors that most blocks are cut into; the first is the largest there may be. */
    int[] tileRows();

    /** The same for blocks whose columns are so many vectors, one or two: narrow tiles may be as high again. */
    default int[] tileRows(int vectors) {
        int[] wide = tileRows();
        return vectors == 2 ? wide : new int[] {2 * wide[0], 2 * wide[1]};
    }

    /** The kernel for tiles of so many rows and one or two vectors, over panels {@link #panelWidth()} wide. */
    MicroKernel kernel(int rows, int vectors);

    /** The same for a row side that is read through an index, its rows {@code step} elements apart, over panels of a given width. */
    IndexedKernel indexed(int rows, int vectors, int panelWidth, int step);

    /** {@code target[to + t·targetStride + i] = source[from + t·stride + i]} for t below {@code terms}, i below {@code width}. */
    void copy(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int width,
            Object target,
            int to,
            int targetStride);

    /**
     * The same with rows so close that a whole vector per row may be written: what lies after a row in {@code target}, less than one
     * vector, is lost.
     */
    void copyLoosely(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int width,
            Object target,
            int to,
            int targetStride);

    /** {@code target[to + t·targetStride + i] = source[from + i·stride + t]} for t below {@code terms}, i below {@code width}. */
    void transpose(
            MemorySegment source,
            long from,
            long stride,
            int terms,
            int width,
            Object target,
            int to,
            int targetStride);

    /**
     * The same with {@code width} equal to the target's stride and {@code available} rows in the source, of which more than {@code width}
     * may be read; what lies after a row in {@code target}, less than one vector, is lost.
     */
    void transposeLoosely(
            MemorySegment source, long from, long stride, int terms, int width, int available, Object target, int to);

    /** Sets {@code n} elements to zero in each of some rows. */
    void zero(Object target, int to, int targetStride, int rows, int n);

    /** Adds a block of rows of heap elements to another; {@code columns} is a multiple of the vector length. */
    void add(Object source, int from, int sourceStride, Object target, int to, int targetStride, int rows, int columns);

    /**
     * Writes {@code n} elements of each row of sums to native memory: {@code target = alpha · sum}, or {@code fma(alpha, sum, target)}
     * when accumulating.
     */
    void write(
            Object source,
            int from,
            int sourceStride,
            MemorySegment target,
            long to,
            long targetStride,
            int rows,
            int n,
            double alpha,
            boolean accumulate);
}
