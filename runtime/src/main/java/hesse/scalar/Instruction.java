package hesse.scalar;

/**
 * One instruction of a {@link ScalarProgram}: an operation on the results of earlier instructions. Operands an operation lacks are -1;
 * {@code INPUT} keeps its input number in {@code a}. Constants are equal when their bits are (-0.0 is not 0.0).
 */
public record Instruction(ScalarOp op, int a, int b, int c, double constant) {
    /** Operand number {@code i}. */
    public int operand(int i) {
        return i == 0 ? a : i == 1 ? b : c;
    }

    /** Number of operands that are instructions. */
    public int arity() {
        return op.arity();
    }

    boolean isConstant() {
        return op == ScalarOp.CONST;
    }

    boolean isConstant(double value) {
        return op == ScalarOp.CONST && constant == value;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Instruction i
                && op == i.op
                && a == i.a
                && b == i.b
                && c == i.c
                && Double.doubleToRawLongBits(constant) == Double.doubleToRawLongBits(i.constant);
    }

    /** Equal in every JVM (an enum's own hash code is not). */
    @Override
    public int hashCode() {
        long h = op.ordinal() * 0x9E3779B97F4A7C15L + a;
        h = h * 0x9E3779B97F4A7C15L + b;
        h = h * 0x9E3779B97F4A7C15L + c;
        h = (h ^ (h >>> 29)) * 0x9E3779B97F4A7C15L + Double.doubleToRawLongBits(constant);
        return (int) ((h * 0x9E3779B97F4A7C15L) >>> 32);
    }
}
