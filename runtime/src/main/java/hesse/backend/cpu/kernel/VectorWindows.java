package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Windows of f32, as many channels at a time as a vector has lanes. Loaded only where the Vector API module is present. */
final class VectorWindows implements Windows {
    private static final VectorSpecies<Float> SPECIES = VectorBits.species(float.class);
    private static final VectorSpecies<Integer> PLACES = VectorBits.species(int.class);
    private static final int L = SPECIES.length();
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private final PlainWindows rest = new PlainWindows(DType.F32);

    @Override
    public void largest(
            MemorySegment source,
            long from,
            int rows,
            long rowStride,
            int columns,
            int channels,
            int place,
            int rowPlaces,
            MemorySegment target,
            long to) {
        if (channels % L != 0) {
            // pooled images rarely have such numbers of channels
            rest.largest(source, from, rows, rowStride, columns, channels, place, rowPlaces, target, to);
            return;
        }
        // One method: a vector that a method returns may be boxed.
        for (int c = 0; c < channels; c += L) {
            long first = 4 * (from + c);
            var largest = FloatVector.fromMemorySegment(SPECIES, source, first, ORDER);
            var best = IntVector.broadcast(PLACES, place);
            for (int r = 0; r < rows; r++) {
                for (int s = 0; s < columns; s++) {
                    long at = first + 4 * (r * rowStride + (long) s * channels);
                    var v = FloatVector.fromMemorySegment(SPECIES, source, at, ORDER);
                    var better = v.compare(VectorOperators.GT, largest)
                            .or(v.test(VectorOperators.IS_NAN).andNot(largest.test(VectorOperators.IS_NAN)));
                    largest = largest.blend(v, better);
                    best = best.blend(place + r * rowPlaces + s, better.cast(PLACES));
                }
            }
            best.intoMemorySegment(target, to + 4L * c, ORDER);
        }
    }
}
