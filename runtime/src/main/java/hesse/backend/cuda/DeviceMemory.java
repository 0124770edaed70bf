package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import hesse.bindings.cuda.Cuda;
import java.lang.foreign.Arena;

/** A block of device memory; its address is aligned to 256 bytes at least. */
public final class DeviceMemory implements AutoCloseable {
    private final long address;
    private final long bytes;
    private final Lifetime life;

    private DeviceMemory(CudaDevice device, long address, long bytes, String purpose) {
        this.address = address;
        this.bytes = bytes;
        this.life = device.life().child("the device memory for " + purpose, this::release);
    }

    static DeviceMemory allocate(CudaDevice device, long bytes, String purpose) {
        if (bytes <= 0) throw new IllegalArgumentException("device memory of " + bytes + " bytes for " + purpose);
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(JAVA_LONG);
            var status = Cuda.cuMemAlloc_v2(pointer, bytes);
            if (status == Cuda.CUDA_ERROR_OUT_OF_MEMORY()) {
                var memory = device.memory();
                throw new CudaOutOfMemoryException(
                        purpose, Status.driverName(status), status, bytes, memory.free(), memory.total());
            }
            if (status != Status.SUCCESS) throw Status.driverFailure(status, "cuMemAlloc_v2", purpose, "bytes", bytes);
            return new DeviceMemory(device, pointer.get(JAVA_LONG, 0), bytes, purpose);
        }
    }

    /** The device address of its first byte. */
    public long address() {
        life.require();
        return address;
    }

    public long bytes() {
        return bytes;
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        Status.driver(Cuda.cuMemFree_v2(address), "cuMemFree_v2");
    }
}
