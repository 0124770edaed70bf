package hesse.backend.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Copies between ordinary host memory and the device through a few pinned buffers, each used again once its last copy is done. While
 * one is being copied by the device, the host fills or empties the next.
 */
public final class Staging implements AutoCloseable {
    private record Slot(PinnedMemory memory, CudaEvent done) {}

    private final CudaStream stream;
    private final Slot[] slots;
    private int next;

    /**
     * @param stream where the copies go
     * @param slotBytes bytes of one buffer
     * @param count how many buffers, at least 2 for the host and the device to work at the same time
     */
    public Staging(CudaDevice device, CudaStream stream, long slotBytes, int count) {
        this.stream = stream;
        this.slots = new Slot[count];
        for (var i = 0; i < count; i++) {
            slots[i] = new Slot(device.pinned(slotBytes), device.event(false));
        }
    }

    /** Copies host memory to a device address. It returns when the source may be changed; the device's copy may still be under way. */
    public void upload(MemorySegment source, long target) {
        for (long done = 0; done < source.byteSize(); ) {
            var slot = free();
            var bytes = Math.min(slot.memory().bytes(), source.byteSize() - done);
            MemorySegment.copy(source, done, slot.memory().segment(), 0, bytes);
            stream.toDevice(target + done, slot.memory(), 0, bytes);
            stream.record(slot.done());
            done += bytes;
        }
    }

    /** Copies from a device address to host memory, and returns when it is there. Work given to the stream before is waited for. */
    public void download(long source, MemorySegment target) {
        long asked = 0;
        long read = 0;
        var first = next;
        while (read < target.byteSize()) {
            // Keeps every buffer busy before the first is waited for.
            for (var used = 0; used < slots.length && asked < target.byteSize(); used++) {
                var slot = free();
                var bytes = Math.min(slot.memory().bytes(), target.byteSize() - asked);
                stream.toHost(slot.memory(), 0, source + asked, bytes);
                stream.record(slot.done());
                asked += bytes;
            }
            while (read < asked) {
                var slot = slots[first];
                first = (first + 1) % slots.length;
                slot.done().synchronize();
                var bytes = Math.min(slot.memory().bytes(), asked - read);
                MemorySegment.copy(slot.memory().segment(), 0, target, read, bytes);
                read += bytes;
            }
        }
    }

    private Slot free() {
        var slot = slots[next];
        next = (next + 1) % slots.length;
        slot.done().synchronize();
        return slot;
    }

    @Override
    public void close() {
        for (var i = slots.length - 1; i >= 0; i--) {
            slots[i].done().synchronize();
            slots[i].done().close();
            slots[i].memory().close();
        }
    }
}
