package hesse.backend.cpu.fused;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** All of native memory as one segment, addressed from 0: one constant for C2, whatever the buffers. */
public final class NativeMemory {
    /** Addresses given to it must lie in live buffers; the backend computes them from its own allocations only. */
    public static final MemorySegment ALL = everything();

    public static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private NativeMemory() {}

    @SuppressWarnings("restricted")
    private static MemorySegment everything() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }
}
