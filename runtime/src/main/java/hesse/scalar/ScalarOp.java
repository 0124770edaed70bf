package hesse.scalar;

/**
 * The operations of the scalar language. Values are numbers or truth values (comparisons, logic); a number used as a condition means "is
 * not zero". {@link ScalarProgram#evaluate} computes in f64 with truth values as 0 and 1.
 *
 * <p>Every program is lowered to the <em>basic</em> operations ({@link #isBasic()}) before a backend sees it. Those are exact in the sense of
 * IEEE 754: correctly rounded in the type of the program (f32 or f64), to nearest, ties to even, subnormals kept, nothing contracted or
 * reordered. So all backends give the same bits. A basic program also has integers, as wide as its floats (32 or 64 bits, wrapping); they
 * are results of {@link #BITS}, {@link #ICONST} and the operations beginning with I. The Javadoc names the CUDA form of what is not plain
 * C++; {@code f} and {@code d} there stand for float and double.
 */
public enum ScalarOp {
    /** {@link Instruction#constant()}, rounded to the program's type. */
    CONST(0, true),
    /** Input number {@link Instruction#a()}. */
    INPUT(0, true),
    /** CUDA: {@code __fadd_rn}, {@code __dadd_rn}. */
    ADD(2, true),
    /** CUDA: {@code __fsub_rn}, {@code __dsub_rn}. */
    SUB(2, true),
    /** CUDA: {@code __fmul_rn}, {@code __dmul_rn}. */
    MUL(2, true),
    /** CUDA: {@code __fdiv_rn}, {@code __ddiv_rn}. */
    DIV(2, true),
    /** The sign bit flipped: {@code -a}. */
    NEG(1, true),
    /** The sign bit cleared. CUDA: {@code fabsf}, {@code fabs}. */
    ABS(1, true),
    /** -1, 0 or 1; NaN for NaN. */
    SIGN(1, false),
    FLOOR(1, false),
    /** CUDA: {@code __fsqrt_rn}, {@code __dsqrt_rn}. */
    SQRT(1, true),
    EXP(1, false),
    LOG(1, false),
    LOG1P(1, false),
    EXPM1(1, false),
    ERF(1, false),
    /** 1 - erf(a), relatively accurate in its right tail. */
    ERFC(1, false),
    TANH(1, false),
    /** 1 / cosh(a)², relatively accurate in both tails: the derivative of tanh, and a quarter of it that of sigmoid at 2a. */
    SECH2(1, false),
    SIN(1, false),
    COS(1, false),
    /** 1 / (1 + exp(-a)), relatively accurate in its left tail. */
    SIGMOID(1, false),
    /** log(1 + exp(a)), without overflow, relatively accurate in its left tail. */
    SOFTPLUS(1, false),
    /** {@code a} where {@code a < b}, else {@code b}. */
    MIN(2, false),
    /** {@code a} where {@code a > b}, else {@code b}. */
    MAX(2, false),
    /** False if an operand is NaN, as are the next four. */
    LT(2, true),
    LE(2, true),
    GT(2, true),
    GE(2, true),
    EQ(2, true),
    /** True if an operand is NaN. */
    NE(2, true),
    AND(2, true),
    OR(2, true),
    NOT(1, true),
    IS_FINITE(1, false),
    /** b where the condition a holds, else c; what the other operand is does not matter, NaN included. In basic programs a is a truth value. */
    SELECT(3, true),
    /** a·b + c, rounded once. Java: {@code Math.fma}. CUDA: {@code __fmaf_rn}, {@code __fma_rn}. */
    FMA(3, true),
    /** The bits of a float as an integer. Java: {@code floatToRawIntBits}. CUDA: {@code __float_as_int}, {@code __double_as_longlong}. */
    BITS(1, true),
    /** The float of an integer's bits. Java: {@code intBitsToFloat}. CUDA: {@code __int_as_float}, {@code __longlong_as_double}. */
    FLOAT(1, true),
    /** The integer {@code (long) constant()}, in f32 programs its low 32 bits. */
    ICONST(0, true),
    /** Integer sum, wrapping. */
    IADD(2, true),
    /** Integer difference, wrapping. */
    ISUB(2, true),
    IAND(2, true),
    IOR(2, true),
    IXOR(2, true),
    /** Integer a shifted left by {@code (int) constant()} bits. CUDA: on the unsigned type. */
    ISHL(1, true),
    /** Integer a shifted right by {@code (int) constant()} bits, zeros from the left ({@code >>>}). CUDA: on the unsigned type. */
    ISHR(1, true);

    /** What an operation results in. */
    public enum Result {
        NUMBER,
        TRUTH,
        INTEGER
    }

    private final int arity;
    private final boolean basic;

    ScalarOp(int arity, boolean basic) {
        this.arity = arity;
        this.basic = basic;
    }

    /** Number of operands. */
    public int arity() {
        return arity;
    }

    /** Whether lowered programs may hold this operation. */
    public boolean isBasic() {
        return basic;
    }

    /** What the operation results in. */
    public Result result() {
        return switch (this) {
            case LT, LE, GT, GE, EQ, NE, AND, OR, NOT, IS_FINITE -> Result.TRUTH;
            case BITS, ICONST, IADD, ISUB, IAND, IOR, IXOR, ISHL, ISHR -> Result.INTEGER;
            default -> Result.NUMBER;
        };
    }

    /** Whether the result is a truth value. */
    public boolean isBool() {
        return result() == Result.TRUTH;
    }

    /** Whether the two operands may be exchanged without changing a bit. */
    public boolean isCommutative() {
        return switch (this) {
            case ADD, MUL, EQ, NE, AND, OR, IADD, IAND, IOR, IXOR -> true;
            default -> false;
        };
    }

    /** Whether the derivative is zero wherever it exists. */
    public boolean isPiecewiseConstant() {
        return isBool() || this == SIGN || this == FLOOR || this == CONST;
    }
}
