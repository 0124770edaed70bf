package hesse.backend.cpu.fused;

import hesse.plan.Kernel;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Load;
import hesse.plan.Kernel.Result;
import hesse.plan.Kernel.Source;
import hesse.scalar.Instruction;
import hesse.scalar.Lowering;
import hesse.scalar.ScalarOp;
import hesse.scalar.ScalarProgram;
import hesse.tensor.DType;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.AccessFlag;

/**
 * Writes a fused kernel as bytecode: rows over the outer axes; in each row a loop of vectors over the columns (the last axis) and a
 * scalar loop for what is left. The same basic program is written for both, so they agree to the bit. A hidden class per kernel
 * structure and variant.
 *
 * <p>Sums over the last axis are kept in a register for a row (for the whole task when nothing is kept), their lanes added in
 * order at its end. Sums that keep the last axis are added to memory row by row.
 */
final class FusedGenerator {
    private static final ClassDesc SEGMENT = ClassDesc.of("java.lang.foreign.MemorySegment");
    private static final ClassDesc TENSOR = ClassDesc.of("hesse.tensor.Tensor");
    private static final ClassDesc MEMORY =
            NativeMemory.class.describeConstable().orElseThrow();
    private static final ClassDesc LONGS = ConstantDescs.CD_long.arrayType();
    private static final ClassDesc DOUBLES = ConstantDescs.CD_double.arrayType();
    private static final ClassDesc INTS = ConstantDescs.CD_int.arrayType();
    private static final MethodTypeDesc RUN = MethodTypeDesc.of(
            ConstantDescs.CD_void,
            LONGS,
            DOUBLES,
            LONGS,
            INTS,
            ConstantDescs.CD_int,
            ConstantDescs.CD_int,
            ConstantDescs.CD_int,
            ConstantDescs.CD_int,
            ConstantDescs.CD_int);

    // Slots of the parameters; 0 is `this`.
    private static final int ADDRESSES = 1;
    private static final int ARGUMENTS = 2;
    private static final int GEOMETRY = 3;
    private static final int EXTENTS = 4;
    private static final int TASK = 5;
    private static final int ROW0 = 6;
    private static final int ROW1 = 7;
    private static final int COLUMN0 = 8;
    private static final int COLUMN1 = 9;

    private final Kernel kernel;
    private final ScalarProgram program;
    private final boolean vectors;
    private final int lanes;
    private final boolean doubles;
    private final ScalarLane scalar;
    private final VectorLane vector;
    private final int outer;
    private final int inner;
    private final int operands;
    private final Lane.Type[] types;

    // Locals of the method being written.
    private final int[] index;
    private final int[] rowAddress;
    private final int[] base;
    private final int[][] stride;
    private final int[] constantLoad;
    private final int[] scalarSum;
    private final int[] vectorSum;
    private int column;

    private FusedGenerator(Kernel kernel, boolean vectors, int lanes) {
        this.kernel = kernel;
        this.doubles = kernel.compute() == DType.F64;
        this.program = Lowering.lower(kernel.program(), kernel.compute());
        this.vectors = vectors;
        this.lanes = lanes;
        this.scalar = new ScalarLane(doubles);
        this.vector = new VectorLane(doubles);
        this.outer = kernel.rank() - 1;
        this.inner = 1 << outer;
        this.operands = kernel.loads().size() + kernel.results().size();
        this.types = new Lane.Type[program.code().size()];
        for (int i = 0; i < types.length; i++)
            types[i] = Lane.typeOf(program.code().get(i), types);
        this.index = new int[outer];
        this.base = new int[operands];
        this.rowAddress = new int[operands];
        this.stride = new int[operands][outer];
        this.constantLoad = new int[kernel.loads().size()];
        this.scalarSum = new int[kernel.results().size()];
        this.vectorSum = new int[kernel.results().size()];
    }

    /** Whether a kernel can be written with vectors: what varies along the columns has the type of the arithmetic. */
    static boolean canVectorise(Kernel kernel) {
        int inner = 1 << kernel.rank() - 1;
        for (Load l : kernel.loads()) {
            if (l.source() == Source.DATA && (l.axes() & inner) != 0 && l.dtype() != kernel.compute()) return false;
        }
        return kernel.results().stream().allMatch(r -> r.dtype() == kernel.compute());
    }

