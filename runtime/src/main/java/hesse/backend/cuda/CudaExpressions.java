package hesse.backend.cuda;

import hesse.scalar.Instruction;
import hesse.scalar.ScalarOp;
import hesse.scalar.ScalarProgram;
import hesse.tensor.DType;
import java.util.List;

/**
 * Prints a basic scalar program as CUDA C: one variable per instruction, in order. Every operation is one that rounds once and is never
 * contracted, so the device gives the bits that the other backends give. The same text compiles on a host that defines the few intrinsics.
 */
final class CudaExpressions {
    /** A value in the text: its name, and whether it is a number, a truth value ({@code bool}) or an integer (unsigned). */
    record Value(String name, ScalarOp.Result result) {}

    private final ScalarProgram program;
    private final boolean single;
    private final String prefix;
    private final List<Value> inputs;
    private final StringBuilder text = new StringBuilder();
    private final Value[] values;

    private CudaExpressions(ScalarProgram program, DType type, String prefix, List<Value> inputs) {
        if (type != DType.F32 && type != DType.F64) throw new IllegalArgumentException("no arithmetic in " + type);
        this.program = program;
        this.single = type == DType.F32;
        this.prefix = prefix;
        this.inputs = inputs;
        this.values = new Value[program.code().size()];
    }

    /**
     * Appends the declarations to a text and returns the outputs.
     *
     * @param program in basic operations
     * @param type F32 or F64, which every number in it has
     * @param prefix begins the name of every variable declared
     * @param inputs what stands for the program's inputs, numbers or truth values
     */
    static List<Value> print(
            ScalarProgram program, DType type, String prefix, List<Value> inputs, String indent, StringBuilder out) {
        var printer = new CudaExpressions(program, type, prefix, inputs);
        for (var i = 0; i < printer.values.length; i++) printer.values[i] = printer.instruction(i);
        printer.text
                .toString()
                .lines()
                .forEach(line -> out.append(indent).append(line).append('\n'));
        return java.util.stream.IntStream.range(0, program.outputs())
                .mapToObj(i -> printer.values[program.output(i)])
                .toList();
    }

    /** The C type of numbers. */
    static String numberType(DType type) {
        return type == DType.F32 ? "float" : "double";
    }

    private Value instruction(int i) {
        Instruction s = program.code().get(i);
        return switch (s.op()) {
            case INPUT -> inputs.get(s.a());
            case CONST -> new Value(constant(s.constant(), single), ScalarOp.Result.NUMBER);
            case ICONST -> new Value(integerConstant((long) s.constant()), ScalarOp.Result.INTEGER);
            default -> declared(i, s);
        };
    }

    private Value declared(int i, Instruction s) {
        var result = s.op() == ScalarOp.SELECT ? values[s.b()].result() : s.op().result();
        var value = new Value(prefix + i, result);
        text.append("const ")
                .append(type(result))
                .append(' ')
                .append(value.name())
                .append(" = ");
        text.append(expression(s, result)).append(";\n");
        return value;
    }

    private String type(ScalarOp.Result result) {
        return switch (result) {
            case NUMBER -> single ? "float" : "double";
            case TRUTH -> "bool";
            case INTEGER -> single ? "unsigned int" : "unsigned long long";
        };
    }

    private String expression(Instruction s, ScalarOp.Result result) {
        return switch (s.op()) {
            case ADD -> call("__fadd_rn", "__dadd_rn", number(s.a()), number(s.b()));
            case SUB -> call("__fsub_rn", "__dsub_rn", number(s.a()), number(s.b()));
            case MUL -> call("__fmul_rn", "__dmul_rn", number(s.a()), number(s.b()));
            case DIV -> call("__fdiv_rn", "__ddiv_rn", number(s.a()), number(s.b()));
            case FMA -> call("__fmaf_rn", "__fma_rn", number(s.a()), number(s.b()), number(s.c()));
            case SQRT -> call("__fsqrt_rn", "__dsqrt_rn", number(s.a()));
            case ABS -> call("fabsf", "fabs", number(s.a()));
            case NEG -> "-" + number(s.a());
            case LT -> number(s.a()) + " < " + number(s.b());
            case LE -> number(s.a()) + " <= " + number(s.b());
            case GT -> number(s.a()) + " > " + number(s.b());
            case GE -> number(s.a()) + " >= " + number(s.b());
            case EQ -> number(s.a()) + " == " + number(s.b());
            case NE -> number(s.a()) + " != " + number(s.b());
            case AND -> truth(s.a()) + " && " + truth(s.b());
            case OR -> truth(s.a()) + " || " + truth(s.b());
            case NOT -> "!" + truth(s.a());
            case SELECT -> truth(s.a()) + " ? " + as(result, s.b()) + " : " + as(result, s.c());
            case BITS -> call("__float_as_uint", "(unsigned long long)__double_as_longlong", number(s.a()));
            case FLOAT -> call("__uint_as_float", "__longlong_as_double", values[s.a()].name());
            case IADD -> integers(s, "+");
            case ISUB -> integers(s, "-");
            case IAND -> integers(s, "&");
            case IOR -> integers(s, "|");
            case IXOR -> integers(s, "^");
            case ISHL -> values[s.a()].name() + " << " + (int) s.constant();
            case ISHR -> values[s.a()].name() + " >> " + (int) s.constant();
            default ->
                throw new IllegalArgumentException(s.op() + " is not a basic operation; lower the program first");
        };
    }

    private String call(String f32, String f64, String... arguments) {
        return (single ? f32 : f64) + "(" + String.join(", ", arguments) + ")";
    }

    private String integers(Instruction s, String operator) {
        return values[s.a()].name() + " " + operator + " " + values[s.b()].name();
    }

    private String as(ScalarOp.Result result, int i) {
        return switch (result) {
            case NUMBER -> number(i);
            case TRUTH -> truth(i);
            case INTEGER -> values[i].name();
        };
    }

    private String number(int i) {
        return number(values[i], single);
    }

    private String truth(int i) {
        return truth(values[i]);
    }

    /** A value as a number: 1 and 0 for truth values. */
    static String number(Value value, boolean single) {
        return value.result() == ScalarOp.Result.TRUTH
                ? "(" + value.name() + (single ? " ? 1.0f : 0.0f)" : " ? 1.0 : 0.0)")
                : value.name();
    }

    /** A value as a truth value: whether a number is not zero. */
    static String truth(Value value) {
        return value.result() == ScalarOp.Result.TRUTH ? value.name() : "(" + value.name() + " != 0)";
    }

    /** A constant whose bits the compiler takes as they are. */
    static String constant(double value, boolean single) {
        if (single) {
            var rounded = (float) value;
            return Float.isFinite(rounded)
                    ? "(" + Float.toHexString(rounded) + "f)"
                    : "__uint_as_float(0x" + Integer.toHexString(Float.floatToIntBits(rounded)) + "u)";
        }
        return Double.isFinite(value)
                ? "(" + Double.toHexString(value) + ")"
                : "__longlong_as_double(0x" + Long.toHexString(Double.doubleToLongBits(value)) + "ll)";
    }

    private String integerConstant(long value) {
        return single ? "0x" + Integer.toHexString((int) value) + "u" : "0x" + Long.toHexString(value) + "ull";
    }
}
