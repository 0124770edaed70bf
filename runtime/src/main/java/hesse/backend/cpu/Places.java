package hesse.backend.cpu;

import hesse.plan.Plan;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Place;
import java.lang.foreign.MemorySegment;

/** Where the buffers of a plan are: the slab, or what was bound. */
final class Places {
    private final Plan plan;
    private final MemorySegment[] segments;
    private final long[] addresses;

    Places(Plan plan, MemorySegment slab) {
        this.plan = plan;
        int n = plan.buffers().size();
        segments = new MemorySegment[n];
        addresses = new long[n];
        for (Buffer b : plan.buffers()) {
            if (b.place() != Place.SLAB) continue;
            segments[b.id()] = slab;
            addresses[b.id()] = slab.address() + b.offset();
        }
    }

    void bind(int buffer, MemorySegment data) {
        segments[buffer] = data;
        addresses[buffer] = data.address();
    }

    /** A segment that holds the buffer, perhaps among others. */
    MemorySegment segment(int buffer) {
        return segments[buffer];
    }

    /** The buffer's first element within {@link #segment}. */
    long at(int buffer) {
        Buffer b = plan.buffer(buffer);
        return b.place() == Place.SLAB ? b.offset() / b.dtype().bytes() : 0;
    }

    /** Native addresses of all buffers. */
    long[] addresses() {
        return addresses;
    }

    Buffer buffer(int id) {
        return plan.buffer(id);
    }
}
