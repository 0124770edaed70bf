package hesse.tensor;

/** Element types. F32 and F64 compute everywhere; BF16 is a storage type of GPU backends; the others index and select. */
public enum DType {
    F32(4),
    F64(8),
    BF16(2),
    I32(4),
    I64(8),
    BOOL(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    public boolean isFloat() {
        return this == F32 || this == F64 || this == BF16;
    }

    public boolean isInteger() {
        return this == I32 || this == I64;
    }
}
