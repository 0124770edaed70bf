package hesse.scalar;

import static hesse.scalar.ScalarOp.*;

import hesse.scalar.ScalarProgram.Builder;

/**
 * The one way to write each expression: constants folded and moved to the front of products, signs outwards, like terms collected,
 * comparisons as {@code <} and {@code <=}, commutative operands in canonical order. Zero times x is zero: a zero here is structural, it
 * stands for a derivative that does not exist.
 */
final class Simplifier {
    /** Rules that walk down chains of selects stop here, so that long programs cannot exhaust the stack. */
    private static final int MAX_DEPTH = 100;

    private Simplifier() {}

    /** The handle of an operation after simplification; every rule leads to a smaller or more canonical expression. */
    static int apply(Builder p, ScalarOp op, int a, int b, int c) {
        if (p.isConstant(a) && (b < 0 || p.isConstant(b)) && (c < 0 || p.isConstant(c))) {
            return p.constant(ReferenceMath.apply(op, value(p, a), b < 0 ? 0 : value(p, b), c < 0 ? 0 : value(p, c)));
        }
        switch (op) {
            case AND, OR, NOT -> {}
            case SELECT -> {
                b = number(p, b);
                c = number(p, c);
            }
            default -> {
                a = number(p, a);
                b = number(p, b);
                c = number(p, c);
            }
        }
        return switch (op) {
            case FMA -> p.add(p.mul(a, b), c);
            case ADD -> add(p, a, b);
            case SUB -> sub(p, a, b);
            case MUL -> mul(p, a, b);
            case DIV -> div(p, a, b);
            case NEG -> neg(p, a);
            case ABS -> abs(p, a);
            case SECH2, COS -> even(p, op, a);
            case SIGN, ERF, TANH, SIN -> odd(p, op, a);
            case GT -> apply(p, LT, b, a, -1);
            case GE -> apply(p, LE, b, a, -1);
            case LT -> a == b ? p.constant(0) : plain(p, op, a, b);
            case MIN, MAX -> a == b ? a : plain(p, op, a, b);
            case EQ -> plain(p, op, a, b);
            case NE -> notEqual(p, a, b);
            case AND, OR -> logic(p, op, condition(p, a), condition(p, b));
            case NOT -> not(p, condition(p, a));
            case SELECT -> select(p, condition(p, a), b, c);
            case FLOOR -> p.at(a).op() == FLOOR ? a : plain(p, op, a, -1);
            default -> plain(p, op, a, b);
        };
    }

    /** As {@link #apply}, but only what leaves every bit of every result as it is (the sign of a NaN aside). */
    static int keepingBits(Builder p, ScalarOp op, int a, int b, int c) {
        return switch (op) {
            case SELECT -> select(p, condition(p, a), number(p, b), number(p, c));
            case AND, OR -> logic(p, op, condition(p, a), condition(p, b));
            case NOT -> not(p, condition(p, a));
            case GT -> p.asWritten(LT, number(p, b), number(p, a), -1);
            case GE -> p.asWritten(LE, number(p, b), number(p, a), -1);
            case NE -> notEqual(p, number(p, a), number(p, b));
            case NEG -> is(p, a, NEG) ? p.at(a).a() : plain(p, op, number(p, a), -1);
            case MUL ->
                p.isConstant(a, 1)
                        ? number(p, b)
                        : p.isConstant(b, 1) ? number(p, a) : plain(p, op, number(p, a), number(p, b));
            default -> p.asWritten(op, number(p, a), number(p, b), number(p, c));
        };
    }

    private static int notEqual(Builder p, int a, int b) {
        if (isTruth(p, a) && p.isConstant(b, 0)) return p.at(a).a();
        return isTruth(p, b) && p.isConstant(a, 0) ? p.at(b).a() : plain(p, NE, a, b);
    }

    /** Whether {@code a} is a truth value as a number. */
    private static boolean isTruth(Builder p, int a) {
        return is(p, a, SELECT)
                && p.isConstant(p.at(a).b(), 1)
                && p.isConstant(p.at(a).c(), 0);
    }

    private static int add(Builder p, int a, int b) {
        if (p.isConstant(a, 0)) return b;
        if (p.isConstant(b, 0)) return a;
        if (term(p, a) == term(p, b)) return p.scale(coefficient(p, a) + coefficient(p, b), term(p, a));
        if (is(p, a, NEG)) return p.sub(b, p.at(a).a());
        if (is(p, b, NEG)) return p.sub(a, p.at(b).a());
        if (isScaled(p, a) && isScaled(p, b) && p.at(a).a() == p.at(b).a()) {
            return p.mul(p.at(a).a(), p.add(p.at(a).b(), p.at(b).b()));
        }
        if (sameChoice(p, a, b))
            return choose(
                    p,
                    p.at(a),
                    ADD,
                    p.at(a).b(),
                    p.at(b).b(),
                    p.at(a).c(),
                    p.at(b).c());
        int merged = mergedIntoSum(p, a, b);
        if (merged < 0) merged = mergedIntoSum(p, b, a);
        return merged >= 0 ? merged : plain(p, ADD, a, b);
    }

