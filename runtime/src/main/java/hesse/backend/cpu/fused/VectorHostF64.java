package hesse.backend.cpu.fused;

import hesse.backend.cpu.kernel.VectorBits;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;

/** What generated f64 vector kernels refer to; static and final, or every vector operation would box. */
final class VectorHostF64 {
    static final VectorSpecies<Double> SPECIES = VectorBits.species(double.class);
    static final VectorSpecies<Long> BITS = LongVector.SPECIES_PREFERRED.withShape(SPECIES.vectorShape());
    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    static final double[] IOTA = new double[SPECIES.length()];

    static {
        for (int i = 0; i < IOTA.length; i++) IOTA[i] = i;
    }

    private VectorHostF64() {}

    static MethodHandles.Lookup lookup() {
        return MethodHandles.lookup();
    }
}
