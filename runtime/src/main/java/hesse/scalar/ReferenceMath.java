package hesse.scalar;

/**
 * The scalar operations in f64, written for reading: {@link StrictMath} and textbook series. It is the oracle that the lowered programs are
 * tested against and shares nothing with them.
 */
final class ReferenceMath {
    private static final double TWO_OVER_SQRT_PI = 1.1283791670955126;
    private static final double ONE_OVER_SQRT_PI = 0.5641895835477563;

    private ReferenceMath() {}

    static double apply(ScalarOp op, double a, double b, double c) {
        return switch (op) {
            case ADD -> a + b;
            case SUB -> a - b;
            case MUL -> a * b;
            case DIV -> a / b;
            case NEG -> -a;
            case ABS -> Math.abs(a);
            case SIGN -> Math.signum(a);
            case FLOOR -> Math.floor(a);
            case SQRT -> Math.sqrt(a);
            case EXP -> StrictMath.exp(a);
            case LOG -> StrictMath.log(a);
            case LOG1P -> StrictMath.log1p(a);
            case EXPM1 -> StrictMath.expm1(a);
            case ERF -> erf(a);
            case ERFC -> erfc(a);
            case TANH -> StrictMath.tanh(a);
            case SECH2 -> sech2(a);
            case SIN -> StrictMath.sin(a);
            case COS -> StrictMath.cos(a);
            case SIGMOID -> sigmoid(a);
            case SOFTPLUS -> Math.max(a, 0) + StrictMath.log1p(StrictMath.exp(-Math.abs(a)));
            case MIN -> a < b ? a : b;
            case MAX -> a > b ? a : b;
            case LT -> bool(a < b);
            case LE -> bool(a <= b);
            case GT -> bool(a > b);
            case GE -> bool(a >= b);
            case EQ -> bool(a == b);
            case NE -> bool(a != b);
            case AND -> bool(a != 0 && b != 0);
            case OR -> bool(a != 0 || b != 0);
            case NOT -> bool(a == 0);
            case IS_FINITE -> bool(Double.isFinite(a));
            case SELECT -> a != 0 ? b : c;
            case FMA -> Math.fma(a, b, c);
            case CONST, INPUT -> throw new IllegalArgumentException(op + " has no operands");
            case BITS, FLOAT, ICONST, IADD, ISUB, IAND, IOR, IXOR, ISHL, ISHR ->
                throw new IllegalArgumentException(
                        op + " belongs to lowered programs, whose values depend on their type");
        };
    }

    private static double bool(boolean b) {
        return b ? 1 : 0;
    }

    private static double sigmoid(double x) {
        if (x >= 0) return 1 / (1 + StrictMath.exp(-x));
        double e = StrictMath.exp(x);
        return e / (1 + e);
    }

    private static double sech2(double x) {
        double e = StrictMath.exp(-2 * Math.abs(x));
        return 4 * e / ((1 + e) * (1 + e));
    }

    static double erf(double x) {
        double t = Math.abs(x);
        return t < 1 ? erfSeries(x) : Math.copySign(1 - erfcFraction(t), x);
    }

    static double erfc(double x) {
        if (x >= 1) return erfcFraction(x);
        return x > -1 ? 1 - erfSeries(x) : 2 - erfcFraction(-x);
    }

    /** erf(x) = 2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!: every term has one sign, so nothing cancels. */
    private static double erfSeries(double x) {
        double term = x;
        double sum = 0;
        for (int n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
            sum += term;
            term *= 2 * x * x / (2 * n + 1);
        }
        return Double.isNaN(x) ? x : TWO_OVER_SQRT_PI * expOfMinusSquare(x) * sum;
    }

    /** Laplace's continued fraction, from the inside out; the n-th convergent is off by about exp(-2x√(2n)). */
    private static double erfcFraction(double x) {
        if (!(x < 28)) return Double.isNaN(x) ? x : 0;
        double f = x;
        for (int n = 10 + (int) (220 / (x * x)); n >= 1; n--) f = x + 0.5 * n / f;
        return ONE_OVER_SQRT_PI * expOfMinusSquare(x) / f;
    }

    /** exp(-x²), with the rounding error of x² put back. */
    private static double expOfMinusSquare(double x) {
        double square = x * x;
        double error = Math.fma(x, x, -square);
        double e = StrictMath.exp(-square);
        return e - e * error;
    }
}
