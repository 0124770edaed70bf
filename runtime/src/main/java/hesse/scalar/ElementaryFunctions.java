package hesse.scalar;

import static hesse.scalar.Coefficients.*;
import static hesse.scalar.ScalarOp.*;

import hesse.scalar.BasicBuilder.Format;

/**
 * The elementary functions in basic operations, one definition for f32 and f64 and for every backend. Within a few units in the last place
 * everywhere; correct at zeros, infinities and NaN (but sin, log1p and expm1 of -0 are +0). Results of exponentials below the smallest normal number are zero (hardware is slow on
 * subnormals and training has no use for them). Functions of one argument share their parts: exp(-|x|) serves sigmoid, softplus, tanh(x/2),
 * sech²(x/2); exp(-x²) serves erf, erfc and their derivatives.
 */
final class ElementaryFunctions {
    private static final double LOG2_E = 1.4426950408889634;
    private static final double TWO_OVER_PI = 0.6366197723675814;
    private static final double LN2 = 0.6931471805599453;
    private static final double SQRT2_MINUS_1 = 0.41421356237309503;

    private final BasicBuilder b;
    private final Format format;

    ElementaryFunctions(BasicBuilder b) {
        this.b = b;
        this.format = b.format;
    }

    /** exp(y) - 1 = 2^k·p + (2^k - 1): p = exp(r) - 1, |r| ≤ ln2/2, and n whose low bits are k. */
    private record Reduced(int p, int n) {}

    private Reduced reduce(int y) {
        return reduce(y, -1);
    }

    /** exp(y - error) - 1, where {@code error} is a rounding error of y; -1 if there is none. */
    private Reduced reduce(int y, int error) {
        int magic = b.c(format.magic());
        int n = b.fma(y, b.c(LOG2_E), magic);
        int k = b.sub(n, magic);
        double[] ln2 = b.isF32() ? LN2_F32 : LN2_F64;
        int r = b.fma(k, b.c(-ln2[0]), y);
        r = error < 0 ? b.fma(k, b.c(-ln2[1]), r) : b.sub(r, b.fma(k, b.c(ln2[1]), error));
        int q = b.polynomial(b.isF32() ? EXP_F32 : EXP_F64, r);
        return new Reduced(b.fma(b.mul(r, r), q, r), n);
    }

    /** 2^(k + offset), k in the low bits of n; 0 where the exponent is one below the smallest normal one's. */
    private int powerOfTwo(int n, int offset) {
        int exponent = b.shiftLeft(b.bits(n), format.significand);
        return b.asFloat(b.integer(IADD, exponent, b.integer((long) (format.bias + offset) << format.significand)));
    }

    /** The largest y whose exp counts as zero, such that 2^(k + offset) is 0 there. */
    private int clampBelow(int y, int offset) {
        int low = b.c(-(format.bias + offset) * LN2);
        return b.select(b.lt(y, low), low, y);
    }

    /** The largest number whose exp is finite. */
    private double largestExponent() {
        return b.isF32() ? 88.72283172607422 : 709.782712893384;
    }

    int exp(int y) {
        // 2^128 is no float, but half of it is.
        Reduced x = reduce(clampBelow(y, -1));
        int half = powerOfTwo(x.n, -1);
        int value = b.mul(b.c(2), b.fma(half, x.p, half));
        return b.select(b.lt(b.c(largestExponent()), y), b.c(Double.POSITIVE_INFINITY), value);
    }

    int expm1(int y) {
        Reduced x = reduce(clampBelow(y, -1));
        int half = powerOfTwo(x.n, -1);
        int value = b.mul(b.c(2), b.fma(half, x.p, b.sub(half, b.c(0.5))));
        return b.select(b.lt(b.c(largestExponent()), y), b.c(Double.POSITIVE_INFINITY), value);
    }

    /** exp of an argument that is at most 0. */
    private int expOfNegative(int y) {
        Reduced x = reduce(clampBelow(y, 0));
        int scale = powerOfTwo(x.n, 0);
        return b.fma(scale, x.p, scale);
    }

    /** exp - 1 of an argument that is at most 0; shares everything but one instruction with {@link #expOfNegative}. */
    private int expm1OfNegative(int y) {
        Reduced x = reduce(clampBelow(y, 0));
        int scale = powerOfTwo(x.n, 0);
        return b.fma(scale, x.p, b.sub(scale, b.c(1)));
    }

    /** exp(-u²), with the rounding error of u² put back. */
    int expOfMinusSquare(int u) {
        Reduced x = reduceMinusSquare(u);
        int scale = powerOfTwo(x.n, 0);
        return b.select(isNegligible(b.mul(u, u)), b.c(0), b.fma(scale, x.p, scale));
    }

