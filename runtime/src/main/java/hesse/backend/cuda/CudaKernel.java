package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import hesse.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** One kernel of a loaded module; it lives as long as the module. */
public final class CudaKernel {
    /** Dynamic shared memory that every kernel may use unasked. */
    static final int PLAIN_SHARED_BYTES = 48 << 10;

    private final String name;
    private final MemorySegment handle;
    private final int registers;
    private final int spilledBytes;
    private final Lifetime module;

    CudaKernel(String name, MemorySegment handle, int registers, int spilledBytes, Lifetime module) {
        this.name = name;
        this.handle = handle;
        this.registers = registers;
        this.spilledBytes = spilledBytes;
        this.module = module;
    }

    MemorySegment handle() {
        module.require();
        return handle;
    }

    public String name() {
        return name;
    }

    /** Registers per thread. */
    public int registers() {
        return registers;
    }

    /** Bytes of local memory per thread: what did not fit the registers. */
    public int spilledBytes() {
        return spilledBytes;
    }

    /** How many blocks of this size one multiprocessor runs at a time. */
    public int residentBlocks(int blockSize, long sharedBytes) {
        try (var arena = Arena.ofConfined()) {
            var blocks = arena.allocate(JAVA_INT);
            Status.driver(
                    Cuda.cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, handle(), blockSize, sharedBytes),
                    "cuOccupancyMaxActiveBlocksPerMultiprocessor");
            return blocks.get(JAVA_INT, 0);
        }
    }
}
