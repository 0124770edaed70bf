package hesse.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The element types of safetensors files that can be read, each with the element type it has in memory. */
enum StoredType {
    F64(8, DType.F64),
    F32(4, DType.F32),
    F16(2, DType.F32),
    BF16(2, DType.F32),
    I64(8, DType.I64),
    U32(4, DType.I64),
    I32(4, DType.I32),
    I16(2, DType.I32),
    U16(2, DType.I32),
    I8(1, DType.I32),
    U8(1, DType.I32),
    BOOL(1, DType.BOOL);

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    final int bytes;
    final DType memory;

    StoredType(int bytes, DType memory) {
        this.bytes = bytes;
        this.memory = memory;
    }

    /** Whether the bytes in the file are the bytes in memory. */
    boolean isRaw() {
        return name().equals(memory.name());
    }

    /** Widens {@code n} stored elements into elements {@code first}, … of {@code target}; exact. */
    void widen(MemorySegment stored, long n, Tensor target, long first) {
        var to = target.data();
        for (long i = 0; i < n; i++) {
            switch (this) {
                case F16 -> to.setAtIndex(Tensor.F32, first + i, Float.float16ToFloat(stored.getAtIndex(SHORT, i)));
                case BF16 ->
                    to.setAtIndex(Tensor.F32, first + i, Float.intBitsToFloat(stored.getAtIndex(SHORT, i) << 16));
                case U32 ->
                    to.setAtIndex(Tensor.I64, first + i, Integer.toUnsignedLong(stored.getAtIndex(Tensor.I32, i)));
                case I16 -> to.setAtIndex(Tensor.I32, first + i, stored.getAtIndex(SHORT, i));
                case U16 -> to.setAtIndex(Tensor.I32, first + i, Short.toUnsignedInt(stored.getAtIndex(SHORT, i)));
                case I8 -> to.setAtIndex(Tensor.I32, first + i, stored.get(ValueLayout.JAVA_BYTE, i));
                case U8 ->
                    to.setAtIndex(Tensor.I32, first + i, Byte.toUnsignedInt(stored.get(ValueLayout.JAVA_BYTE, i)));
                case F64, F32, I64, I32, BOOL ->
                    throw new IllegalStateException(this + " is stored as it is in memory");
            }
        }
    }
}