    /**
     * @param lanes of the vector variant; 0 for plain Java
     */
    static FusedKernel generate(Kernel kernel, int lanes) {
        var g = new FusedGenerator(kernel, lanes > 0, lanes);
        MethodHandles.Lookup host;
        if (lanes == 0) host = MethodHandles.lookup();
        else host = g.doubles ? VectorHostF64.lookup() : VectorHostF32.lookup();
        var name = ClassDesc.of(FusedGenerator.class.getPackageName(), lanes > 0 ? "FusedVectors" : "FusedPlain");
        byte[] bytes = ClassFile.of().build(name, cb -> {
            cb.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC);
            cb.withInterfaceSymbols(FusedKernel.class.describeConstable().orElseThrow());
            cb.withMethodBody(
                    ConstantDescs.INIT_NAME,
                    ConstantDescs.MTD_void,
                    ClassFile.ACC_PUBLIC,
                    code -> code.aload(0)
                            .invokespecial(ConstantDescs.CD_Object, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                            .return_());
            cb.withMethodBody("run", RUN, ClassFile.ACC_PUBLIC, g::body);
        });
        try {
            var lookup = host.defineHiddenClass(bytes, true);
            return (FusedKernel) lookup.findConstructor(lookup.lookupClass(), MethodType.methodType(void.class))
                    .invoke();
        } catch (Throwable e) {
            throw new IllegalStateException("a fused kernel could not be defined: " + kernel, e);
        }
    }

    private boolean isInner(int axes) {
        return (axes & inner) != 0;
    }

    private int axes(int operand) {
        int loads = kernel.loads().size();
        return operand < loads
                ? kernel.loads().get(operand).axes()
                : kernel.results().get(operand - loads).axes();
    }

    private boolean isData(int operand) {
        int loads = kernel.loads().size();
        return operand >= loads || kernel.loads().get(operand).source() == Source.DATA;
    }

    private DType dtype(int operand) {
        int loads = kernel.loads().size();
        return operand < loads
                ? kernel.loads().get(operand).dtype()
                : kernel.results().get(operand - loads).dtype();
    }

    private Result result(int r) {
        return kernel.results().get(r);
    }

    /** Reduced along the columns. */
    private boolean sumsColumns(int r) {
        return result(r).kind() != Kind.STORE && !isInner(result(r).axes());
    }

    /** Kept in a register for the whole task. */
    private boolean sumsAll(int r) {
        return sumsColumns(r) && result(r).axes() == 0;
    }

    private void body(CodeBuilder code) {
        prologue(code);
        int row = code.allocateLocal(TypeKind.INT);
        code.iload(ROW0).istore(row);
        column = code.allocateLocal(TypeKind.INT);
        for (int r = 0; r < kernel.results().size(); r++) {
            if (!sumsColumns(r)) continue;
            scalarSum[r] = code.allocateLocal(scalar.kind());
            vectorSum[r] = code.allocateLocal(TypeKind.REFERENCE);
            if (sumsAll(r)) start(code, r);
        }
        var nextRow = code.newLabel();
        var end = code.newLabel();
        code.labelBinding(nextRow).iload(row).iload(ROW1).if_icmpge(end);
        rowStart(code);
        code.iload(COLUMN0).istore(column);
        if (vectors) columns(code, true);
        columns(code, false);
        for (int r = 0; r < kernel.results().size(); r++) if (sumsColumns(r) && !sumsAll(r)) finish(code, r);
        advance(code);
        code.iinc(row, 1).goto_(nextRow).labelBinding(end);
        for (int r = 0; r < kernel.results().size(); r++) if (sumsAll(r)) finish(code, r);
        code.return_();
    }

    /** Base addresses, strides and the indices of the first row. */
    private void prologue(CodeBuilder code) {
        for (int k = 0; k < operands; k++) {
            if (!isData(k)) continue;
            base[k] = code.allocateLocal(TypeKind.LONG);
            rowAddress[k] = code.allocateLocal(TypeKind.LONG);
            code.aload(ADDRESSES).loadConstant(k).laload();
            if (k >= kernel.loads().size()) {
                geometry(code, k, outer);
                code.iload(TASK).i2l().lmul().ladd();
            }
            code.lstore(base[k]);
            for (int a = 0; a < outer; a++) {
                if ((axes(k) >> a & 1) == 0) continue;
                stride[k][a] = code.allocateLocal(TypeKind.LONG);
                geometry(code, k, a);
                code.lstore(stride[k][a]);
            }
        }
        for (int a = 0; a < outer; a++) index[a] = code.allocateLocal(TypeKind.INT);
        if (outer == 0) return;
        int left = code.allocateLocal(TypeKind.INT);
        code.iload(ROW0).istore(left);
        for (int a = outer - 1; a > 0; a--) {
            code.iload(left).aload(EXTENTS).loadConstant(a).iaload().irem().istore(index[a]);
            code.iload(left).aload(EXTENTS).loadConstant(a).iaload().idiv().istore(left);
        }
        code.iload(left).istore(index[0]);
    }

