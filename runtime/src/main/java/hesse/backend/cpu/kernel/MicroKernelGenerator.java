package hesse.backend.cpu.kernel;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
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

    // Local variable slots: 0 is `this`, then the parameters in order.
    private static final int A = 1;
    private static final int AO = 2;
    private static final int B = 3;
    private static final int BO = 4;
    private static final int TERMS = 5;
    private static final int C = 6;
    private static final int CO = 7;
    private static final int LDC = 8;
    private static final int TERM = 9;
    private static final int FIRST_VECTOR = 10;

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
    MicroKernel generate(int rows, int vectors, int panelWidth) {
        var hostDesc = host.lookupClass().describeConstable().orElseThrow();
        var name = ClassDesc.of(
                host.lookupClass().getPackageName(), "Tile" + rows + "x" + vectors + (doubles ? "F64" : "F32"));
        var bytes = ClassFile.of().build(name, cb -> {
            cb.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC);
            cb.withInterfaceSymbols(MicroKernel.class.describeConstable().orElseThrow());
            cb.withMethodBody(
                    ConstantDescs.INIT_NAME,
                    ConstantDescs.MTD_void,
                    ClassFile.ACC_PUBLIC,
                    code -> code.aload(0)
                            .invokespecial(ConstantDescs.CD_Object, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                            .return_());
            cb.withMethodBody(
                    "run", RUN, ClassFile.ACC_PUBLIC, code -> body(code, hostDesc, rows, vectors, panelWidth));
        });
        try {
            var lookup = host.defineHiddenClass(bytes, true);
            return (MicroKernel)
                    lookup.findConstructor(lookup.lookupClass(), java.lang.invoke.MethodType.methodType(void.class))
                            .invoke();
        } catch (Throwable e) {
            throw new IllegalStateException("the " + rows + "x" + vectors + " micro-kernel could not be defined", e);
        }
    }

    private void body(CodeBuilder code, ClassDesc hostDesc, int rows, int vectors, int panelWidth) {
        var array = element.arrayType();
        int accumulators = FIRST_VECTOR;
        int columns = accumulators + rows * vectors;
        int broadcast = columns + vectors;
        for (int slot : new int[] {A, B, C}) {
            code.aload(slot).checkcast(array).astore(slot);
        }
        for (int i = 0; i < rows * vectors; i++) {
            species(code, hostDesc)
                    .invokestatic(vector, "zero", MethodTypeDesc.of(vector, SPECIES))
                    .astore(accumulators + i);
        }
        code.iconst_0().istore(TERM);
        var top = code.newLabel();
        var end = code.newLabel();
        code.labelBinding(top).iload(TERM).iload(TERMS).if_icmpge(end);
        for (int v = 0; v < vectors; v++) {
            species(code, hostDesc).aload(B).iload(BO);
            plus(code, v * lanes);
            code.invokestatic(vector, "fromArray", MethodTypeDesc.of(vector, SPECIES, array, ConstantDescs.CD_int))
                    .astore(columns + v);
        }
        for (int i = 0; i < rows; i++) {
            species(code, hostDesc).aload(A).iload(AO);
            plus(code, i);
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
        code.iinc(AO, rows).iinc(BO, panelWidth).iinc(TERM, 1).goto_(top).labelBinding(end);
        for (int i = 0; i < rows; i++) {
            for (int v = 0; v < vectors; v++) {
                code.aload(accumulators + i * vectors + v).aload(C).iload(CO);
                plus(code, v * lanes);
                code.invokevirtual(
                        vector, "intoArray", MethodTypeDesc.of(ConstantDescs.CD_void, array, ConstantDescs.CD_int));
            }
            code.iload(CO).iload(LDC).iadd().istore(CO);
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
