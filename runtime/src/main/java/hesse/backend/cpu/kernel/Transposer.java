package hesse.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;

/** Transposes a band of as many rows as a vector has lanes: {@code target[to + t·targetStride + i] = source row i, element t}. */
interface Transposer {
    /**
     * Transposes whole squares only.
     *
     * @param from byte offset of row 0 in {@code source}
     * @param stride bytes from one row to the next
     * @param terms elements of a row; a multiple of the vector length
     * @param target {@code float[]} or {@code double[]}
     */
    void run(MemorySegment source, long from, long stride, int terms, Object target, int to, int targetStride);
}
