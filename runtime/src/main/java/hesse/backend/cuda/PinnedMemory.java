package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import hesse.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Page-locked host memory. Copies between it and the device run beside the host's work; others wait in secret. */
public final class PinnedMemory implements AutoCloseable {
    private final MemorySegment base;
    private final MemorySegment segment;
    /** Shared, so that loading threads fill it; it is closed once in a run, so its price does not count. */
    private final Arena scope = Arena.ofShared();

    private final Lifetime life;

    private PinnedMemory(CudaDevice device, MemorySegment base, long bytes) {
        this.base = base;
        // Tied to a scope of its own, so that Java's accesses after the release are refused and not faults.
        this.segment = base.reinterpret(bytes, scope, null);
        this.life = device.life().child("the pinned memory of " + bytes + " bytes", this::release);
    }

    static PinnedMemory allocate(CudaDevice device, long bytes) {
        if (bytes <= 0) throw new IllegalArgumentException("pinned memory of " + bytes + " bytes");
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(ADDRESS);
            var status = Cuda.cuMemHostAlloc(pointer, bytes, 0);
            if (status != Status.SUCCESS) throw Status.driverFailure(status, "cuMemHostAlloc", "", "bytes", bytes);
            return new PinnedMemory(device, pointer.get(ADDRESS, 0), bytes);
        }
    }

    /** Its bytes, which any thread may read and write until it is closed. */
    public MemorySegment segment() {
        return segment;
    }

    public long bytes() {
        return segment.byteSize();
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        scope.close();
        Status.driver(Cuda.cuMemFreeHost(base), "cuMemFreeHost");
    }
}