    /** c·x + (k·x ± r) as (c + k)·x ± r; -1 if {@code sum} is not such a sum. */
    private static int mergedIntoSum(Builder p, int single, int sum) {
        Instruction s = p.at(sum);
        if (s.op() != ADD && s.op() != SUB || p.isConstant(single)) return -1;
        if (term(p, single) == term(p, s.a())) return p.op(s.op(), p.add(single, s.a()), s.b());
        if (s.op() == ADD && term(p, single) == term(p, s.b())) return p.add(s.a(), p.add(single, s.b()));
        if (s.op() == SUB && term(p, single) == term(p, s.b())) return p.add(s.a(), p.sub(single, s.b()));
        return -1;
    }

    private static int sub(Builder p, int a, int b) {
        if (p.isConstant(a, 0)) return p.neg(b);
        if (p.isConstant(b)) return p.add(a, p.constant(-value(p, b)));
        if (term(p, a) == term(p, b)) return p.scale(coefficient(p, a) - coefficient(p, b), term(p, a));
        if (is(p, b, NEG)) return p.add(a, p.at(b).a());
        if (is(p, a, NEG)) return p.neg(p.add(p.at(a).a(), b));
        if (sameChoice(p, a, b))
            return choose(
                    p,
                    p.at(a),
                    SUB,
                    p.at(a).b(),
                    p.at(b).b(),
                    p.at(a).c(),
                    p.at(b).c());
        return plain(p, SUB, a, b);
    }

    private static int mul(Builder p, int a, int b) {
        if (p.isConstant(b)) return mul(p, b, a);
        if (p.isConstant(a)) return scaled(p, a, b);
        if (is(p, a, NEG)) return p.neg(p.mul(p.at(a).a(), b));
        if (is(p, b, NEG)) return p.neg(p.mul(a, p.at(b).a()));
        // The square of c·x stays a square: erfc(c·x) and its derivative exp(-(c·x)²) then share it.
        if (a != b) {
            if (isScaled(p, a)) return p.mul(p.at(a).a(), p.mul(p.at(a).b(), b));
            if (isScaled(p, b)) return p.mul(p.at(b).a(), p.mul(a, p.at(b).b()));
        }
        return plain(p, MUL, a, b);
    }

    /** A constant times something that is not constant. */
    private static int scaled(Builder p, int constant, int b) {
        double k = value(p, constant);
        if (k == 0) return p.constant(0);
        if (k == 1) return b;
        if (k == -1) return p.neg(b);
        if (is(p, b, NEG)) return p.scale(-k, p.at(b).a());
        if (hasConstantBranch(p, b)) {
            return choose(
                    p, p.at(b), MUL, constant, p.at(b).b(), constant, p.at(b).c());
        }
        boolean scaled = isScaled(p, b);
        if (scaled || is(p, b, DIV) && p.isConstant(p.at(b).a())) {
            double folded = k * value(p, p.at(b).a());
            if (isOrdinary(folded)) {
                int rest = p.at(b).b();
                return scaled ? p.scale(folded, rest) : p.div(p.constant(folded), rest);
            }
        }
        return plain(p, MUL, constant, b);
    }

    private static int div(Builder p, int a, int b) {
        if (p.isConstant(a, 0) && !p.isConstant(b)) return p.constant(0);
        if (p.isConstant(b)) {
            double k = value(p, b);
            if (k == 1) return a;
            if (k == -1) return p.neg(a);
            if (isPowerOfTwo(k) && isOrdinary(1 / k)) return p.scale(1 / k, a);
        }
        if (is(p, a, NEG)) return p.neg(p.div(p.at(a).a(), b));
        if (is(p, b, NEG)) return p.neg(p.div(a, p.at(b).a()));
        if (isScaled(p, a)) {
            return p.mul(p.at(a).a(), p.div(p.at(a).b(), b));
        }
        return plain(p, DIV, a, b);
    }

    private static int neg(Builder p, int a) {
        Instruction s = p.at(a);
        if (s.op() == NEG) return s.a();
        if (s.op() == SUB) return p.sub(s.b(), s.a());
        if (isScaled(p, a)) return p.scale(-value(p, s.a()), s.b());
        if (hasConstantBranch(p, a)) return p.select(s.a(), p.neg(s.b()), p.neg(s.c()));
        if (s.op() == DIV && p.isConstant(s.a())) return p.div(p.constant(-value(p, s.a())), s.b());
        return plain(p, NEG, a, -1);
    }