    private void geometry(CodeBuilder code, int operand, int at) {
        code.aload(GEOMETRY).loadConstant(operand * (outer + 1) + at).laload();
    }

    /** Addresses of the row, what is constant along it, empty sums. */
    private void rowStart(CodeBuilder code) {
        for (int k = 0; k < operands; k++) {
            if (!isData(k)) continue;
            code.lload(base[k]);
            for (int a = 0; a < outer; a++) {
                if ((axes(k) >> a & 1) == 0) continue;
                code.iload(index[a]).i2l().lload(stride[k][a]).lmul().ladd();
            }
            code.lstore(rowAddress[k]);
        }
        for (int load = 0; load < kernel.loads().size(); load++) {
            int k = load;
            Load l = kernel.loads().get(k);
            if (l.source() != Source.ARGUMENT && isInner(l.axes())) continue;
            if (constantLoad[k] == 0) constantLoad[k] = code.allocateLocal(scalar.kind());
            switch (l.source()) {
                case ARGUMENT -> {
                    code.aload(ARGUMENTS).loadConstant(k).daload();
                    if (!doubles) code.d2f();
                }
                case INDEX -> {
                    code.iload(index[Integer.numberOfTrailingZeros(l.axes())]);
                    convert(code, TypeKind.INT);
                }
                case DATA -> {
                    code.getstatic(MEMORY, "ALL", SEGMENT);
                    read(code, l.dtype(), () -> code.lload(rowAddress[k]));
                }
            }
            code.storeLocal(scalar.kind(), constantLoad[k]);
        }
        for (int r = 0; r < kernel.results().size(); r++) if (sumsColumns(r) && !sumsAll(r)) start(code, r);
    }

    private void start(CodeBuilder code, int r) {
        double empty = result(r).kind() == Kind.MAX ? Double.NEGATIVE_INFINITY : 0;
        scalar.number(code, empty);
        code.storeLocal(scalar.kind(), scalarSum[r]);
        if (vectors) {
            vector.number(code, empty);
            code.astore(vectorSum[r]);
        }
    }

    /** Adds the lanes in order, then the scalar part, and gives the sum to memory. */
    private void finish(CodeBuilder code, int r) {
        int k = kernel.loads().size() + r;
        if (vectors) {
            int array = code.allocateLocal(TypeKind.REFERENCE);
            code.aload(vectorSum[r])
                    .invokevirtual(
                            vector.vector(),
                            "toArray",
                            MethodTypeDesc.of(vector.element().arrayType()))
                    .astore(array);
            for (int i = 0; i < lanes; i++) {
                code.loadLocal(scalar.kind(), scalarSum[r]).aload(array).loadConstant(i);
                code.arrayLoad(scalar.kind());
                join(code, result(r).kind());
                code.storeLocal(scalar.kind(), scalarSum[r]);
            }
        }
        int address = sumsAll(r) ? base[k] : rowAddress[k];
        code.getstatic(MEMORY, "ALL", SEGMENT);
        layout(code, dtype(k));
        code.lload(address);
        code.getstatic(MEMORY, "ALL", SEGMENT);
        read(code, dtype(k), () -> code.lload(address));
        code.loadLocal(scalar.kind(), scalarSum[r]);
        join(code, result(r).kind());
        unconvert(code, dtype(k));
        set(code, dtype(k));
    }

    /** Sum or maximum of two scalars on the stack. */
    private void join(CodeBuilder code, Kind kind) {
        if (kind == Kind.MAX) {
            code.invokestatic(
                    ClassDesc.of("java.lang.Math"),
                    "max",
                    MethodTypeDesc.of(vector.element(), vector.element(), vector.element()));
        } else if (doubles) {
            code.dadd();
        } else {
            code.fadd();
        }
    }

