package hesse.scalar;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/**
 * The scalar operations to at least 50 significant digits, and the evaluation of whole programs with them: the ruler that both the f64
 * oracle and the lowered programs are held against. Every function is relatively accurate, in its tails too.
 */
final class PreciseMath {
    static final MathContext DIGITS = new MathContext(52);
    private static final MathContext MORE = new MathContext(62);
    private static final BigDecimal ONE = BigDecimal.ONE;
    private static final BigDecimal TWO = BigDecimal.TWO;
    private static final BigDecimal HALF = new BigDecimal("0.5");
    private static final BigDecimal NEGLIGIBLE = new BigDecimal("1e-64");
    private static final BigDecimal FAR = new BigDecimal("1e4");
    private static final BigDecimal LN2 = lnTwo();
    private static final BigDecimal PI = pi();

    private PreciseMath() {}

    /** Output {@code output} of the program at the given inputs; null where it is undefined. */
    static BigDecimal evaluate(ScalarProgram program, int output, BigDecimal... in) {
        var values = new BigDecimal[program.code().size()];
        for (int i = 0; i < values.length; i++) {
            Instruction s = program.code().get(i);
            values[i] = switch (s.op()) {
                case CONST -> Double.isFinite(s.constant()) ? new BigDecimal(s.constant()) : null;
                case INPUT -> in[s.a()];
                case SELECT -> values[s.a()] == null ? null : values[values[s.a()].signum() != 0 ? s.b() : s.c()];
                default -> {
                    BigDecimal a = values[s.a()];
                    BigDecimal b = s.arity() > 1 ? values[s.b()] : BigDecimal.ZERO;
                    // A branch not taken may be undefined.
                    yield a == null || b == null || !isDefined(s.op(), a, b) ? null : apply(s.op(), a, b);
                }
            };
        }
        return values[program.output(output)];
    }

    private static boolean isDefined(ScalarOp op, BigDecimal a, BigDecimal b) {
        return switch (op) {
            case LOG -> a.signum() > 0;
            case LOG1P -> a.compareTo(ONE.negate()) > 0;
            case SQRT -> a.signum() >= 0;
            case DIV -> b.signum() != 0;
            case EXP, EXPM1 -> a.compareTo(new BigDecimal("1e5")) < 0;
            default -> true;
        };
    }

    static BigDecimal apply(ScalarOp op, BigDecimal a, BigDecimal b) {
        return switch (op) {
            case ADD -> a.add(b, DIGITS);
            case SUB -> a.subtract(b, DIGITS);
            case MUL -> a.multiply(b, DIGITS);
            case DIV -> a.divide(b, DIGITS);
            case NEG -> a.negate();
            case ABS -> a.abs();
            case SIGN -> BigDecimal.valueOf(a.signum());
            case FLOOR -> a.setScale(0, RoundingMode.FLOOR);
            case SQRT -> a.sqrt(DIGITS);
            case EXP -> exp(a);
            case LOG -> log(a);
            case LOG1P -> log1p(a);
            case EXPM1 -> expm1(a);
            case ERF -> erf(a);
            case ERFC -> erfc(a);
            case TANH -> tanh(a);
            case SECH2 -> sech2(a);
            case SIN -> sin(a);
            case COS -> sin(a.add(PI.divide(TWO, MORE), MORE));
            case SIGMOID -> ONE.divide(ONE.add(exp(a.negate()), MORE), DIGITS);
            case SOFTPLUS -> log1p(exp(a.abs().negate())).add(a.max(BigDecimal.ZERO), MORE);
            case MIN -> a.compareTo(b) < 0 ? a : b;
            case MAX -> a.compareTo(b) > 0 ? a : b;
            case LT -> bool(a.compareTo(b) < 0);
            case LE -> bool(a.compareTo(b) <= 0);
            case EQ -> bool(a.compareTo(b) == 0);
            case NE -> bool(a.compareTo(b) != 0);
            default -> throw new IllegalArgumentException("no precise " + op);
        };
    }

