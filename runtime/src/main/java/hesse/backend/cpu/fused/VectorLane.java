package hesse.backend.cpu.fused;

import hesse.scalar.Instruction;
import hesse.scalar.ScalarOp;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/** Values as vectors of one species: numbers, masks, and vectors of the numbers' bits. */
record VectorLane(boolean doubles) implements Lane {
    static final ClassDesc SPECIES = ClassDesc.of("jdk.incubator.vector.VectorSpecies");
    static final ClassDesc VECTOR = ClassDesc.of("jdk.incubator.vector.Vector");
    private static final ClassDesc MASK = ClassDesc.of("jdk.incubator.vector.VectorMask");
    private static final ClassDesc OPERATORS = ClassDesc.of("jdk.incubator.vector.VectorOperators");
    private static final ClassDesc BINARY = ClassDesc.of("jdk.incubator.vector.VectorOperators$Binary");
    private static final ClassDesc COMPARISON = ClassDesc.of("jdk.incubator.vector.VectorOperators$Comparison");
    static final ClassDesc ORDER = ClassDesc.of("java.nio.ByteOrder");

    ClassDesc host() {
        return (doubles ? VectorHostF64.class : VectorHostF32.class)
                .describeConstable()
                .orElseThrow();
    }

    /** FloatVector or DoubleVector. */
    ClassDesc vector() {
        return ClassDesc.of("jdk.incubator.vector." + (doubles ? "DoubleVector" : "FloatVector"));
    }

    private ClassDesc bitVector() {
        return ClassDesc.of("jdk.incubator.vector." + (doubles ? "LongVector" : "IntVector"));
    }

    ClassDesc element() {
        return doubles ? ConstantDescs.CD_double : ConstantDescs.CD_float;
    }

    private ClassDesc bits() {
        return doubles ? ConstantDescs.CD_long : ConstantDescs.CD_int;
    }

    CodeBuilder species(CodeBuilder code) {
        return code.getstatic(host(), "SPECIES", SPECIES);
    }

    @Override
    public int allocate(CodeBuilder code, Type type) {
        return code.allocateLocal(TypeKind.REFERENCE);
    }

    @Override
    public void load(CodeBuilder code, Type type, int slot) {
        code.aload(slot);
    }

    @Override
    public void store(CodeBuilder code, Type type, int slot) {
        code.astore(slot);
    }

    @Override
    public void number(CodeBuilder code, double value) {
        species(code);
        if (doubles) code.loadConstant(value);
        else code.loadConstant((float) value);
        broadcast(code);
    }

    /** From species and scalar on the stack. */
    void broadcast(CodeBuilder code) {
        code.invokestatic(vector(), "broadcast", MethodTypeDesc.of(vector(), SPECIES, element()));
    }

    @Override
    public void select(CodeBuilder code, Type type, int condition, int a, int b) {
        ClassDesc of = type == Type.INTEGER ? bitVector() : vector();
        code.aload(b).aload(a).aload(condition).invokevirtual(of, "blend", MethodTypeDesc.of(of, VECTOR, MASK));
    }

    @Override
    public void operation(CodeBuilder code, Instruction s, Type t, int a, int b, int c) {
        ScalarOp op = s.op();
        if (op != ScalarOp.ICONST) code.aload(a);
        if (op.arity() > 1 && !isComparison(op)) code.aload(b);
        if (op.arity() > 2) code.aload(c);
        switch (op) {
            case ADD -> binary(code, "add");
            case SUB -> binary(code, "sub");
            case MUL -> binary(code, "mul");
            case DIV -> binary(code, "div");
            case NEG -> unary(code, "neg");
            case ABS -> unary(code, "abs");
            case SQRT -> unary(code, "sqrt");
            case FMA -> code.invokevirtual(vector(), "fma", MethodTypeDesc.of(vector(), VECTOR, VECTOR));
            case LT, LE, GT, GE, EQ, NE ->
                code.getstatic(OPERATORS, op.name(), COMPARISON)
                        .aload(b)
                        .invokevirtual(vector(), "compare", MethodTypeDesc.of(MASK, COMPARISON, VECTOR));
            case AND -> code.invokevirtual(MASK, "and", MethodTypeDesc.of(MASK, MASK));
            case OR -> code.invokevirtual(MASK, "or", MethodTypeDesc.of(MASK, MASK));
            case NOT -> code.invokevirtual(MASK, "not", MethodTypeDesc.of(MASK));
            case BITS ->
                code.invokevirtual(
                        vector(), doubles ? "reinterpretAsLongs" : "reinterpretAsInts", MethodTypeDesc.of(bitVector()));
            case FLOAT ->
                code.invokevirtual(
                        bitVector(),
                        doubles ? "reinterpretAsDoubles" : "reinterpretAsFloats",
                        MethodTypeDesc.of(vector()));
            case ICONST -> {
                code.getstatic(host(), "BITS", SPECIES);
                if (doubles) code.loadConstant((long) s.constant());
                else code.loadConstant((int) (long) s.constant());
                code.invokestatic(bitVector(), "broadcast", MethodTypeDesc.of(bitVector(), SPECIES, bits()));
            }
            case IADD -> integer(code, "add");
            case ISUB -> integer(code, "sub");
            case IAND -> integer(code, "and");
            case IOR -> integer(code, "or");
            case IXOR -> {
                // the operand is on the stack, the operator goes below it
                code.pop()
                        .getstatic(OPERATORS, "XOR", ClassDesc.of("jdk.incubator.vector.VectorOperators$Associative"))
                        .aload(b)
                        .invokevirtual(bitVector(), "lanewise", MethodTypeDesc.of(bitVector(), BINARY, VECTOR));
            }
            case ISHL -> shift(code, "LSHL", s);
            case ISHR -> shift(code, "LSHR", s);
            default -> throw new IllegalStateException(op + " is no basic operation");
        }
    }

    private static boolean isComparison(ScalarOp op) {
        return switch (op) {
            case LT, LE, GT, GE, EQ, NE -> true;
            default -> false;
        };
    }

    private void unary(CodeBuilder code, String name) {
        code.invokevirtual(vector(), name, MethodTypeDesc.of(vector()));
    }

    private void binary(CodeBuilder code, String name) {
        code.invokevirtual(vector(), name, MethodTypeDesc.of(vector(), VECTOR));
    }

    private void integer(CodeBuilder code, String name) {
        code.invokevirtual(bitVector(), name, MethodTypeDesc.of(bitVector(), VECTOR));
    }

    private void shift(CodeBuilder code, String name, Instruction s) {
        code.getstatic(OPERATORS, name, BINARY);
        if (doubles) code.loadConstant((long) s.constant());
        else code.loadConstant((int) s.constant());
        code.invokevirtual(bitVector(), "lanewise", MethodTypeDesc.of(bitVector(), BINARY, bits()));
    }
}
