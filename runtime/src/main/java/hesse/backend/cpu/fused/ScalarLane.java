package hesse.backend.cpu.fused;

import hesse.scalar.Instruction;
import hesse.scalar.ScalarOp;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/** Values as Java floats or doubles; truth values as ints, integers as the int or long of the float's width. */
record ScalarLane(boolean doubles) implements Lane {
    private static final ClassDesc MATH = ClassDesc.of("java.lang.Math");

    TypeKind kind() {
        return doubles ? TypeKind.DOUBLE : TypeKind.FLOAT;
    }

    private TypeKind kind(Type type) {
        return switch (type) {
            case NUMBER -> kind();
            case TRUTH -> TypeKind.INT;
            case INTEGER -> doubles ? TypeKind.LONG : TypeKind.INT;
        };
    }

    private ClassDesc number() {
        return doubles ? ConstantDescs.CD_double : ConstantDescs.CD_float;
    }

    private ClassDesc bits() {
        return doubles ? ConstantDescs.CD_long : ConstantDescs.CD_int;
    }

    @Override
    public int allocate(CodeBuilder code, Type type) {
        return code.allocateLocal(kind(type));
    }

    @Override
    public void load(CodeBuilder code, Type type, int slot) {
        code.loadLocal(kind(type), slot);
    }

    @Override
    public void store(CodeBuilder code, Type type, int slot) {
        code.storeLocal(kind(type), slot);
    }

    @Override
    public void number(CodeBuilder code, double value) {
        if (doubles) code.loadConstant(value);
        else code.loadConstant((float) value);
    }

    @Override
    public void select(CodeBuilder code, Type type, int condition, int a, int b) {
        var otherwise = code.newLabel();
        var end = code.newLabel();
        code.iload(condition).ifeq(otherwise);
        load(code, type, a);
        code.goto_(end).labelBinding(otherwise);
        load(code, type, b);
        code.labelBinding(end);
    }

    @Override
    public void operation(CodeBuilder code, Instruction s, Type t, int a, int b, int c) {
        ScalarOp op = s.op();
        if (op != ScalarOp.ICONST) load(code, t, a);
        if (op.arity() > 1) load(code, t, b);
        if (op.arity() > 2) load(code, t, c);
        switch (op) {
            case ADD -> pick(code, Opcode.FADD, Opcode.DADD);
            case SUB -> pick(code, Opcode.FSUB, Opcode.DSUB);
            case MUL -> pick(code, Opcode.FMUL, Opcode.DMUL);
            case DIV -> pick(code, Opcode.FDIV, Opcode.DDIV);
            case NEG -> pick(code, Opcode.FNEG, Opcode.DNEG);
            case ABS -> code.invokestatic(MATH, "abs", MethodTypeDesc.of(number(), number()));
            case SQRT -> {
                if (!doubles) code.f2d();
                code.invokestatic(MATH, "sqrt", MethodTypeDesc.of(ConstantDescs.CD_double, ConstantDescs.CD_double));
                if (!doubles) code.d2f();
            }
            case FMA -> code.invokestatic(MATH, "fma", MethodTypeDesc.of(number(), number(), number(), number()));
            case LT -> compare(code, Opcode.FCMPG, Opcode.DCMPG, Opcode.IFLT);
            case LE -> compare(code, Opcode.FCMPG, Opcode.DCMPG, Opcode.IFLE);
            case GT -> compare(code, Opcode.FCMPL, Opcode.DCMPL, Opcode.IFGT);
            case GE -> compare(code, Opcode.FCMPL, Opcode.DCMPL, Opcode.IFGE);
            case EQ -> compare(code, Opcode.FCMPL, Opcode.DCMPL, Opcode.IFEQ);
            case NE -> compare(code, Opcode.FCMPL, Opcode.DCMPL, Opcode.IFNE);
            case AND -> code.iand();
            case OR -> code.ior();
            case NOT -> code.iconst_1().ixor();
            case BITS ->
                code.invokestatic(
                        ClassDesc.of(doubles ? "java.lang.Double" : "java.lang.Float"),
                        doubles ? "doubleToRawLongBits" : "floatToRawIntBits",
                        MethodTypeDesc.of(bits(), number()));
            case FLOAT ->
                code.invokestatic(
                        ClassDesc.of(doubles ? "java.lang.Double" : "java.lang.Float"),
                        doubles ? "longBitsToDouble" : "intBitsToFloat",
                        MethodTypeDesc.of(number(), bits()));
            case ICONST -> {
                if (doubles) code.loadConstant((long) s.constant());
                else code.loadConstant((int) (long) s.constant());
            }
            case IADD -> pick(code, Opcode.IADD, Opcode.LADD);
            case ISUB -> pick(code, Opcode.ISUB, Opcode.LSUB);
            case IAND -> pick(code, Opcode.IAND, Opcode.LAND);
            case IOR -> pick(code, Opcode.IOR, Opcode.LOR);
            case IXOR -> pick(code, Opcode.IXOR, Opcode.LXOR);
            case ISHL -> {
                code.loadConstant((int) s.constant());
                pick(code, Opcode.ISHL, Opcode.LSHL);
            }
            case ISHR -> {
                code.loadConstant((int) s.constant());
                pick(code, Opcode.IUSHR, Opcode.LUSHR);
            }
            default -> throw new IllegalStateException(op + " is no basic operation");
        }
    }

    private void pick(CodeBuilder code, Opcode single, Opcode twice) {
        code.with(java.lang.classfile.instruction.OperatorInstruction.of(doubles ? twice : single));
    }

    private void compare(CodeBuilder code, Opcode single, Opcode twice, Opcode branch) {
        pick(code, single, twice);
        var yes = code.newLabel();
        var end = code.newLabel();
        code.branch(branch, yes)
                .iconst_0()
                .goto_(end)
                .labelBinding(yes)
                .iconst_1()
                .labelBinding(end);
    }
}
