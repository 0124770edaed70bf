package hesse.scalar;

import static hesse.scalar.ScalarOp.*;

import hesse.scalar.ScalarProgram.Builder;
import hesse.tensor.DType;

/** Writes basic programs of one type: each call is one instruction, correctly rounded, in the order written. */
final class BasicBuilder {
    final Builder p = Builder.exact();
    final Format format;

    BasicBuilder(DType dtype) {
        format = switch (dtype) {
            case F32 -> Format.F32;
            case F64 -> Format.F64;
            default -> throw new IllegalArgumentException("scalar programs compute in F32 or F64, not " + dtype);
        };
    }

    /** What the functions need to know of a floating-point format. */
    enum Format {
        F32(23, 127),
        F64(52, 1023);

        /** Explicit bits of the significand. */
        final int significand;

        final int bias;

        Format(int significand, int bias) {
            this.significand = significand;
            this.bias = bias;
        }

        /** Bits of a float, integer sign bit included. */
        int width() {
            return this == F32 ? 32 : 64;
        }

        /** The bits of 1.0. */
        long one() {
            return (long) bias << significand;
        }

        /** 1.5·2^significand: added to a small number it leaves the nearest integer in the low bits. */
        double magic() {
            return 1.5 * (1L << significand);
        }

        double smallestNormal() {
            return Math.scalb(1.0, 1 - bias);
        }

        double round(double x) {
            return this == F32 ? (float) x : x;
        }
    }

    boolean isF32() {
        return format == Format.F32;
    }

    int c(double value) {
        return p.constant(format.round(value));
    }

    int add(int a, int b) {
        return p.op(ADD, a, b);
    }

    int sub(int a, int b) {
        return p.op(SUB, a, b);
    }

    int mul(int a, int b) {
        return p.op(MUL, a, b);
    }

    int div(int a, int b) {
        return p.op(DIV, a, b);
    }

    int fma(int a, int b, int c) {
        return p.op(FMA, a, b, c);
    }

    int lt(int a, int b) {
        return p.op(LT, a, b);
    }

    int le(int a, int b) {
        return p.op(LE, a, b);
    }

    int select(int condition, int a, int b) {
        return p.op(SELECT, condition, a, b);
    }

    int neg(int a) {
        Instruction s = p.at(a);
        if (s.op() == NEG) return s.a();
        return isScaled(a) ? mul(c(-factor(a)), s.b()) : p.op(NEG, a);
    }

    /** |a|, and |c·x| as |c|·|x|, which has the same bits. */
    int abs(int a) {
        Instruction s = p.at(a);
        return switch (s.op()) {
            case ABS -> a;
            case NEG -> abs(s.a());
            case MUL -> isScaled(a) ? mul(c(Math.abs(factor(a))), abs(s.b())) : p.op(ABS, a);
            default -> p.op(ABS, a);
        };
    }

    /** k·a for a power of two k; k·(c·x) is (k·c)·x, so that a function at x/2 and one at x find what they share. */
    int timesPowerOfTwo(double k, int a) {
        if (isScaled(a)) {
            double folded = k * factor(a);
            int x = p.at(a).b();
            return folded == 1 ? x : folded == -1 ? neg(x) : mul(c(folded), x);
        }
        return k == 1 ? a : k == -1 ? neg(a) : mul(c(k), a);
    }

    private boolean isScaled(int a) {
        return p.at(a).op() == MUL && p.isConstant(p.at(a).a());
    }

    private double factor(int a) {
        return p.at(p.at(a).a()).constant();
    }

    /** Horner's rule in fused steps; coefficients lowest order first. */
    int polynomial(double[] coefficients, int x) {
        int y = c(coefficients[coefficients.length - 1]);
        for (int i = coefficients.length - 2; i >= 0; i--) y = fma(y, x, c(coefficients[i]));
        return y;
    }

    int bits(int a) {
        return p.op(BITS, a);
    }

    int asFloat(int a) {
        return p.op(FLOAT, a);
    }

    int integer(long value) {
        return p.integer(ICONST, format == Format.F32 ? (int) value : value);
    }

    int shiftLeft(int a, int by) {
        return p.integer(ISHL, by, a);
    }

    int shiftRight(int a, int by) {
        return p.integer(ISHR, by, a);
    }

    int integer(ScalarOp op, int a, int b) {
        return p.op(op, a, b);
    }

    int signBit() {
        return integer(format == Format.F32 ? Integer.MIN_VALUE : Long.MIN_VALUE);
    }
}
