package hesse.scalar;

import java.util.ArrayDeque;

/** Writes a program of one output as a formula, without recursion (programs can be deep). */
final class FormulaPrinter {
    private static final int COMPARISON = 0;
    private static final int SUM = 1;
    private static final int PRODUCT = 2;
    private static final int SIGNED = 3;
    private static final int POWER = 4;
    private static final int ATOM = 5;

    private final ScalarProgram program;
    private final StringBuilder text = new StringBuilder();
    /** What is still to be written, next first: a String, or an expression. */
    private final ArrayDeque<Object> rest = new ArrayDeque<>();

    /** An instruction in a place that takes expressions binding at least as tightly as {@code level}. */
    private record Expression(int instruction, int level) {}

    private FormulaPrinter(ScalarProgram program) {
        this.program = program;
    }

    static String print(ScalarProgram program) {
        if (program.inputs() != 1 || program.outputs() != 1) {
            throw new IllegalArgumentException("a formula is a function of one variable, not of " + program.inputs()
                    + " inputs and " + program.outputs() + " outputs");
        }
        return new FormulaPrinter(program).run();
    }

    private String run() {
        rest.push(new Expression(program.output(0), COMPARISON));
        while (!rest.isEmpty()) {
            switch (rest.pop()) {
                case Expression e -> expand(e);
                case Object word -> text.append(word);
            }
            if (text.length() > Formula.MAX_LENGTH) {
                throw new IllegalArgumentException("written as a formula the function exceeds " + Formula.MAX_LENGTH
                        + " characters; it has " + program.code().size() + " instructions");
            }
        }
        return text.toString();
    }

    private void expand(Expression e) {
        Instruction s = program.code().get(e.instruction());
        switch (s.op()) {
            case CONST -> constant(s.constant(), e.level());
            case INPUT -> write(e, ATOM, "x");
            case ADD -> {
                // The constant of a sum is its first operand, but reads better as the last; x + -1 as x - 1.
                Instruction first = program.code().get(s.a());
                if (first.op() == ScalarOp.CONST && first.constant() < 0) {
                    write(e, SUM, at(s.b(), SUM), " - " + number(-first.constant()));
                } else if (first.op() == ScalarOp.CONST) {
                    write(e, SUM, at(s.b(), SUM), " + ", at(s.a(), PRODUCT));
                } else {
                    write(e, SUM, at(s.a(), SUM), " + ", at(s.b(), PRODUCT));
                }
            }
            case SUB -> write(e, SUM, at(s.a(), SUM), " - ", at(s.b(), PRODUCT));
            case MUL -> {
                if (s.a() == s.b()) write(e, POWER, at(s.a(), ATOM), "^2");
                else write(e, PRODUCT, at(s.a(), PRODUCT), " * ", at(s.b(), SIGNED));
            }
            case DIV -> write(e, PRODUCT, at(s.a(), PRODUCT), " / ", at(s.b(), SIGNED));
            case NEG -> write(e, SIGNED, "-", at(s.a(), POWER));
            case LT, LE, GT, GE -> comparison(e, s);
            // The only form the parser makes of it: a number used as a condition.
            case NE -> {
                if (!program.code().get(s.a()).isConstant(0)) throw unspeakable(s.op());
                rest.push(at(s.b(), e.level()));
            }
            default -> call(s);
        }
    }

    private void comparison(Expression e, Instruction s) {
        String sign = switch (s.op()) {
            case LT -> "<";
            case LE -> "<=";
            case GT -> ">";
            default -> ">=";
        };
        // 0 < x reads better as x > 0.
        if (program.code().get(s.a()).op() == ScalarOp.CONST) {
            write(e, COMPARISON, at(s.b(), SUM), " " + sign.replace('<', '>') + " ", at(s.a(), SUM));
        } else {
            write(e, COMPARISON, at(s.a(), SUM), " " + sign + " ", at(s.b(), SUM));
        }
    }

    private void call(Instruction s) {
        String word = Formula.word(s.op());
        if (word.isEmpty()) throw unspeakable(s.op());
        rest.push(")");
        for (int k = s.arity() - 1; k >= 0; k--) {
            rest.push(at(s.operand(k), COMPARISON));
            rest.push(k > 0 ? ", " : word + "(");
        }
    }

    private void write(Expression e, int level, Object... parts) {
        boolean bare = level >= e.level();
        if (!bare) rest.push(")");
        for (int i = parts.length - 1; i >= 0; i--) rest.push(parts[i]);
        if (!bare) rest.push("(");
    }

    private void constant(double value, int level) {
        boolean negative = value < 0 || 1 / value < 0;
        String digits = number(Math.abs(value));
        int own = !Double.isFinite(value) ? PRODUCT : negative ? SIGNED : ATOM;
        write(new Expression(0, level), own, negative ? "-" + digits : digits);
    }

    private static String number(double positive) {
        if (Double.isNaN(positive)) return "0 / 0";
        if (Double.isInfinite(positive)) return "1 / 0";
        if (positive == Math.PI) return "pi";
        if (positive == Math.E) return "e";
        String text = Double.toString(positive);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }

    private static Expression at(int instruction, int level) {
        return new Expression(instruction, level);
    }

    private static IllegalArgumentException unspeakable(ScalarOp op) {
        return new IllegalArgumentException("formulas have no word for " + op);
    }
}
