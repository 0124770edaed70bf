package hesse.backend.cpu.kernel;

import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
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

    /** The shuffle that exchanges lanes i and i xor {@code bit}; for a bit no lane number has, any shuffle. */
    static <E> VectorShuffle<E> swap(VectorSpecies<E> species, int bit) {
        return VectorShuffle.fromOp(species, i -> (i ^ bit) & species.length() - 1);
    }

    /** The lanes whose number has {@code bit}. */
    static <E> VectorMask<E> hasBit(VectorSpecies<E> species, int bit) {
        long mask = 0;
        for (int i = 0; i < species.length(); i++) {
            if ((i & bit) != 0) mask |= 1L << i;
        }
        return VectorMask.fromLong(species, mask);
    }
}
