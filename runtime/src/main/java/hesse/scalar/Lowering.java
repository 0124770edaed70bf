package hesse.scalar;

import hesse.tensor.DType;
import java.util.Arrays;

/**
 * Lowers programs to the basic operations of {@link ScalarOp}. The basic program is what backends emit, so it alone decides every bit: the
 * Vector API's and CUDA's own functions are never called. The value of an expression depends on the expression only, not on the program
 * around it.
 */
public final class Lowering {
    private Lowering() {}

    /**
     * The program in basic operations for f32 or f64; equal parts are computed once.
     *
     * @throws IllegalArgumentException for another type
     */
    public static ScalarProgram lower(ScalarProgram program, DType dtype) {
        var b = new BasicBuilder(dtype);
        var functions = new ElementaryFunctions(b);
        var map = new int[program.code().size()];
        for (int i = 0; i < map.length; i++) {
            Instruction s = program.code().get(i);
            int x = s.arity() > 0 ? map[s.a()] : -1;
            int y = s.arity() > 1 ? map[s.b()] : -1;
            int z = s.arity() > 2 ? map[s.c()] : -1;
            map[i] = switch (s.op()) {
                case INPUT -> b.p.input(s.a());
                case CONST -> b.c(s.constant());
                case ABS -> b.abs(x);
                case NEG -> b.neg(x);
                case GT -> b.lt(y, x);
                case GE -> b.le(y, x);
                case MIN -> b.select(b.lt(x, y), x, y);
                case MAX -> b.select(b.lt(y, x), x, y);
                case IS_FINITE -> b.lt(b.abs(x), b.c(Double.POSITIVE_INFINITY));
                case SIGN -> functions.sign(x);
                case FLOOR -> functions.floor(x);
                case EXP -> {
                    int u = negatedSquare(program, s.a());
                    yield u < 0 ? functions.exp(x) : functions.expOfMinusSquare(map[u]);
                }
                case LOG -> functions.log(x);
                case LOG1P -> functions.log1p(x);
                case EXPM1 -> functions.expm1(x);
                case ERF -> functions.erf(x);
                case ERFC -> functions.erfc(x);
                case TANH -> functions.tanh(x);
                case SECH2 -> functions.sech2(x);
                case SIN -> functions.sin(x);
                case COS -> functions.cos(x);
                case SIGMOID -> functions.sigmoid(x);
                case SOFTPLUS -> functions.softplus(x);
                case ICONST, ISHL, ISHR ->
                    s.op() == ScalarOp.ICONST
                            ? b.integer((long) s.constant())
                            : b.p.integer(s.op(), (long) s.constant(), x);
                default ->
                    switch (s.arity()) {
                        case 1 -> b.p.op(s.op(), x);
                        case 2 -> b.p.op(s.op(), x, y);
                        default -> b.p.op(s.op(), x, y, z);
                    };
            };
        }
        var outputs = new int[program.outputs()];
        for (int i = 0; i < outputs.length; i++) outputs[i] = map[program.output(i)];
        return b.p.build(program.inputs(), outputs);
    }

    /** The u of -(u·u) at instruction {@code i}; -1 if that is something else. */
    private static int negatedSquare(ScalarProgram program, int i) {
        Instruction s = program.code().get(i);
        if (s.op() != ScalarOp.NEG) return -1;
        Instruction square = program.code().get(s.a());
        return square.op() == ScalarOp.MUL && square.a() == square.b() ? square.a() : -1;
    }

    /** The outputs of a basic program in f32, instruction by instruction; truth values as 1 and 0. */
    public static float[] evaluateF32(ScalarProgram basic, float... in) {
        var bits = new int[basic.code().size()];
        for (int i = 0; i < bits.length; i++) bits[i] = evaluateF32(basic.code().get(i), bits, in);
        var out = new float[basic.outputs()];
        for (int i = 0; i < out.length; i++) {
            int o = basic.output(i);
            out[i] = basic.code().get(o).op().isBool() ? bits[o] : Float.intBitsToFloat(bits[o]);
        }
        return out;
    }

    /** The outputs of a basic program in f64, instruction by instruction; truth values as 1 and 0. */
    public static double[] evaluateF64(ScalarProgram basic, double... in) {
        var bits = new long[basic.code().size()];
        for (int i = 0; i < bits.length; i++) bits[i] = evaluateF64(basic.code().get(i), bits, in);
        return Arrays.stream(outputs(basic))
                .mapToDouble(o -> basic.code().get(o).op().isBool() ? bits[o] : Double.longBitsToDouble(bits[o]))
                .toArray();
    }

