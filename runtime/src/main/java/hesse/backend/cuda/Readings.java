package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import hesse.backend.Reading;
import hesse.tensor.DType;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The first elements of buffers, copied behind the work that makes them into a ring of pinned memory, and taken out when they are asked
 * for. Asking waits for that work and for nothing given after it. A place in the ring that is needed again is emptied first.
 */
final class Readings {
    /** Readings that may be under way. */
    static final int PLACES = 8;
    /** Numbers in one. */
    static final int MOST = 64;

    private static final long PLACE_BYTES = MOST * (long) Long.BYTES;

    private final CudaStream stream;
    private final PinnedMemory memory;
    private final CudaEvent[] done = new CudaEvent[PLACES];
    private final @Nullable Taken[] under = new Taken[PLACES];
    private int next;

    /** @param stream whose work makes the numbers */
    Readings(CudaDevice device, CudaStream stream) {
        this.stream = stream;
        this.memory = device.pinned(PLACES * PLACE_BYTES);
        for (var i = 0; i < PLACES; i++) done[i] = device.event(false);
    }

    /**
     * The first elements as the work given to the stream until now leaves them.
     *
     * @throws IllegalArgumentException if there are more than {@link #MOST}
     */
    Reading later(List<CudaBuffer> buffers) {
        if (buffers.size() > MOST) throw new IllegalArgumentException(buffers.size() + " numbers, at most " + MOST);
        int place = next;
        next = (next + 1) % PLACES;
        var before = under[place];
        if (before != null) before.values();
        var types = buffers.stream().map(CudaBuffer::dtype).toList();
        for (var i = 0; i < buffers.size(); i++) {
            stream.toHost(
                    memory,
                    place * PLACE_BYTES + i * (long) Long.BYTES,
                    buffers.get(i).address(),
                    types.get(i).bytes());
        }
        stream.record(done[place]);
        var taken = new Taken(place, types);
        under[place] = taken;
        return taken;
    }

    private final class Taken implements Reading {
        private final int place;
        private final List<DType> types;
        private double @Nullable [] values;

        Taken(int place, List<DType> types) {
            this.place = place;
            this.types = types;
        }

        @Override
        public double[] values() {
            if (values == null) {
                done[place].synchronize();
                values = new double[types.size()];
                Arrays.setAll(values, i -> number(types.get(i), place * PLACE_BYTES + i * (long) Long.BYTES));
                under[place] = null;
            }
            return values;
        }
    }

    private double number(DType type, long at) {
        var m = memory.segment();
        return switch (type) {
            case F32 -> m.get(JAVA_FLOAT, at);
            case F64 -> m.get(JAVA_DOUBLE, at);
            case BF16 -> Float.intBitsToFloat(m.get(JAVA_SHORT, at) << 16);
            case I32 -> m.get(JAVA_INT, at);
            case I64 -> m.get(JAVA_LONG, at);
            case BOOL -> m.get(JAVA_BYTE, at);
        };
    }
}
