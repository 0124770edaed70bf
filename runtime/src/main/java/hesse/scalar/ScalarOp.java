package hesse.scalar;

/**
 * The operations of the scalar language. Values are numbers or truth values (comparisons, logic); a number used as a condition means
 * "is not zero". {@link ScalarProgram#evaluate} computes in f64 with truth values as 0 and 1.
 */
public enum ScalarOp {
    /** {@link Instruction#constant()}. */
    CONST(0),
    /** Input number {@link Instruction#a()}. */
    INPUT(0),
    ADD(2),
    SUB(2),
    MUL(2),
    DIV(2),
    NEG(1),
    ABS(1),
    /** -1, 0 or 1; NaN for NaN. */
    SIGN(1),
    FLOOR(1),
    SQRT(1),
    EXP(1),
    LOG(1),
    LOG1P(1),
    EXPM1(1),
    ERF(1),
    /** 1 - erf(a), relatively accurate in its right tail. */
    ERFC(1),
    TANH(1),
    /** 1 / cosh(a)², relatively accurate in both tails: the derivative of tanh, and a quarter of it that of sigmoid at 2a. */
    SECH2(1),
    SIN(1),
    COS(1),
    /** 1 / (1 + exp(-a)), relatively accurate in its left tail. */
    SIGMOID(1),
    /** log(1 + exp(a)), without overflow, relatively accurate in its left tail. */
    SOFTPLUS(1),
    /** a where a < b, else b. */
    MIN(2),
    /** a where a > b, else b. */
    MAX(2),
    LT(2),
    LE(2),
    GT(2),
    GE(2),
    EQ(2),
    NE(2),
    AND(2),
    OR(2),
    NOT(1),
    IS_FINITE(1),
    /** b where the condition a holds, else c; what the other operand is does not matter, NaN included. */
    SELECT(3);

    private final int arity;

    ScalarOp(int arity) {
        this.arity = arity;
    }

    /** Number of operands. */
    public int arity() {
        return arity;
    }

    /** Whether the result is a truth value. */
    public boolean isBool() {
        return switch (this) {
            case LT, LE, GT, GE, EQ, NE, AND, OR, NOT, IS_FINITE -> true;
            default -> false;
        };
    }

    /** Whether the two operands may be exchanged without changing a bit. */
    public boolean isCommutative() {
        return switch (this) {
            case ADD, MUL, EQ, NE, AND, OR -> true;
            default -> false;
        };
    }

    /** Whether the derivative is zero wherever it exists. */
    public boolean isPiecewiseConstant() {
        return isBool() || this == SIGN || this == FLOOR || this == CONST;
    }
}
