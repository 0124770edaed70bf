package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import hesse.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One GPU with its primary context, and the maker of everything that lives on it: streams, events, memory, modules. It belongs to the
 * thread that opened it. Closing it closes all of these first.
 */
public final class CudaDevice implements AutoCloseable {
    private static final int NAME_BYTES = 256;

    /**
     * What the driver says about the device.
     *
     * @param name the product's name
     * @param ordinal its place among the visible devices
     * @param arch compute capability, ten times the major plus the minor number: 90 for 9.0
     * @param multiprocessors how many of them
     * @param sharedMemory bytes of shared memory that one block may use when it asks for them
     * @param totalMemory bytes
     * @param driverVersion the CUDA version the driver is for, 12080 for 12.8
     */
    public record Properties(
            String name,
            int ordinal,
            int arch,
            int multiprocessors,
            int sharedMemory,
            long totalMemory,
            int driverVersion) {}

    /** Bytes free on the device and there in all, other programs' use included. */
    public record Memory(long free, long total) {}

    private final Properties properties;
    private final int handle;
    private final Arena arena = Arena.ofConfined();
    private final Lifetime life;

    private CudaDevice(int handle, Properties properties) {
        this.handle = handle;
        this.properties = properties;
        this.life = Lifetime.root("the GPU " + properties.ordinal(), this::release);
    }

    /**
     * Starts the driver, takes a device's primary context and makes it current in this thread. The driver's library must be loaded.
     *
     * @param ordinal which of the visible devices, from 0
     * @throws CudaException if there is no such device or the driver refuses
     */
    public static CudaDevice open(int ordinal) {
        Status.driver(Cuda.cuInit(0), "cuInit");
        try (var arena = Arena.ofConfined()) {
            var number = arena.allocate(JAVA_INT);
            Status.driver(Cuda.cuDeviceGetCount(number), "cuDeviceGetCount");
            var count = number.get(JAVA_INT, 0);
            if (ordinal < 0 || ordinal >= count) {
                throw Status.driverFailure(
                        Cuda.CUDA_ERROR_INVALID_DEVICE(),
                        "cuDeviceGet",
                        "",
                        "ordinal",
                        ordinal,
                        "visible devices",
                        count);
            }
            Status.driver(Cuda.cuDeviceGet(number, ordinal), "cuDeviceGet");
            var handle = number.get(JAVA_INT, 0);
            var properties = describe(arena, ordinal, handle);
            var context = arena.allocate(ADDRESS);
            Status.driver(Cuda.cuDevicePrimaryCtxRetain(context, handle), "cuDevicePrimaryCtxRetain");
            var current = Cuda.cuCtxSetCurrent(context.get(ADDRESS, 0));
            if (current != Status.SUCCESS) {
                Cuda.cuDevicePrimaryCtxRelease_v2(handle);
                throw Status.driverFailure(current, "cuCtxSetCurrent", "");
            }
            return new CudaDevice(handle, properties);
        }
    }

    /** The number of visible devices; starts the driver. */
    static int count() {
        Status.driver(Cuda.cuInit(0), "cuInit");
        try (var arena = Arena.ofConfined()) {
            var number = arena.allocate(JAVA_INT);
            Status.driver(Cuda.cuDeviceGetCount(number), "cuDeviceGetCount");
            return number.get(JAVA_INT, 0);
        }
    }

    private static Properties describe(Arena arena, int ordinal, int handle) {
        var name = arena.allocate(NAME_BYTES);
        Status.driver(Cuda.cuDeviceGetName(name, NAME_BYTES, handle), "cuDeviceGetName");
        var bytes = arena.allocate(JAVA_LONG);
        Status.driver(Cuda.cuDeviceTotalMem_v2(bytes, handle), "cuDeviceTotalMem_v2");
        var version = arena.allocate(JAVA_INT);
        Status.driver(Cuda.cuDriverGetVersion(version), "cuDriverGetVersion");
        return new Properties(
                name.getString(0),
                ordinal,
                attribute(arena, Cuda.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR(), handle) * 10
                        + attribute(arena, Cuda.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR(), handle),
                attribute(arena, Cuda.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT(), handle),
                attribute(arena, Cuda.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN(), handle),
                bytes.get(JAVA_LONG, 0),
                version.get(JAVA_INT, 0));
    }

    private static int attribute(Arena arena, int which, int handle) {
        var value = arena.allocate(JAVA_INT);
        Status.driver(Cuda.cuDeviceGetAttribute(value, which, handle), "cuDeviceGetAttribute");
        return value.get(JAVA_INT, 0);
    }

    public Properties properties() {
        return properties;
    }

    /** Memory that lives as long as the device, for the small host structures of what is made from it. */
    Arena arena() {
        return arena;
    }

    Lifetime life() {
        return life;
    }

    /** How much memory is free now. */
    public Memory memory() {
        life.require();
        try (var scratch = Arena.ofConfined()) {
            var free = scratch.allocate(JAVA_LONG);
            var total = scratch.allocate(JAVA_LONG);
            Status.driver(Cuda.cuMemGetInfo_v2(free, total), "cuMemGetInfo_v2");
            return new Memory(free.get(JAVA_LONG, 0), total.get(JAVA_LONG, 0));
        }
    }

    /** Waits until everything given to the device so far is done. */
    public void synchronize() {
        life.require();
        Status.driver(Cuda.cuCtxSynchronize(), "cuCtxSynchronize");
    }

    /** A new stream that does not wait for the default one. */
    public CudaStream stream(String name) {
        life.require();
        return CudaStream.create(this, name);
    }

    /** A new event; with {@code timing} two of them measure the time between them. */
    public CudaEvent event(boolean timing) {
        life.require();
        return CudaEvent.create(this, timing);
    }

    /**
     * Device memory, by plain allocation: managed memory would move between host and device behind the plan's back.
     *
     * @param purpose what it is for, named in an error
     * @throws CudaOutOfMemoryException if the device has not enough
     */
    public DeviceMemory allocate(long bytes, String purpose) {
        life.require();
        return DeviceMemory.allocate(this, bytes, purpose);
    }

    /** Page-locked host memory, from and to which the device copies while the host works. */
    public PinnedMemory pinned(long bytes) {
        life.require();
        return PinnedMemory.allocate(this, bytes);
    }

    /**
     * Loads compiled kernels.
     *
     * @param image a CUBIN or PTX, as {@link KernelCompiler} makes it
     * @param name named in an error
     */
    public CudaModule load(byte[] image, String name) {
        life.require();
        return CudaModule.load(this, image, name);
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        arena.close();
        Cuda.cuCtxSetCurrent(MemorySegment.NULL);
        Status.driver(Cuda.cuDevicePrimaryCtxRelease_v2(handle), "cuDevicePrimaryCtxRelease_v2");
    }
}
