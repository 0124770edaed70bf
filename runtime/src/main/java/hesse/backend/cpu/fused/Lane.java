package hesse.backend.cpu.fused;

import hesse.scalar.Instruction;
import hesse.scalar.ScalarOp;
import java.lang.classfile.CodeBuilder;

/**
 * How one value of a basic program is written as bytecode: as a scalar or as a vector. Each method leaves its result on the stack;
 * operands are local variables.
 */
interface Lane {
    /** What a program value is. */
    enum Type {
        NUMBER,
        TRUTH,
        INTEGER
    }

    /** A local variable for a value. */
    int allocate(CodeBuilder code, Type type);

    void load(CodeBuilder code, Type type, int slot);

    void store(CodeBuilder code, Type type, int slot);

    /** A constant number. */
    void number(CodeBuilder code, double value);

    /** An operation other than inputs, constants and selection. */
    void operation(CodeBuilder code, Instruction s, Type operandType, int a, int b, int c);

    /** Selection of numbers or integers. */
    void select(CodeBuilder code, Type type, int condition, int a, int b);

    /** The type of an operation's result. */
    static Type typeOf(Instruction s, Type[] types) {
        if (s.op() == ScalarOp.SELECT) return types[s.b()];
        return switch (s.op().result()) {
            case NUMBER -> Type.NUMBER;
            case TRUTH -> Type.TRUTH;
            case INTEGER -> Type.INTEGER;
        };
    }
}
