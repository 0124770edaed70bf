package hesse.backend.cpu.kernel;

import hesse.scalar.Philox;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Uniforms by vectors: a word of a block lies in the lower half of a lane. Loaded only where the Vector API module is present. */
final class VectorUniforms implements Uniforms {
    private static final VectorSpecies<Long> SPECIES = VectorBits.species(long.class);
    private static final int L = SPECIES.length();
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final LongVector LANES = LongVector.zero(SPECIES).addIndex(1);

    private static final long WORD = 0xFFFFFFFFL;
    /** Bits of 1.0: with a fraction in its lower 52 bits the number 1 + fraction. */
    private static final long ONE = 0x3FF0000000000000L;

    private static final double HALF_STEP = 0x1p-53;

    @Override
    public void pairs(long key, long step, long first, int n, MemorySegment target, long u, long v) {
        // One method: a vector that a method returns may be boxed.
        var m0 = LongVector.broadcast(SPECIES, Philox.M0).and(WORD);
        var m1 = LongVector.broadcast(SPECIES, Philox.M1).and(WORD);
        for (int i = 0; i < n; i += L) {
            var elements = LANES.add(first + i);
            var c0 = elements.and(WORD);
            var c1 = elements.lanewise(VectorOperators.LSHR, 32);
            var c2 = LongVector.broadcast(SPECIES, step & WORD);
            var c3 = LongVector.broadcast(SPECIES, step >>> 32);
            int k0 = (int) key;
            int k1 = (int) (key >>> 32);
            for (int round = 0; round < Philox.ROUNDS; round++) {
                var p0 = c0.and(WORD).mul(m0);
                var p1 = c2.and(WORD).mul(m1);
                c0 = p1.lanewise(VectorOperators.LSHR, 32)
                        .lanewise(VectorOperators.XOR, c1)
                        .lanewise(VectorOperators.XOR, k0 & WORD);
                c2 = p0.lanewise(VectorOperators.LSHR, 32)
                        .lanewise(VectorOperators.XOR, c3)
                        .lanewise(VectorOperators.XOR, k1 & WORD);
                c1 = p1.and(WORD);
                c3 = p0.and(WORD);
                k0 += Philox.W0;
                k1 += Philox.W1;
            }
            var a = c0.lanewise(VectorOperators.LSHL, 20)
                    .or(c1.lanewise(VectorOperators.LSHR, 12))
                    .or(ONE);
            var b = c2.lanewise(VectorOperators.LSHL, 20)
                    .or(c3.lanewise(VectorOperators.LSHR, 12))
                    .or(ONE);
            // both steps are exact: the result has at most 53 bits
            a.reinterpretAsDoubles().sub(1).add(HALF_STEP).intoMemorySegment(target, u + 8L * i, ORDER);
            b.reinterpretAsDoubles().sub(1).add(HALF_STEP).intoMemorySegment(target, v + 8L * i, ORDER);
        }
    }
}
