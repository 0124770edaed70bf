package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import hesse.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Compiled kernels, loaded onto the device. */
public final class CudaModule implements AutoCloseable {
    private final String name;
    private final MemorySegment handle;
    private final Lifetime life;

    private CudaModule(CudaDevice device, String name, MemorySegment handle) {
        this.name = name;
        this.handle = handle;
        this.life = device.life().child("the module " + name, this::release);
    }

    static CudaModule load(CudaDevice device, byte[] image, String name) {
        try (var arena = Arena.ofConfined()) {
            // PTX is read as a string: the byte behind the image stays zero. CUBIN wants alignment.
            var copy = arena.allocate(image.length + 1L, 64);
            MemorySegment.copy(image, 0, copy, JAVA_BYTE, 0, image.length);
            var pointer = arena.allocate(ADDRESS);
            var status = Cuda.cuModuleLoadData(pointer, copy);
            if (status != Status.SUCCESS) {
                throw Status.driverFailure(status, "cuModuleLoadData", name, "bytes", image.length);
            }
            return new CudaModule(device, name, pointer.get(ADDRESS, 0));
        }
    }

    /**
     * One of its kernels.
     *
     * @param kernel the name in the source, where it stands as {@code extern "C" __global__}
     * @param sharedBytes dynamic shared memory of a launch, beyond 48 KiB granted here
     */
    public CudaKernel kernel(String kernel, int sharedBytes) {
        life.require();
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(ADDRESS);
            var status = Cuda.cuModuleGetFunction(pointer, handle, arena.allocateFrom(kernel));
            if (status != Status.SUCCESS) {
                throw Status.driverFailure(status, "cuModuleGetFunction", name, "kernel", kernel);
            }
            var function = pointer.get(ADDRESS, 0);
            if (sharedBytes > CudaKernel.PLAIN_SHARED_BYTES) {
                var granted = Cuda.cuFuncSetAttribute(
                        function, Cuda.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES(), sharedBytes);
                if (granted != Status.SUCCESS) {
                    throw Status.driverFailure(
                            granted, "cuFuncSetAttribute", name, "kernel", kernel, "shared bytes", sharedBytes);
                }
            }
            return new CudaKernel(
                    kernel,
                    function,
                    attribute(arena, function, Cuda.CU_FUNC_ATTRIBUTE_NUM_REGS()),
                    attribute(arena, function, Cuda.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES()),
                    life);
        }
    }

    private static int attribute(Arena arena, MemorySegment function, int which) {
        var value = arena.allocate(JAVA_INT);
        Status.driver(Cuda.cuFuncGetAttribute(value, which, function), "cuFuncGetAttribute");
        return value.get(JAVA_INT, 0);
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        Status.driver(Cuda.cuModuleUnload(handle), "cuModuleUnload");
    }
}
