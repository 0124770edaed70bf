package hesse.backend.cpu.kernel;

import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** The lane width of the vector kernels. Loaded only where the Vector API module is present. */
public final class VectorBits {
    private VectorBits() {}

    /** The width asked for by {@link KernelProvider#BITS_PROPERTY}, else the machine's preferred one within 128 … 512. */
    public static int bits() {
        int asked = KernelProvider.askedBits();
        return asked > 0 ? asked : Math.clamp(VectorShape.preferredShape().vectorBitSize(), 128, 512);
    }

    public static <E> VectorSpecies<E> species(Class<E> element) {
        return VectorSpecies.of(element, VectorShape.forBitSize(bits()));
    }
}
