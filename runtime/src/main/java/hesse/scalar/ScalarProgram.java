package hesse.scalar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A scalar program: straight-line code in single-assignment form over some scalar inputs, with one or more outputs. Immutable. Programs are
 * equal when they compute the same thing in the same way; their instructions stand in a canonical order (operands before their users, as
 * first needed by the outputs), so the order in which a program was put together does not matter.
 */
public final class ScalarProgram {
    private final int inputs;
    private final List<Instruction> code;
    private final int[] outputs;
    private final int hash;

    private ScalarProgram(int inputs, List<Instruction> code, int[] outputs) {
        this.inputs = inputs;
        this.code = List.copyOf(code);
        this.outputs = outputs;
        this.hash = 31 * (31 * this.code.hashCode() + Arrays.hashCode(outputs)) + inputs;
    }

    /** Number of inputs, used or not. */
    public int inputs() {
        return inputs;
    }

    /** The instructions; each refers to earlier ones only. */
    public List<Instruction> code() {
        return code;
    }

    /** Number of outputs. */
    public int outputs() {
        return outputs.length;
    }

    /** The instruction that computes output {@code i}. */
    public int output(int i) {
        return outputs[i];
    }

    /**
     * The outputs for the given inputs in f64: the readable oracle, independent of the lowered programs.
     *
     * @throws IllegalArgumentException if the number of inputs is wrong
     */
    public double[] evaluate(double... in) {
        if (in.length != inputs) {
            throw new IllegalArgumentException("a program of " + inputs + " inputs got " + in.length);
        }
        var values = new double[code.size()];
        for (int i = 0; i < values.length; i++) {
            Instruction s = code.get(i);
            values[i] = switch (s.op()) {
                case CONST -> s.constant();
                case INPUT -> in[s.a()];
                default ->
                    ReferenceMath.apply(
                            s.op(),
                            values[s.a()],
                            s.arity() > 1 ? values[s.b()] : 0,
                            s.arity() > 2 ? values[s.c()] : 0);
            };
        }
        return Arrays.stream(outputs).mapToDouble(o -> values[o]).toArray();
    }