    private Reduced reduceMinusSquare(int u) {
        int square = b.mul(u, u);
        int error = b.fma(u, u, b.p.op(NEG, square));
        return reduce(b.p.op(NEG, square), error);
    }

    private int isNegligible(int square) {
        return b.lt(b.c((format.bias - 1) * LN2), square);
    }

    int log(int x) {
        int significandBits = format.significand;
        int tiny = b.lt(x, b.c(format.smallestNormal()));
        int up = significandBits + 2;
        int normal = b.select(tiny, b.mul(x, b.c(Math.scalb(1.0, up))), x);
        int split = splitBits(normal);
        int e = b.sub(exponent(split), b.select(tiny, b.c(exponentOffset() + up), b.c(exponentOffset())));
        int value = logOf(b.sub(significand(split), b.c(1)), e);
        return atSingularity(x, b.c(0), value);
    }

    int log1p(int x) {
        int u = b.add(b.c(1), x);
        int split = splitBits(u);
        int e = b.sub(exponent(split), b.c(exponentOffset()));
        // Where 1 + x is not scaled, x itself is the exact f.
        int f = b.select(b.p.op(EQ, e, b.c(0)), x, b.sub(significand(split), b.c(1)));
        return atSingularity(x, b.c(-1), logOf(f, e));
    }

    /** {@code value}, but -∞ where x is the pole, NaN below it, and x where that is +∞ or NaN. */
    private int atSingularity(int x, int pole, int value) {
        int infinity = b.c(Double.POSITIVE_INFINITY);
        int upper = b.select(b.lt(x, infinity), value, x);
        int lower = b.select(b.lt(x, pole), b.c(Double.NaN), b.c(Double.NEGATIVE_INFINITY));
        return b.select(b.le(x, pole), lower, upper);
    }

    private long sqrtHalf() {
        return b.isF32() ? 0x3f3504f3L : 0x3fe6a09e_00000000L;
    }

    /** The bits of a positive x shifted so that the exponent field counts from √½: x = 2^e·m, m from √½ to √2. */
    private int splitBits(int x) {
        return b.integer(IADD, b.bits(x), b.integer(format.one() - sqrtHalf()));
    }

    /** e plus {@link #exponentOffset()}: the exponent field put into the low bits of a large float. */
    private int exponent(int split) {
        long large = (long) (format.bias + format.significand) << format.significand;
        return b.asFloat(b.integer(IOR, b.shiftRight(split, format.significand), b.integer(large)));
    }

    private double exponentOffset() {
        return Math.scalb(1.0, format.significand) + format.bias;
    }

    private int significand(int split) {
        int fraction = b.integer(IAND, split, b.integer((1L << format.significand) - 1));
        return b.asFloat(b.integer(IADD, fraction, b.integer(sqrtHalf())));
    }

    /** e·ln2 + log(1 + f), 1 + f from √½ to √2. */
    private int logOf(int f, int e) {
        double[] ln2 = b.isF32() ? LN2_F32 : LN2_F64;
        int low = b.mul(e, b.c(ln2[1]));
        return b.fma(e, b.c(ln2[0]), b.add(f, logRest(f, low)));
    }

    /** log(1 + f) - f + extra, where extra is small. */
    private int logRest(int f, int extra) {
        if (b.isF32()) {
            int q = b.fma(b.polynomial(LOG_F32, f), f, b.c(-0.5));
            return b.fma(b.mul(f, f), q, extra);
        }
        // With s = f/(2+f): log(1+f) = 2s + s³P(s²) = f - f²/2 + s (f²/2 + s²P).
        int s = b.div(f, b.add(b.c(2), f));
        int z = b.mul(s, s);
        int halfSquare = b.mul(b.c(0.5), b.mul(f, f));
        int inner = b.fma(z, b.polynomial(LOG_F64, z), halfSquare);
        return b.sub(b.fma(s, inner, extra), halfSquare);
    }

    int softplus(int x) {
        int e = expOfNegative(b.neg(b.abs(x)));
        int small = b.lt(e, b.c(SQRT2_MINUS_1));
        int f = b.select(small, e, b.fma(e, b.c(0.5), b.c(-0.5)));
        int log = b.add(b.select(small, b.c(0), b.c(LN2)), b.add(f, logRest(f, b.c(0))));
        return b.add(b.select(b.lt(b.c(0), x), x, b.c(0)), log);
    }

    int sigmoid(int x) {
        int e = expOfNegative(b.neg(b.abs(x)));
        int inverse = inverse(1, e);
        return b.select(b.lt(x, b.c(0)), b.mul(e, inverse), inverse);
    }

    int tanh(int x) {
        int y = b.timesPowerOfTwo(-2, b.abs(x));
        int inverse = inverse(1, expOfNegative(y));
        return withSignOf(x, b.mul(b.p.op(ABS, expm1OfNegative(y)), inverse));
    }