    private static int[] outputs(ScalarProgram program) {
        var outputs = new int[program.outputs()];
        for (int i = 0; i < outputs.length; i++) outputs[i] = program.output(i);
        return outputs;
    }

    /** One instruction; floats as their bits, truth values as 1 and 0. */
    private static int evaluateF32(Instruction s, int[] bits, float[] in) {
        int a = s.arity() > 0 ? bits[s.a()] : 0;
        int b = s.arity() > 1 ? bits[s.b()] : 0;
        int c = s.arity() > 2 ? bits[s.c()] : 0;
        float x = Float.intBitsToFloat(a);
        float y = Float.intBitsToFloat(b);
        return switch (s.op()) {
            case CONST -> Float.floatToRawIntBits((float) s.constant());
            case INPUT -> Float.floatToRawIntBits(in[s.a()]);
            case ADD -> Float.floatToRawIntBits(x + y);
            case SUB -> Float.floatToRawIntBits(x - y);
            case MUL -> Float.floatToRawIntBits(x * y);
            case DIV -> Float.floatToRawIntBits(x / y);
            case NEG -> a ^ Integer.MIN_VALUE;
            case ABS -> a & Integer.MAX_VALUE;
            case SQRT -> Float.floatToRawIntBits((float) Math.sqrt(x));
            case FMA -> Float.floatToRawIntBits(Math.fma(x, y, Float.intBitsToFloat(c)));
            case LT -> x < y ? 1 : 0;
            case LE -> x <= y ? 1 : 0;
            case GT -> x > y ? 1 : 0;
            case GE -> x >= y ? 1 : 0;
            case EQ -> x == y ? 1 : 0;
            case NE -> x != y ? 1 : 0;
            case AND, IAND -> a & b;
            case OR, IOR -> a | b;
            case NOT -> 1 - a;
            case SELECT -> a != 0 ? b : c;
            case BITS, FLOAT -> a;
            case ICONST -> (int) (long) s.constant();
            case IADD -> a + b;
            case ISUB -> a - b;
            case IXOR -> a ^ b;
            case ISHL -> a << (int) s.constant();
            case ISHR -> a >>> (int) s.constant();
            default ->
                throw new IllegalArgumentException(s.op() + " is not a basic operation; lower the program first");
        };
    }

    /** One instruction; floats as their bits, truth values as 1 and 0. */
    private static long evaluateF64(Instruction s, long[] bits, double[] in) {
        long a = s.arity() > 0 ? bits[s.a()] : 0;
        long b = s.arity() > 1 ? bits[s.b()] : 0;
        long c = s.arity() > 2 ? bits[s.c()] : 0;
        double x = Double.longBitsToDouble(a);
        double y = Double.longBitsToDouble(b);
        return switch (s.op()) {
            case CONST -> Double.doubleToRawLongBits(s.constant());
            case INPUT -> Double.doubleToRawLongBits(in[s.a()]);
            case ADD -> Double.doubleToRawLongBits(x + y);
            case SUB -> Double.doubleToRawLongBits(x - y);
            case MUL -> Double.doubleToRawLongBits(x * y);
            case DIV -> Double.doubleToRawLongBits(x / y);
            case NEG -> a ^ Long.MIN_VALUE;
            case ABS -> a & Long.MAX_VALUE;
            case SQRT -> Double.doubleToRawLongBits(Math.sqrt(x));
            case FMA -> Double.doubleToRawLongBits(Math.fma(x, y, Double.longBitsToDouble(c)));
            case LT -> x < y ? 1 : 0;
            case LE -> x <= y ? 1 : 0;
            case GT -> x > y ? 1 : 0;
            case GE -> x >= y ? 1 : 0;
            case EQ -> x == y ? 1 : 0;
            case NE -> x != y ? 1 : 0;
            case AND, IAND -> a & b;
            case OR, IOR -> a | b;
            case NOT -> 1 - a;
            case SELECT -> a != 0 ? b : c;
            case BITS, FLOAT -> a;
            case ICONST -> (long) s.constant();
            case IADD -> a + b;
            case ISUB -> a - b;
            case IXOR -> a ^ b;
            case ISHL -> a << (int) s.constant();
            case ISHR -> a >>> (int) s.constant();
            default ->
                throw new IllegalArgumentException(s.op() + " is not a basic operation; lower the program first");
        };
    }
}