    @Override
    public boolean equals(Object o) {
        return this == o
                || o instanceof ScalarProgram p
                        && hash == p.hash
                        && inputs == p.inputs
                        && Arrays.equals(outputs, p.outputs)
                        && code.equals(p.code);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    /** One line per instruction, for example {@code %2 = mul %0 %1}. */
    @Override
    public String toString() {
        var text = new StringBuilder();
        for (int i = 0; i < code.size(); i++) {
            Instruction s = code.get(i);
            text.append('%').append(i).append(" = ").append(s.op().name().toLowerCase(java.util.Locale.ROOT));
            switch (s.op()) {
                case CONST -> text.append(' ').append(s.constant());
                case ICONST, ISHL, ISHR -> text.append(' ').append((long) s.constant());
                default -> {}
            }
            if (s.op() == ScalarOp.INPUT) text.append(' ').append(s.a());
            for (int k = 0; k < s.arity(); k++) text.append(" %").append(s.operand(k));
            text.append('\n');
        }
        text.append("return");
        for (int o : outputs) text.append(" %").append(o);
        return text.toString();
    }

    /**
     * Puts programs together. Equal instructions are one instruction, and each instruction is simplified as it is added (see
     * {@link Simplifier}). Handles are indices into the builder, not into the finished program. Not thread-safe.
     */
    public static final class Builder {
        private final Simplification simplification;
        private final List<Instruction> code = new ArrayList<>();
        private final Map<Instruction, Integer> known = new HashMap<>();
        /** Per instruction a hash of the whole expression and its depth: an order of operands that does not depend on building order. */
        private long[] structure = new long[64];

        private int[] depth = new int[64];

        private enum Simplification {
            /** Real algebra, {@link Simplifier#apply}. */
            ALGEBRAIC,
            /** {@link Simplifier#keepingBits}. */
            EXACT,
            NONE
        }

        /** A builder that simplifies as real algebra allows: for making functions and their derivatives. */
        public Builder() {
            this(Simplification.ALGEBRAIC);
        }

        private Builder(Simplification simplification) {
            this.simplification = simplification;
        }

        /**
         * A builder that simplifies only where no bit of a result changes: for putting finished functions together, so that what one
         * computes does not depend on what stands beside it.
         */
        public static Builder keepingBits() {
            return new Builder(Simplification.EXACT);
        }

        /** A builder that takes instructions as they are (equal ones are still one): every rounding is the writer's. */
        static Builder exact() {
            return new Builder(Simplification.NONE);
        }

        /** The value of input {@code i}. */
        public int input(int i) {
            if (i < 0) throw new IllegalArgumentException("input " + i);
            return intern(new Instruction(ScalarOp.INPUT, i, -1, -1, 0));
        }

        /** A constant. */
        public int constant(double value) {
            return intern(new Instruction(ScalarOp.CONST, -1, -1, -1, Double.isNaN(value) ? Double.NaN : value));
        }

        /**
         * An operation on earlier results, simplified.
         *
         * @throws IllegalArgumentException if the number of operands is wrong or one is unknown
         */
        public int op(ScalarOp op, int... operands) {
            if (operands.length != op.arity() || op.arity() == 0) {
                throw new IllegalArgumentException(op + " takes " + op.arity() + " operands, got " + operands.length);
            }
            for (int o : operands) {
                if (o < 0 || o >= code.size()) throw new IllegalArgumentException("unknown operand " + o + " of " + op);
            }
            int a = operands[0];
            int b = operands.length > 1 ? operands[1] : -1;
            int c = operands.length > 2 ? operands[2] : -1;
            return switch (simplification) {
                case ALGEBRAIC -> Simplifier.apply(this, op, a, b, c);
                case EXACT -> Simplifier.keepingBits(this, op, a, b, c);
                case NONE -> asWritten(op, a, b, c);
            };
        }

        /** The instruction itself, commutative operands in canonical order, a constant first. */
        int asWritten(ScalarOp op, int a, int b, int c) {
            boolean swap = op.isCommutative() && (isConstant(b) || !isConstant(a) && !inOrder(a, b));
            return intern(new Instruction(op, swap ? b : a, swap ? a : b, c, 0));
        }

        public int add(int a, int b) {
            return op(ScalarOp.ADD, a, b);
        }

        public int sub(int a, int b) {
            return op(ScalarOp.SUB, a, b);
        }

        public int mul(int a, int b) {
            return op(ScalarOp.MUL, a, b);
        }

        /** The value times a constant. */
        public int scale(double factor, int a) {
            return mul(constant(factor), a);
        }

        public int div(int a, int b) {
            return op(ScalarOp.DIV, a, b);
        }

        public int neg(int a) {
            return op(ScalarOp.NEG, a);
        }

        public int select(int condition, int a, int b) {
            return op(ScalarOp.SELECT, condition, a, b);
        }

        /** The value to the {@code n}-th power, n an integer, as a chain of products (a negative n: their reciprocal). */
        public int power(int a, int n) {
            if (n == 0) return constant(1);
            int result = -1;
            int square = a;
            for (long left = Math.abs((long) n); left > 0; left >>= 1) {
                if ((left & 1) == 1) result = result < 0 ? square : mul(result, square);
                if (left > 1) square = mul(square, square);
            }
            return n > 0 ? result : div(constant(1), result);
        }

        /** An integer constant, or an integer shift by a constant (one operand), for basic programs. */
        int integer(ScalarOp op, long constant, int... operand) {
            if ((long) (double) constant != constant) throw new IllegalArgumentException("not exact: " + constant);
            return intern(new Instruction(op, operand.length > 0 ? operand[0] : -1, -1, -1, constant));
        }

        /** Adds {@code program} applied to {@code arguments}, one per input; returns the handles of its outputs. */
        public int[] inline(ScalarProgram program, int... arguments) {
            int[] map = inlineAll(program, arguments);
            return Arrays.stream(program.outputs).map(o -> map[o]).toArray();
        }

        /** As {@link #inline}, but returns the handle of every instruction. */
        int[] inlineAll(ScalarProgram program, int... arguments) {
            if (arguments.length != program.inputs) {
                throw new IllegalArgumentException(
                        "a program of " + program.inputs + " inputs got " + arguments.length + " arguments");
            }
            var map = new int[program.code.size()];
            for (int i = 0; i < map.length; i++) {
                Instruction s = program.code.get(i);
                map[i] = switch (s.op()) {
                    case CONST -> constant(s.constant());
                    case INPUT -> arguments[s.a()];
                    default -> {
                        var operands = new int[s.arity()];
                        for (int k = 0; k < operands.length; k++) operands[k] = map[s.operand(k)];
                        yield op(s.op(), operands);
                    }
                };
            }
            return map;
        }

        /**
         * The finished program: what the outputs need, in canonical order.
         *
         * @throws IllegalArgumentException if there is no output or an input number is not below {@code inputs}
         */
        public ScalarProgram build(int inputs, int... outputs) {
            if (outputs.length == 0) throw new IllegalArgumentException("a program has at least one output");
            var place = new int[code.size()];
            Arrays.fill(place, -1);
            var ordered = new ArrayList<Instruction>();
            var stack = new int[64];
            for (int output : outputs) {
                int top = 0;
                stack[top++] = output;
                while (top > 0) {
                    int i = stack[top - 1];
                    Instruction s = code.get(i);
                    int before = top;
                    for (int k = s.arity() - 1; place[i] < 0 && k >= 0; k--) {
                        if (place[s.operand(k)] >= 0) continue;
                        if (top == stack.length) stack = Arrays.copyOf(stack, 2 * top);
                        stack[top++] = s.operand(k);
                    }
                    if (top > before) continue;
                    top--;
                    if (place[i] >= 0) continue;
                    if (s.op() == ScalarOp.INPUT && s.a() >= inputs) {
                        throw new IllegalArgumentException("input " + s.a() + " of a program of " + inputs + " inputs");
                    }
                    place[i] = ordered.size();
                    ordered.add(
                            s.arity() == 0
                                    ? s
                                    : new Instruction(
                                            s.op(),
                                            place[s.a()],
                                            s.arity() > 1 ? place[s.b()] : -1,
                                            s.arity() > 2 ? place[s.c()] : -1,
                                            s.constant()));
                }
            }
            return new ScalarProgram(
                    inputs, ordered, Arrays.stream(outputs).map(o -> place[o]).toArray());
        }

        Instruction at(int i) {
            return code.get(i);
        }

        boolean isConstant(int i) {
            return code.get(i).isConstant();
        }

        boolean isConstant(int i, double value) {
            return code.get(i).isConstant(value);
        }

        /** The longest way from instruction {@code i} down to an input or constant. */
        int depth(int i) {
            return depth[i];
        }

        /** Whether a commutative operation writes {@code a} before {@code b}: by depth, then by what they compute. */
        boolean inOrder(int a, int b) {
            if (depth[a] != depth[b]) return depth[a] < depth[b];
            return structure[a] != structure[b] ? structure[a] < structure[b] : a <= b;
        }

        int intern(Instruction s) {
            Integer old = known.get(s);
            if (old != null) return old;
            int i = code.size();
            if (i == depth.length) {
                depth = Arrays.copyOf(depth, 2 * i);
                structure = Arrays.copyOf(structure, 2 * i);
            }
            long h = s.op().ordinal() * 31L + Double.doubleToRawLongBits(s.constant());
            if (s.op() == ScalarOp.INPUT) h += s.a();
            int d = 0;
            for (int k = 0; k < s.arity(); k++) {
                h = mix(h) + structure[s.operand(k)];
                d = Math.max(d, depth[s.operand(k)] + 1);
            }
            code.add(s);
            known.put(s, i);
            structure[i] = mix(h);
            depth[i] = d;
            return i;
        }

        private static long mix(long h) {
            h = (h ^ (h >>> 30)) * 0xBF58476D1CE4E5B9L;
            h = (h ^ (h >>> 27)) * 0x94D049BB133111EBL;
            return h ^ (h >>> 31);
        }
    }
}