    /** The next row's indices, with carry. */
    private void advance(CodeBuilder code) {
        var done = code.newLabel();
        for (int a = outer - 1; a >= 0; a--) {
            code.iinc(index[a], 1);
            if (a == 0) break;
            code.iload(index[a]).aload(EXTENTS).loadConstant(a).iaload().if_icmplt(done);
            code.iconst_0().istore(index[a]);
        }
        code.labelBinding(done);
    }

    private void columns(CodeBuilder code, boolean wide) {
        int step = wide ? lanes : 1;
        Label top = code.newLabel();
        Label end = code.newLabel();
        int bound = code.allocateLocal(TypeKind.INT);
        code.iload(COLUMN1).loadConstant(step - 1).isub().istore(bound);
        code.labelBinding(top).iload(column).iload(bound).if_icmpge(end);
        Lane lane = wide ? vector : scalar;
        int[] slots = new int[types.length];
        for (int i = 0; i < types.length; i++) {
            Instruction s = program.code().get(i);
            slots[i] = lane.allocate(code, types[i]);
            switch (s.op()) {
                case INPUT -> input(code, s.a(), wide);
                case CONST -> lane.number(code, s.constant());
                case SELECT -> lane.select(code, types[i], slots[s.a()], slots[s.b()], slots[s.c()]);
                default -> {
                    int n = s.op().arity();
                    Lane.Type of = n > 0 ? types[s.a()] : types[i];
                    lane.operation(
                            code, s, of, n > 0 ? slots[s.a()] : 0, n > 1 ? slots[s.b()] : 0, n > 2 ? slots[s.c()] : 0);
                }
            }
            lane.store(code, types[i], slots[i]);
        }
        for (int r = 0; r < kernel.results().size(); r++) output(code, r, slots[program.output(r)], wide);
        code.iinc(column, step).goto_(top).labelBinding(end);
    }

    private void input(CodeBuilder code, int k, boolean wide) {
        Load l = kernel.loads().get(k);
        if (l.source() == Source.ARGUMENT || !isInner(l.axes())) {
            if (wide) vector.species(code);
            code.loadLocal(scalar.kind(), constantLoad[k]);
            if (wide) vector.broadcast(code);
        } else if (l.source() == Source.INDEX) {
            if (wide) vector.species(code);
            code.iload(column);
            convert(code, TypeKind.INT);
            if (wide) {
                vector.broadcast(code);
                vector.species(code)
                        .getstatic(vector.host(), "IOTA", vector.element().arrayType())
                        .iconst_0()
                        .invokestatic(
                                vector.vector(),
                                "fromArray",
                                MethodTypeDesc.of(
                                        vector.vector(),
                                        VectorLane.SPECIES,
                                        vector.element().arrayType(),
                                        ConstantDescs.CD_int))
                        .invokevirtual(vector.vector(), "add", MethodTypeDesc.of(vector.vector(), VectorLane.VECTOR));
            }
        } else if (wide) {
            vectorAt(code, k);
        } else {
            code.getstatic(MEMORY, "ALL", SEGMENT);
            read(code, l.dtype(), () -> at(code, k));
        }
    }

    /** The address of an operand at the current column. */
    private void at(CodeBuilder code, int k) {
        code.lload(rowAddress[k])
                .iload(column)
                .i2l()
                .loadConstant((long) dtype(k).bytes())
                .lmul()
                .ladd();
    }

    private void vectorAt(CodeBuilder code, int k) {
        vector.species(code).getstatic(MEMORY, "ALL", SEGMENT);
        at(code, k);
        code.getstatic(vector.host(), "ORDER", VectorLane.ORDER)
                .invokestatic(
                        vector.vector(),
                        "fromMemorySegment",
                        MethodTypeDesc.of(
                                vector.vector(), VectorLane.SPECIES, SEGMENT, ConstantDescs.CD_long, VectorLane.ORDER));
    }

