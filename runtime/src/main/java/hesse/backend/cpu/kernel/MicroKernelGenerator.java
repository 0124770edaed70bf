package hesse.backend.cpu.kernel;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.AccessFlag;

/**
 * Writes the vector micro-kernels as bytecode, one hidden class per tile shape.
 *
 * <p>C2 keeps the accumulators in registers only when each is a local variable of one method, which makes the kernel of a 14×2 tile a
 * method of some 80 nearly equal statements. They are generated, so that a tile shape is two numbers and all lane widths and both
 * element types share one text. The tile is written to a heap array: stores to native memory inside so large a method can push it
 * out of C1's and C2's limits.
 */
final class MicroKernelGenerator {
    private static final ClassDesc VECTOR = ClassDesc.of("jdk.incubator.vector.Vector");
    private static final ClassDesc SPECIES = ClassDesc.of("jdk.incubator.vector.VectorSpecies");
    private static final MethodTypeDesc RUN = MethodTypeDesc.of(
            ConstantDescs.CD_void,
            ConstantDescs.CD_Object,
            ConstantDescs.CD_int,
            ConstantDescs.CD_Object,
            ConstantDescs.CD_int,
            ConstantDescs.CD_int,
            ConstantDescs.CD_Object,
            ConstantDescs.CD_int,
            ConstantDescs.CD_int);
    private static final MethodTypeDesc RUN_INDEXED =
            RUN.insertParameterTypes(2, ConstantDescs.CD_int.arrayType(), ConstantDescs.CD_int);

    /** Local variable slots: 0 is {@code this}, then the parameters in order. */
    private record Slots(int a, int ao, int index, int first, int b, int bo, int terms, int c, int co, int ldc) {
        static final Slots PACKED = new Slots(1, 2, -1, -1, 3, 4, 5, 6, 7, 8);
        static final Slots INDEXED = new Slots(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

        boolean indexed() {
            return index >= 0;
        }

        int term() {
            return ldc + 1;
        }

        /** Where the rows of the present term begin. */
        int at() {
            return indexed() ? ldc + 2 : ao;
        }

        int firstVector() {
            return ldc + 3;
        }
    }

    private final MethodHandles.Lookup host;
    private final boolean doubles;
    private final int lanes;
    private final ClassDesc vector;
    private final ClassDesc element;

    /**
     * @param host a class with a {@code static final VectorSpecies SPECIES} of {@code lanes} elements
     */
    MicroKernelGenerator(MethodHandles.Lookup host, boolean doubles, int lanes) {
        this.host = host;
        this.doubles = doubles;
        this.lanes = lanes;
        vector = ClassDesc.of("jdk.incubator.vector." + (doubles ? "DoubleVector" : "FloatVector"));
        element = doubles ? ConstantDescs.CD_double : ConstantDescs.CD_float;
    }

    /**
     * A kernel for tiles of {@code rows} rows and {@code vectors} vectors of columns.
     *
     * @param panelWidth elements from one term to the next on the column side
     */
    MicroKernel packed(int rows, int vectors, int panelWidth) {
        var name = "Tile" + rows + "x" + vectors;
        return (MicroKernel) define(name, MicroKernel.class, RUN, Slots.PACKED, rows, vectors, panelWidth, 1);
    }

    /**
     * The same with terms of the row side found through an index.
     *
     * @param step elements from one row to the next on the row side
     */
    IndexedKernel indexed(int rows, int vectors, int panelWidth, int step) {
        var name = "Tile" + rows + "x" + vectors + "Step" + step;
        return (IndexedKernel)
                define(name, IndexedKernel.class, RUN_INDEXED, Slots.INDEXED, rows, vectors, panelWidth, step);
    }