    int sech2(int x) {
        int e = expOfNegative(b.timesPowerOfTwo(-2, b.abs(x)));
        int inverse = refinedInverse(1, e);
        return b.mul(b.mul(b.c(4), e), b.mul(inverse, inverse));
    }

    /** 1 / (k + a). */
    private int inverse(double k, int a) {
        return b.div(b.c(-1), b.sub(b.c(-k), a));
    }

    /** 1 / (k + a) for 0 ≤ a, k of few bits; in f32 both roundings are put right: what follows magnifies them. */
    private int refinedInverse(double k, int a) {
        int first = inverse(k, a);
        if (!b.isF32()) return first;
        int negated = b.sub(b.c(-k), a);
        int lost = b.sub(b.sub(b.c(-k), negated), a);
        int residual = b.fma(lost, first, b.fma(negated, first, b.c(1)));
        return b.fma(first, residual, first);
    }

    int erf(int x) {
        int a = b.abs(x);
        int series = b.mul(x, b.polynomial(b.isF32() ? ERF_F32 : ERF_F64, b.mul(x, x)));
        int tail = withSignOf(x, b.sub(b.c(1), upperTail(x)));
        return b.select(b.lt(a, b.c(0.75)), series, tail);
    }

    int erfc(int x) {
        int tail = upperTail(x);
        return b.select(b.lt(x, b.c(0)), b.sub(b.c(2), tail), tail);
    }

    /** erfc(|x|) = exp(-x²) P(t)/(|x| + k), t = (|x| - k)/(|x| + k) = 1 - 2k/(|x| + k). */
    private int upperTail(int x) {
        double k = b.isF32() ? 2.3125 : 3.5;
        int inverse = refinedInverse(k, b.abs(x));
        int t = b.fma(b.c(-2 * k), inverse, b.c(1));
        int scaled = b.mul(b.polynomial(b.isF32() ? ERFCX_F32 : ERFCX_F64, t), inverse);
        // exp(-x²) as 2^k (1 + p) again, one rounding less than with its value.
        Reduced e = reduceMinusSquare(x);
        int value = b.mul(powerOfTwo(e.n, 0), b.fma(e.p, scaled, scaled));
        return b.select(isNegligible(b.mul(x, x)), b.c(0), value);
    }

    private int withSignOf(int x, int positive) {
        int sign = b.integer(IAND, b.bits(x), b.signBit());
        return b.asFloat(b.integer(IOR, b.bits(positive), sign));
    }

    int sin(int x) {
        return circular(x, 0);
    }

    int cos(int x) {
        return circular(x, 1);
    }

    /**
     * sin(x + quarters·π/2). π/2 is subtracted in three parts, exactly up to |x| = 1e5; beyond about 1e7 (f32) or 1e15 (f64) the result is some
     * number from -1 to 1.
     */
    private int circular(int x, int quarters) {
        int magic = b.c(format.magic());
        int n = b.fma(x, b.c(TWO_OVER_PI), magic);
        int k = b.sub(n, magic);
        int r = x;
        for (double part : b.isF32() ? HALF_PI_F32 : HALF_PI_F64) r = b.fma(k, b.c(-part), r);
        r = b.select(b.lt(b.p.op(ABS, r), b.c(1)), r, b.sub(r, r));
        int z = b.mul(r, r);
        int sine = b.fma(b.mul(r, z), b.polynomial(b.isF32() ? SIN_F32 : SIN_F64, z), r);
        int cosine = b.fma(b.mul(z, z), b.polynomial(b.isF32() ? COS_F32 : COS_F64, z), b.fma(b.c(-0.5), z, b.c(1)));
        int bits = b.bits(n);
        int odd =
                b.lt(b.asFloat(b.integer(IOR, b.shiftLeft(bits, format.width() - 1), b.integer(format.one()))), b.c(0));
        int value = quarters == 0 ? b.select(odd, cosine, sine) : b.select(odd, sine, cosine);
        int quadrant = quarters == 0 ? bits : b.integer(IADD, bits, b.integer(quarters));
        int sign = b.shiftLeft(b.integer(IAND, quadrant, b.integer(2)), format.width() - 2);
        return b.asFloat(b.integer(IXOR, b.bits(value), sign));
    }

    int floor(int x) {
        int a = b.p.op(ABS, x);
        int large = b.c(Math.scalb(1.0, format.significand));
        int rounded = withSignOf(x, b.sub(b.add(a, large), large));
        int down = b.select(b.lt(x, rounded), b.sub(rounded, b.c(1)), rounded);
        return b.select(b.lt(a, large), down, x);
    }

    int sign(int x) {
        int zero = b.c(0);
        return b.select(b.lt(zero, x), b.c(1), b.select(b.lt(x, zero), b.c(-1), x));
    }
}