    private void output(CodeBuilder code, int r, int slot, boolean wide) {
        int k = kernel.loads().size() + r;
        Kind kind = result(r).kind();
        if (sumsColumns(r)) {
            if (wide) {
                code.aload(vectorSum[r]).aload(slot);
                joinVectors(code, kind);
                code.astore(vectorSum[r]);
            } else {
                code.loadLocal(scalar.kind(), scalarSum[r]);
                number(code, r, slot);
                join(code, kind);
                code.storeLocal(scalar.kind(), scalarSum[r]);
            }
            return;
        }
        if (wide) {
            if (kind == Kind.STORE) {
                code.aload(slot);
            } else {
                vectorAt(code, k);
                code.aload(slot);
                joinVectors(code, kind);
            }
            code.getstatic(MEMORY, "ALL", SEGMENT);
            at(code, k);
            code.getstatic(vector.host(), "ORDER", VectorLane.ORDER)
                    .invokevirtual(
                            vector.vector(),
                            "intoMemorySegment",
                            MethodTypeDesc.of(ConstantDescs.CD_void, SEGMENT, ConstantDescs.CD_long, VectorLane.ORDER));
            return;
        }
        code.getstatic(MEMORY, "ALL", SEGMENT);
        layout(code, dtype(k));
        at(code, k);
        if (kind != Kind.STORE) {
            code.getstatic(MEMORY, "ALL", SEGMENT);
            read(code, dtype(k), () -> at(code, k));
        }
        number(code, r, slot);
        if (kind != Kind.STORE) join(code, kind);
        unconvert(code, dtype(k));
        set(code, dtype(k));
    }

    /** A program output as a number. */
    private void number(CodeBuilder code, int r, int slot) {
        Lane.Type type = types[program.output(r)];
        scalar.load(code, type, slot);
        if (type == Lane.Type.TRUTH) convert(code, TypeKind.INT);
    }

    private void joinVectors(CodeBuilder code, Kind kind) {
        code.invokevirtual(
                vector.vector(),
                kind == Kind.MAX ? "max" : "add",
                MethodTypeDesc.of(vector.vector(), VectorLane.VECTOR));
    }

    /** Reads one element as a number of the arithmetic's type; the segment is on the stack. */
    private void read(CodeBuilder code, DType dtype, Runnable address) {
        layout(code, dtype);
        address.run();
        TypeKind kind = kindOf(dtype);
        code.invokeinterface(SEGMENT, "get", MethodTypeDesc.of(desc(kind), layoutDesc(dtype), ConstantDescs.CD_long));
        if (kind != scalar.kind()) convert(code, kind);
    }

    private void set(CodeBuilder code, DType dtype) {
        code.invokeinterface(
                SEGMENT,
                "set",
                MethodTypeDesc.of(
                        ConstantDescs.CD_void, layoutDesc(dtype), ConstantDescs.CD_long, desc(kindOf(dtype))));
    }

    private static TypeKind kindOf(DType dtype) {
        return switch (dtype) {
            case F32 -> TypeKind.FLOAT;
            case F64 -> TypeKind.DOUBLE;
            case I32 -> TypeKind.INT;
            case I64 -> TypeKind.LONG;
            case BOOL -> TypeKind.BYTE;
            case BF16 -> throw new IllegalStateException("bf16 does not occur on the CPU");
        };
    }

    private static ClassDesc desc(TypeKind kind) {
        return kind.upperBound();
    }

    private static void layout(CodeBuilder code, DType dtype) {
        if (dtype == DType.BOOL) code.getstatic(MEMORY, "BYTE", layoutDesc(dtype));
        else code.getstatic(TENSOR, dtype.name(), layoutDesc(dtype));
    }

    private static ClassDesc layoutDesc(DType dtype) {
        String name = switch (dtype) {
            case F32 -> "OfFloat";
            case F64 -> "OfDouble";
            case I32 -> "OfInt";
            case I64 -> "OfLong";
            default -> "OfByte";
        };
        return ClassDesc.of("java.lang.foreign.ValueLayout$" + name);
    }

    /** From a Java type to the arithmetic's. */
    private void convert(CodeBuilder code, TypeKind from) {
        code.conversion(from == TypeKind.BYTE ? TypeKind.INT : from, scalar.kind());
    }

    /** From the arithmetic's type to an element's. */
    private void unconvert(CodeBuilder code, DType to) {
        TypeKind kind = kindOf(to);
        if (kind == scalar.kind()) return;
        code.conversion(scalar.kind(), kind == TypeKind.BYTE ? TypeKind.INT : kind);
        if (kind == TypeKind.BYTE) code.i2b();
    }

    /** Number of instructions after lowering, for messages and limits. */
    static int size(Kernel kernel) {
        return (int) Lowering.lower(kernel.program(), kernel.compute()).code().stream()
                .filter(s -> s.op() != ScalarOp.INPUT && s.op() != ScalarOp.CONST)
                .count();
    }
}