    private static BigDecimal bool(boolean b) {
        return b ? ONE : BigDecimal.ZERO;
    }

    static BigDecimal exp(BigDecimal x) {
        return expm1Reduced(x, false);
    }

    static BigDecimal expm1(BigDecimal x) {
        return expm1Reduced(x, true);
    }

    /** x = k ln2 + r, and exp(r) - 1 by its series at r/256, doubled by e² - 1 = (e - 1)(e + 1). */
    private static BigDecimal expm1Reduced(BigDecimal argument, boolean minusOne) {
        // Far beyond any floating-point range the value no longer matters.
        BigDecimal x = argument.min(FAR).max(FAR.negate());
        int k = x.divide(LN2, MORE).setScale(0, RoundingMode.HALF_EVEN).intValueExact();
        MathContext digits = new MathContext(70 + Integer.toString(k).length());
        BigDecimal r =
                x.subtract(LN2.multiply(BigDecimal.valueOf(k), digits), digits).divide(BigDecimal.valueOf(256), MORE);
        BigDecimal term = r;
        BigDecimal sum = r;
        for (int n = 2; term.signum() != 0 && term.abs().compareTo(sum.abs().multiply(NEGLIGIBLE)) > 0; n++) {
            term = term.multiply(r, MORE).divide(BigDecimal.valueOf(n), MORE);
            sum = sum.add(term, MORE);
        }
        for (int i = 0; i < 8; i++) sum = sum.multiply(sum.add(TWO, MORE), MORE);
        BigDecimal scale = k >= 0 ? TWO.pow(k, MORE) : ONE.divide(TWO.pow(-k, MORE), MORE);
        BigDecimal m = scale.multiply(sum, MORE);
        return minusOne ? m.add(scale.subtract(ONE, MORE), MORE) : m.add(scale, MORE);
    }

    static BigDecimal log(BigDecimal x) {
        // Newton on exp from the double estimate of the logarithm; each step doubles the digits.
        int exponent = x.precision() - x.scale();
        double estimate = Math.log(x.movePointLeft(exponent).doubleValue()) + exponent * Math.log(10);
        BigDecimal y = new BigDecimal(estimate);
        if (x.subtract(ONE, MORE).abs().compareTo(new BigDecimal("1e-3")) < 0) return log1p(x.subtract(ONE, MORE));
        for (int i = 0; i < 3; i++) {
            y = y.add(x.multiply(exp(y.negate()), MORE).subtract(ONE), MORE);
        }
        return y;
    }

    static BigDecimal log1p(BigDecimal x) {
        if (x.abs().compareTo(new BigDecimal("0.01")) > 0) return log(x.add(ONE, MORE));
        // 2 artanh(x / (2 + x))
        BigDecimal s = x.divide(x.add(TWO, MORE), MORE);
        BigDecimal z = s.multiply(s, MORE);
        BigDecimal power = s;
        BigDecimal sum = BigDecimal.ZERO;
        for (int n = 1;
                power.signum() != 0
                        && (sum.signum() == 0 || power.abs().compareTo(sum.abs().multiply(NEGLIGIBLE)) > 0);
                n += 2) {
            sum = sum.add(power.divide(BigDecimal.valueOf(n), MORE), MORE);
            power = power.multiply(z, MORE);
        }
        return sum.multiply(TWO);
    }

    static BigDecimal tanh(BigDecimal x) {
        if (x.signum() < 0) return tanh(x.negate()).negate();
        BigDecimal m = expm1(x.multiply(TWO).negate());
        return m.negate().divide(m.add(TWO, MORE), DIGITS);
    }

    static BigDecimal sech2(BigDecimal x) {
        BigDecimal e = exp(x.abs().multiply(TWO).negate());
        BigDecimal d = e.add(ONE, MORE);
        return e.multiply(BigDecimal.valueOf(4)).divide(d.multiply(d, MORE), DIGITS);
    }

