package hesse.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A dense, row-major tensor in host memory (little endian, 64-byte aligned when allocated here). The memory belongs to the arena that
 * made it; {@link #allocate(DType, Shape)} uses the garbage collector's.
 */
public record Tensor(DType dtype, Shape shape, MemorySegment data) {
    public static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
    public static final ValueLayout.OfDouble F64 = ValueLayout.JAVA_DOUBLE_UNALIGNED;
    public static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;
    public static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED;

    public Tensor {
        if (data.byteSize() != shape.size() * dtype.bytes()) {
            throw new IllegalArgumentException("a " + dtype + " tensor of shape " + shape + " takes "
                    + shape.size() * dtype.bytes() + " bytes, got " + data.byteSize());
        }
    }

    /** A zeroed tensor. */
    public static Tensor allocate(DType dtype, Shape shape) {
        return allocate(dtype, shape, Arena.ofAuto());
    }

    /** A zeroed tensor living as long as {@code arena}. */
    public static Tensor allocate(DType dtype, Shape shape, Arena arena) {
        return new Tensor(dtype, shape, arena.allocate(shape.size() * dtype.bytes(), 64));
    }

    /** A tensor of the given float or integer type holding {@code values} (converted). */
    public static Tensor of(DType dtype, Shape shape, double... values) {
        Tensor t = allocate(dtype, shape);
        if (values.length != shape.size()) {
            throw new IllegalArgumentException(
                    "shape " + shape + " takes " + shape.size() + " values, got " + values.length);
        }
        for (int i = 0; i < values.length; i++) t.set(i, values[i]);
        return t;
    }

    /** An F64 tensor. */
    public static Tensor of(Shape shape, double... values) {
        return of(DType.F64, shape, values);
    }

    public long size() {
        return shape.size();
    }

    /** Element {@code i} in row-major order, as a double. */
    public double get(long i) {
        return switch (dtype) {
            case F32 -> data.getAtIndex(F32, i);
            case F64 -> data.getAtIndex(F64, i);
            case I32 -> data.getAtIndex(I32, i);
            case I64 -> data.getAtIndex(I64, i);
            case BOOL -> data.get(ValueLayout.JAVA_BYTE, i);
            case BF16 -> Float.intBitsToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i) << 16);
        };
    }

    /** Stores {@code v}, rounded to the element type. */
    public void set(long i, double v) {
        switch (dtype) {
            case F32 -> data.setAtIndex(F32, i, (float) v);
            case F64 -> data.setAtIndex(F64, i, v);
            case I32 -> data.setAtIndex(I32, i, (int) v);
            case I64 -> data.setAtIndex(I64, i, (long) v);
            case BOOL -> data.set(ValueLayout.JAVA_BYTE, i, (byte) (v != 0 ? 1 : 0));
            case BF16 ->
                throw new UnsupportedOperationException("bf16 tensors are written by the backends that store them");
        }
    }

    /** The element as a long; exact for integer types. */
    public long getLong(long i) {
        return switch (dtype) {
            case I64 -> data.getAtIndex(I64, i);
            default -> (long) get(i);
        };
    }

    /** All elements, row-major. */
    public double[] toDoubleArray() {
        double[] out = new double[Math.toIntExact(size())];
        for (int i = 0; i < out.length; i++) out[i] = get(i);
        return out;
    }

    /** This tensor converted to another element type (itself when equal). */
    public Tensor to(DType other) {
        if (other == dtype) return this;
        Tensor t = allocate(other, shape);
        for (long i = 0, n = size(); i < n; i++) {
            if (dtype.isInteger() && other == DType.I64) t.data.setAtIndex(I64, i, getLong(i));
            else t.set(i, get(i));
        }
        return t;
    }

    /** The same data under another shape of equal size. */
    public Tensor reshape(Shape other) {
        return new Tensor(dtype, other, data);
    }

    @Override
    public String toString() {
        return "Tensor[" + dtype + " " + shape + "]";
    }
}