    private Object define(
            String name,
            Class<?> kind,
            MethodTypeDesc run,
            Slots slots,
            int rows,
            int vectors,
            int panelWidth,
            int step) {
        var hostDesc = host.lookupClass().describeConstable().orElseThrow();
        var desc = ClassDesc.of(host.lookupClass().getPackageName(), name + (doubles ? "F64" : "F32"));
        var bytes = ClassFile.of().build(desc, cb -> {
            cb.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC);
            cb.withInterfaceSymbols(kind.describeConstable().orElseThrow());
            cb.withMethodBody(
                    ConstantDescs.INIT_NAME,
                    ConstantDescs.MTD_void,
                    ClassFile.ACC_PUBLIC,
                    code -> code.aload(0)
                            .invokespecial(ConstantDescs.CD_Object, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                            .return_());
            cb.withMethodBody(
                    "run",
                    run,
                    ClassFile.ACC_PUBLIC,
                    code -> body(code, hostDesc, slots, rows, vectors, panelWidth, step));
        });
        try {
            var lookup = host.defineHiddenClass(bytes, true);
            return lookup.findConstructor(lookup.lookupClass(), MethodType.methodType(void.class))
                    .invoke();
        } catch (Throwable e) {
            throw new IllegalStateException("the micro-kernel " + name + " could not be defined", e);
        }
    }

    private void body(CodeBuilder code, ClassDesc hostDesc, Slots s, int rows, int vectors, int panelWidth, int step) {
        var array = element.arrayType();
        int accumulators = s.firstVector();
        int columns = accumulators + rows * vectors;
        int broadcast = columns + vectors;
        for (int slot : new int[] {s.a(), s.b(), s.c()}) {
            code.aload(slot).checkcast(array).astore(slot);
        }
        for (int i = 0; i < rows * vectors; i++) {
            species(code, hostDesc)
                    .invokestatic(vector, "zero", MethodTypeDesc.of(vector, SPECIES))
                    .astore(accumulators + i);
        }
        code.iconst_0().istore(s.term());
        var top = code.newLabel();
        var end = code.newLabel();
        code.labelBinding(top).iload(s.term()).iload(s.terms()).if_icmpge(end);
        for (int v = 0; v < vectors; v++) {
            species(code, hostDesc).aload(s.b()).iload(s.bo());
            plus(code, v * lanes);
            code.invokestatic(vector, "fromArray", MethodTypeDesc.of(vector, SPECIES, array, ConstantDescs.CD_int))
                    .astore(columns + v);
        }
        if (s.indexed()) {
            code.iload(s.ao())
                    .aload(s.index())
                    .iload(s.first())
                    .iload(s.term())
                    .iadd()
                    .iaload()
                    .iadd()
                    .istore(s.at());
        }
        for (int i = 0; i < rows; i++) {
            species(code, hostDesc).aload(s.a()).iload(s.at());
            plus(code, i * step);
            code.arrayLoad(TypeKind.from(element))
                    .invokestatic(vector, "broadcast", MethodTypeDesc.of(vector, SPECIES, element))
                    .astore(broadcast);
            for (int v = 0; v < vectors; v++) {
                int accumulator = accumulators + i * vectors + v;
                code.aload(broadcast)
                        .aload(columns + v)
                        .aload(accumulator)
                        .invokevirtual(vector, "fma", MethodTypeDesc.of(vector, VECTOR, VECTOR))
                        .astore(accumulator);
            }
        }
        if (!s.indexed()) code.iinc(s.ao(), rows);
        code.iinc(s.bo(), panelWidth).iinc(s.term(), 1).goto_(top).labelBinding(end);
        for (int i = 0; i < rows; i++) {
            for (int v = 0; v < vectors; v++) {
                code.aload(accumulators + i * vectors + v).aload(s.c()).iload(s.co());
                plus(code, v * lanes);
                code.invokevirtual(
                        vector, "intoArray", MethodTypeDesc.of(ConstantDescs.CD_void, array, ConstantDescs.CD_int));
            }
            code.iload(s.co()).iload(s.ldc()).iadd().istore(s.co());
        }
        code.return_();
    }

    private static CodeBuilder species(CodeBuilder code, ClassDesc hostDesc) {
        return code.getstatic(hostDesc, "SPECIES", SPECIES);
    }

    private static void plus(CodeBuilder code, int constant) {
        if (constant != 0) {
            code.loadConstant(constant).iadd();
        }
    }
}
