package hesse.backend.cpu.fused;

import hesse.backend.cpu.kernel.VectorBits;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/** What generated f32 vector kernels refer to; static and final, or every vector operation would box. */
final class VectorHostF32 {
    static final VectorSpecies<Float> SPECIES = VectorBits.species(float.class);
    static final VectorSpecies<Integer> BITS = IntVector.SPECIES_PREFERRED.withShape(SPECIES.vectorShape());
    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    static final float[] IOTA = new float[SPECIES.length()];

    static {
        for (int i = 0; i < IOTA.length; i++) IOTA[i] = i;
    }

    private VectorHostF32() {}

    static MethodHandles.Lookup lookup() {
        return MethodHandles.lookup();
    }
}