    static BigDecimal erf(BigDecimal x) {
        if (x.signum() < 0) return erf(x.negate()).negate();
        return x.compareTo(BigDecimal.valueOf(3)) < 0 ? erfSeries(x) : ONE.subtract(erfcFraction(x), MORE);
    }

    static BigDecimal erfc(BigDecimal x) {
        return x.compareTo(BigDecimal.valueOf(3)) < 0 ? ONE.subtract(erf(x), MORE) : erfcFraction(x);
    }

    private static BigDecimal erfSeries(BigDecimal x) {
        BigDecimal twice = x.multiply(x).multiply(TWO).round(MORE);
        BigDecimal term = x;
        BigDecimal sum = BigDecimal.ZERO;
        for (int n = 1; term.signum() != 0 && (n == 1 || term.compareTo(sum.multiply(NEGLIGIBLE)) > 0); n++) {
            sum = sum.add(term, MORE);
            term = term.multiply(twice, MORE).divide(BigDecimal.valueOf(2 * n + 1), MORE);
        }
        return sum.multiply(TWO).multiply(exp(x.multiply(x).negate()), MORE).divide(PI.sqrt(MORE), MORE);
    }

    /** The n-th convergent is off by about exp(-2x√(2n)); here by 1e-50. */
    private static BigDecimal erfcFraction(BigDecimal x) {
        double z = Math.min(x.doubleValue(), 1e8);
        BigDecimal f = x;
        for (int n = 10 + (int) (1700 / (z * z)); n >= 1; n--) {
            f = x.add(BigDecimal.valueOf(n).multiply(HALF).divide(f, MORE), MORE);
        }
        return exp(x.multiply(x).negate()).divide(PI.sqrt(MORE).multiply(f, MORE), MORE);
    }

    static BigDecimal sin(BigDecimal x) {
        MathContext digits = new MathContext(70 + Math.max(0, x.precision() - x.scale()));
        BigDecimal turns = x.divide(PI.multiply(TWO), digits).setScale(0, RoundingMode.HALF_EVEN);
        BigDecimal r = x.subtract(turns.multiply(PI).multiply(TWO), digits);
        BigDecimal square = r.multiply(r, MORE);
        BigDecimal term = r;
        BigDecimal sum = r;
        for (int n = 1; term.signum() != 0 && term.abs().compareTo(NEGLIGIBLE.multiply(r.abs())) > 0; n++) {
            term = term.multiply(square, MORE).divide(BigDecimal.valueOf(-2L * n * (2L * n + 1)), MORE);
            sum = sum.add(term, MORE);
        }
        return sum;
    }

    /** ln 2 = 2 artanh(1/3). */
    private static BigDecimal lnTwo() {
        MathContext digits = new MathContext(120);
        BigDecimal power = TWO.divide(BigDecimal.valueOf(3), digits);
        BigDecimal sum = BigDecimal.ZERO;
        for (int n = 1; n < 260; n += 2) {
            sum = sum.add(power.divide(BigDecimal.valueOf(n), digits), digits);
            power = power.divide(BigDecimal.valueOf(9), digits);
        }
        return sum;
    }

    /** Machin: π = 16 arctan(1/5) - 4 arctan(1/239). */
    private static BigDecimal pi() {
        return arctanInverse(5)
                .multiply(BigDecimal.valueOf(16))
                .subtract(arctanInverse(239).multiply(BigDecimal.valueOf(4)));
    }

    private static BigDecimal arctanInverse(int n) {
        MathContext digits = new MathContext(130);
        BigDecimal power = ONE.divide(BigDecimal.valueOf(n), digits);
        BigDecimal sum = BigDecimal.ZERO;
        for (int k = 1; k < 200; k += 2) {
            BigDecimal term = power.divide(BigDecimal.valueOf(k), digits);
            sum = k % 4 == 1 ? sum.add(term, digits) : sum.subtract(term, digits);
            power = power.divide(BigDecimal.valueOf((long) n * n), digits);
        }
        return sum;
    }
}
