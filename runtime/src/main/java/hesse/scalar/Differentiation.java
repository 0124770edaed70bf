package hesse.scalar;

import static hesse.scalar.ScalarOp.*;

import hesse.scalar.ScalarProgram.Builder;

/**
 * Exact derivatives of scalar programs, forwards over the instructions. A zero tangent is structural: it multiplies nothing. A tangent that
 * is a {@code select} with a zero branch keeps the factor of the chain rule inside the other branch, so an infinity or NaN born where a
 * branch was not taken never meets that zero.
 */
final class Differentiation {
    private static final double TWO_OVER_SQRT_PI = 1.1283791670955126;

    private Differentiation() {}

    /** The derivative of a program of one input and one output. */
    static ScalarProgram derivative(ScalarProgram program) {
        if (program.inputs() != 1 || program.outputs() != 1) {
            throw new IllegalArgumentException("the derivative is that of a function of one variable, not of "
                    + program.inputs() + " inputs and " + program.outputs() + " outputs");
        }
        var p = new Builder();
        int[] primal = p.inlineAll(program, p.input(0));
        return p.build(1, tangents(p, program, primal, p.constant(1))[program.output(0)]);
    }

    /** The tangent of each instruction of {@code program}, whose values stand at {@code primal}, for the tangents of its inputs. */
    static int[] tangents(Builder p, ScalarProgram program, int[] primal, int... inputTangents) {
        var tangent = new int[primal.length];
        for (int i = 0; i < tangent.length; i++) {
            Instruction s = program.code().get(i);
            if (s.op() == INPUT) {
                tangent[i] = inputTangents[s.a()];
                continue;
            }
            if (s.op().isPiecewiseConstant()) {
                tangent[i] = p.constant(0);
                continue;
            }
            int a = primal[s.a()];
            int da = tangent[s.a()];
            int b = s.arity() > 1 ? primal[s.b()] : -1;
            int db = s.arity() > 1 ? tangent[s.b()] : -1;
            tangent[i] = switch (s.op()) {
                case ADD -> p.add(da, db);
                case SUB -> p.sub(da, db);
                case MUL -> p.add(times(p, b, da), times(p, a, db));
                case DIV -> p.sub(over(p, da, b), over(p, times(p, primal[i], db), b));
                case MIN -> p.select(p.op(LT, a, b), da, db);
                case MAX -> p.select(p.op(GT, a, b), da, db);
                case SELECT -> p.select(a, db, tangent[s.c()]);
                case NEG -> p.neg(da);
                case FMA -> p.add(p.add(times(p, b, da), times(p, a, db)), tangent[s.c()]);
                default -> p.isConstant(da, 0) ? da : chain(p, s.op(), a, primal[i], da);
            };
        }
        return tangent;
    }

    /** The derivative of a function {@code op} at {@code a}, where its value is {@code y}, times the tangent of a. */
    private static int chain(Builder p, ScalarOp op, int a, int y, int da) {
        return switch (op) {
            case ABS -> times(p, p.op(SIGN, a), da);
            case SQRT -> over(p, da, p.scale(2, y));
            case EXP -> times(p, y, da);
            case LOG -> over(p, da, a);
            case LOG1P -> over(p, da, p.add(p.constant(1), a));
            case EXPM1 -> times(p, p.op(EXP, a), da);
            case ERF -> times(p, p.scale(TWO_OVER_SQRT_PI, expOfMinusSquare(p, a)), da);
            case ERFC -> times(p, p.scale(-TWO_OVER_SQRT_PI, expOfMinusSquare(p, a)), da);
            case TANH -> times(p, p.op(SECH2, a), da);
            case SECH2 -> times(p, p.scale(-2, p.mul(y, p.op(TANH, a))), da);
            case SIN -> times(p, p.op(COS, a), da);
            case COS -> times(p, p.neg(p.op(SIN, a)), da);
            case SIGMOID -> times(p, p.scale(0.25, p.op(SECH2, p.scale(0.5, a))), da);
            case SOFTPLUS -> times(p, p.op(SIGMOID, a), da);
            default -> throw new IllegalArgumentException(op + " has no derivative");
        };
    }

    private static int expOfMinusSquare(Builder p, int a) {
        return p.op(EXP, p.neg(p.mul(a, a)));
    }

    private static int times(Builder p, int factor, int tangent) {
        return underSelects(p, MUL, factor, tangent);
    }

    private static int over(Builder p, int tangent, int divisor) {
        return underSelects(p, DIV, divisor, tangent);
    }

    /** tangent·other or tangent/other, moved below the selects of the tangent that have a zero branch. */
    private static int underSelects(Builder p, ScalarOp op, int other, int tangent) {
        int depth = 0;
        int inner = tangent;
        while (hasZeroBranch(p, inner)) {
            inner = otherBranch(p, inner);
            depth++;
        }
        int result = op == MUL ? p.mul(inner, other) : p.div(inner, other);
        if (depth == 0) return result;
        var path = new int[depth];
        for (int i = 0, at = tangent; i < depth; i++, at = otherBranch(p, at)) path[i] = at;
        for (int i = depth - 1; i >= 0; i--) {
            Instruction s = p.at(path[i]);
            result = p.isConstant(s.b(), 0) ? p.select(s.a(), s.b(), result) : p.select(s.a(), result, s.c());
        }
        return result;
    }

    private static boolean hasZeroBranch(Builder p, int i) {
        Instruction s = p.at(i);
        return s.op() == SELECT && (p.isConstant(s.b(), 0) || p.isConstant(s.c(), 0));
    }

    private static int otherBranch(Builder p, int i) {
        Instruction s = p.at(i);
        return p.isConstant(s.b(), 0) ? s.c() : s.b();
    }
}