    private static int abs(Builder p, int a) {
        Instruction s = p.at(a);
        return switch (s.op()) {
            case ABS, EXP, SQRT, SIGMOID, SOFTPLUS, ERFC, SECH2 -> a;
            case NEG -> p.op(ABS, s.a());
            case MUL -> {
                if (s.a() == s.b()) yield a;
                yield p.isConstant(s.a()) ? p.scale(Math.abs(value(p, s.a())), p.op(ABS, s.b())) : plain(p, ABS, a, -1);
            }
            default -> plain(p, ABS, a, -1);
        };
    }

    private static int even(Builder p, ScalarOp op, int a) {
        int inner = a;
        while (is(p, inner, ABS) || isNegated(p, inner)) {
            inner = is(p, inner, ABS) ? p.at(inner).a() : p.neg(inner);
        }
        return plain(p, op, inner, -1);
    }

    private static int odd(Builder p, ScalarOp op, int a) {
        return isNegated(p, a) ? p.neg(p.op(op, p.neg(a))) : plain(p, op, a, -1);
    }

    private static boolean hasConstantBranch(Builder p, int i) {
        return is(p, i, SELECT)
                && p.depth(i) < MAX_DEPTH
                && (p.isConstant(p.at(i).b()) || p.isConstant(p.at(i).c()));
    }

    /** Two selects by one condition, with constants in the same branch. */
    private static boolean sameChoice(Builder p, int a, int b) {
        if (!is(p, a, SELECT) || !is(p, b, SELECT) || p.depth(a) >= MAX_DEPTH) return false;
        Instruction s = p.at(a);
        Instruction t = p.at(b);
        return s.a() == t.a()
                && (p.isConstant(s.b()) && p.isConstant(t.b()) || p.isConstant(s.c()) && p.isConstant(t.c()));
    }

    /** The operation in each branch of a select: structural zeros stay visible to the chain rule. */
    private static int choose(Builder p, Instruction select, ScalarOp op, int a, int b, int c, int d) {
        return p.select(select.a(), p.op(op, a, b), p.op(op, c, d));
    }

    private static int logic(Builder p, ScalarOp op, int a, int b) {
        if (a == b) return a;
        if (p.isConstant(a)) return (value(p, a) != 0) == (op == AND) ? b : a;
        if (p.isConstant(b)) return (value(p, b) != 0) == (op == AND) ? a : b;
        return plain(p, op, a, b);
    }

    private static int not(Builder p, int a) {
        Instruction s = p.at(a);
        return switch (s.op()) {
            case NOT -> s.a();
            case EQ -> p.op(NE, s.a(), s.b());
            case NE -> p.op(EQ, s.a(), s.b());
            default -> plain(p, NOT, a, -1);
        };
    }

    private static int select(Builder p, int condition, int a, int b) {
        if (a == b) return a;
        if (p.isConstant(condition)) return value(p, condition) != 0 ? a : b;
        if (is(p, condition, NOT)) return p.select(p.at(condition).a(), b, a);
        if (is(p, a, SELECT) && p.at(a).a() == condition)
            return p.select(condition, p.at(a).b(), b);
        if (is(p, b, SELECT) && p.at(b).a() == condition)
            return p.select(condition, a, p.at(b).c());
        return p.intern(new Instruction(SELECT, condition, a, b, 0));
    }

    /** A truth value used as a number: 1 or 0. */
    private static int number(Builder p, int a) {
        return a >= 0 && p.at(a).op().isBool() ? p.select(a, p.constant(1), p.constant(0)) : a;
    }

    /** A number used as a condition: is it not zero? */
    private static int condition(Builder p, int a) {
        return p.at(a).op().isBool() || p.isConstant(a) ? a : p.op(NE, a, p.constant(0));
    }

    private static int plain(Builder p, ScalarOp op, int a, int b) {
        return p.asWritten(op, a, b, -1);
    }

    private static boolean is(Builder p, int i, ScalarOp op) {
        return p.at(i).op() == op;
    }

    private static boolean isScaled(Builder p, int i) {
        return p.at(i).op() == MUL && p.isConstant(p.at(i).a());
    }

    private static boolean isNegated(Builder p, int i) {
        return is(p, i, NEG) || isScaled(p, i) && value(p, p.at(i).a()) < 0;
    }

    /** The x of c·x. */
    private static int term(Builder p, int i) {
        if (is(p, i, NEG)) return p.at(i).a();
        return isScaled(p, i) ? p.at(i).b() : i;
    }

    /** The c of c·x. */
    private static double coefficient(Builder p, int i) {
        if (is(p, i, NEG)) return -1;
        return isScaled(p, i) ? value(p, p.at(i).a()) : 1;
    }

    private static double value(Builder p, int i) {
        return p.at(i).constant();
    }

    /** A folded constant must neither overflow nor lose bits that the separate factors had. */
    private static boolean isOrdinary(double k) {
        return Math.abs(k) >= 1e-30 && Math.abs(k) <= 1e30;
    }

    private static boolean isPowerOfTwo(double k) {
        return (Double.doubleToRawLongBits(k) & 0x000f_ffff_ffff_ffffL) == 0;
    }
}
