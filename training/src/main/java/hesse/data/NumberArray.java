package hesse.data;

import hesse.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Numbers of a file where they lie, in rows. Large files are mapped, not read.
 *
 * @param shape the first axis counts examples
 */
record NumberArray(Shape shape, Element element, ByteOrder order, MemorySegment data) {
    /** What a number is stored as. */
    enum Element {
        U8(1, true),
        I8(1, true),
        U16(2, true),
        I16(2, true),
        U32(4, true),
        I32(4, true),
        I64(8, true),
        F32(4, false),
        F64(8, false);

        private final int bytes;
        private final boolean whole;

        Element(int bytes, boolean whole) {
            this.bytes = bytes;
            this.whole = whole;
        }

        int bytes() {
            return bytes;
        }

        boolean whole() {
            return whole;
        }
    }

    /** Numbers of one example. */
    int row() {
        return Math.toIntExact(shape.size() / Math.max(1, shape.dim(0)));
    }

    /** Number {@code at}, counted over all. */
    double get(long at) {
        return switch (element) {
            case U8 -> data.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
            case I8 -> data.get(ValueLayout.JAVA_BYTE, at);
            case U16 -> data.get(ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order), 2 * at) & 0xFFFF;
            case I16 -> data.get(ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order), 2 * at);
            case U32 -> data.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(order), 4 * at) & 0xFFFFFFFFL;
            case I32 -> data.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(order), 4 * at);
            case I64 -> data.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(order), 8 * at);
            case F32 -> data.get(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(order), 4 * at);
            case F64 -> data.get(ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(order), 8 * at);
        };
    }
}
