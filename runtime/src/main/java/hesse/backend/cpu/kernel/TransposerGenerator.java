package hesse.backend.cpu.kernel;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.AccessFlag;
import java.nio.ByteOrder;

/**
 * Writes the {@link Transposer} of a lane width as bytecode. A square of vectors is transposed in registers: stage h exchanges, between
 * rows i and i + h, the lanes whose number has bit h, by one permutation and one blend for each row. At 512 bits this moves an element in
 * half the time of a scalar loop.
 */
final class TransposerGenerator {
    private static final ClassDesc VECTOR = ClassDesc.of("jdk.incubator.vector.Vector");
    private static final ClassDesc SPECIES = ClassDesc.of("jdk.incubator.vector.VectorSpecies");
    private static final ClassDesc SHUFFLE = ClassDesc.of("jdk.incubator.vector.VectorShuffle");
    private static final ClassDesc MASK = ClassDesc.of("jdk.incubator.vector.VectorMask");
    private static final ClassDesc SEGMENT =
            MemorySegment.class.describeConstable().orElseThrow();
    private static final ClassDesc ORDER = ByteOrder.class.describeConstable().orElseThrow();
    private static final MethodTypeDesc RUN = MethodTypeDesc.of(
            ConstantDescs.CD_void,
            SEGMENT,
            ConstantDescs.CD_long,
            ConstantDescs.CD_long,
            ConstantDescs.CD_int,
            ConstantDescs.CD_Object,
            ConstantDescs.CD_int,
            ConstantDescs.CD_int);

    // Local variable slots: 0 is `this`, then the parameters in order; longs take two.
    private static final int SOURCE = 1;
    private static final int FROM = 2;
    private static final int STRIDE = 4;
    private static final int TERMS = 6;
    private static final int TARGET = 7;
    private static final int TO = 8;
    private static final int TARGET_STRIDE = 9;
    private static final int TERM = 10;
    private static final int ROW = 11;
    private static final int FIRST_VECTOR = 13;

    private final MethodHandles.Lookup host;
    private final ClassDesc hostDesc;
    private final int lanes;
    private final int elementBytes;
    private final ClassDesc vector;
    private final ClassDesc array;

    /**
     * @param host a class with static final fields SPECIES, ORDER, and for each power of two h below {@code lanes} SWAPh, the shuffle of
     *     lane i and i xor h, and HAS_BITh, the mask of lanes with that bit
     */
    TransposerGenerator(MethodHandles.Lookup host, boolean doubles, int lanes) {
        this.host = host;
        this.lanes = lanes;
        hostDesc = host.lookupClass().describeConstable().orElseThrow();
        elementBytes = doubles ? 8 : 4;
        vector = ClassDesc.of("jdk.incubator.vector." + (doubles ? "DoubleVector" : "FloatVector"));
        array = (doubles ? ConstantDescs.CD_double : ConstantDescs.CD_float).arrayType();
    }

    Transposer generate() {
        var name = ClassDesc.of(host.lookupClass().getPackageName(), "Transposer" + lanes + "x" + 8 * elementBytes);
        var bytes = ClassFile.of().build(name, cb -> {
            cb.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC);
            cb.withInterfaceSymbols(Transposer.class.describeConstable().orElseThrow());
            cb.withMethodBody(
                    ConstantDescs.INIT_NAME,
                    ConstantDescs.MTD_void,
                    ClassFile.ACC_PUBLIC,
                    code -> code.aload(0)
                            .invokespecial(ConstantDescs.CD_Object, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                            .return_());
            cb.withMethodBody("run", RUN, ClassFile.ACC_PUBLIC, this::body);
        });
        try {
            var lookup = host.defineHiddenClass(bytes, true);
            return (Transposer) lookup.findConstructor(lookup.lookupClass(), MethodType.methodType(void.class))
                    .invoke();
        } catch (Throwable e) {
            throw new IllegalStateException("the transposition of " + lanes + " lanes could not be defined", e);
        }
    }

    private void body(CodeBuilder code) {
        code.aload(TARGET).checkcast(array).astore(TARGET).iconst_0().istore(TERM);
        var top = code.newLabel();
        var end = code.newLabel();
        code.labelBinding(top).iload(TERM).iload(TERMS).if_icmpge(end);
        code.lload(FROM)
                .iload(TERM)
                .i2l()
                .loadConstant((long) elementBytes)
                .lmul()
                .ladd()
                .lstore(ROW);
        for (int i = 0; i < lanes; i++) {
            field(code, "SPECIES", SPECIES).aload(SOURCE).lload(ROW);
            field(code, "ORDER", ORDER)
                    .invokestatic(
                            vector,
                            "fromMemorySegment",
                            MethodTypeDesc.of(vector, SPECIES, SEGMENT, ConstantDescs.CD_long, ORDER))
                    .astore(FIRST_VECTOR + i)
                    .lload(ROW)
                    .lload(STRIDE)
                    .ladd()
                    .lstore(ROW);
        }
        for (int h = lanes / 2; h > 0; h /= 2) {
            for (int i = 0; i < lanes; i++) {
                if ((i & h) == 0) exchange(code, FIRST_VECTOR + i, FIRST_VECTOR + i + h, h);
            }
        }
        for (int i = 0; i < lanes; i++) {
            code.aload(FIRST_VECTOR + i)
                    .aload(TARGET)
                    .iload(TO)
                    .invokevirtual(
                            vector, "intoArray", MethodTypeDesc.of(ConstantDescs.CD_void, array, ConstantDescs.CD_int))
                    .iload(TO)
                    .iload(TARGET_STRIDE)
                    .iadd()
                    .istore(TO);
        }
        code.iinc(TERM, lanes).goto_(top).labelBinding(end).return_();
    }

    private void exchange(CodeBuilder code, int upper, int lower, int h) {
        var rearrange = MethodTypeDesc.of(vector, SHUFFLE);
        var blend = MethodTypeDesc.of(vector, VECTOR, MASK);
        code.aload(upper).aload(lower);
        field(code, "SWAP" + h, SHUFFLE).invokevirtual(vector, "rearrange", rearrange);
        field(code, "HAS_BIT" + h, MASK).invokevirtual(vector, "blend", blend);
        code.aload(upper);
        field(code, "SWAP" + h, SHUFFLE)
                .invokevirtual(vector, "rearrange", rearrange)
                .aload(lower);
        field(code, "HAS_BIT" + h, MASK)
                .invokevirtual(vector, "blend", blend)
                .astore(lower)
                .astore(upper);
    }

    private CodeBuilder field(CodeBuilder code, String name, ClassDesc type) {
        return code.getstatic(hostDesc, name, type);
    }
}
