package hesse.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;

/** Windows of neighbouring pixels, over all channels at once. */
public sealed interface Windows permits PlainWindows, VectorWindows {
    /**
     * Per channel the place of the largest element of a window, the first among equals; the first that is not a number, if there is one.
     *
     * @param from element at which channel 0 of the window's first pixel lies
     * @param rows pixels of the window from top to bottom, {@code rowStride} elements apart
     * @param columns pixels from left to right, {@code channels} elements apart
     * @param place number of the first pixel; the next in its row has the next one
     * @param rowPlaces difference of the numbers of pixels one below the other
     * @param target receives {@code channels} places, i32
     * @param to byte at which channel 0 lies in {@code target}
     */
    void largest(
            MemorySegment source,
            long from,
            int rows,
            long rowStride,
            int columns,
            int channels,
            int place,
            int rowPlaces,
            MemorySegment target,
            long to);
}
