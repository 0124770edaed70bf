package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import hesse.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/** A mark in a stream: others wait for it, and two of them measure time. */
public final class CudaEvent implements AutoCloseable {
    /** The newer name of the timer where the driver has it, the older one else; both take the same arguments. */
    private static final class Timer {
        static final MethodHandle ELAPSED = Linker.nativeLinker()
                .downcallHandle(
                        SymbolLookup.loaderLookup()
                                .find("cuEventElapsedTime_v2")
                                .or(() -> SymbolLookup.loaderLookup().find("cuEventElapsedTime"))
                                .orElseThrow(),
                        FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
    }

    private final MemorySegment handle;
    private final Lifetime life;

    private CudaEvent(CudaDevice device, MemorySegment handle) {
        this.handle = handle;
        this.life = device.life().child("an event", this::release);
    }

    static CudaEvent create(CudaDevice device, boolean timing) {
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(ADDRESS);
            var flags = timing ? Cuda.CU_EVENT_DEFAULT() : Cuda.CU_EVENT_DISABLE_TIMING();
            Status.driver(Cuda.cuEventCreate(pointer, flags), "cuEventCreate");
            return new CudaEvent(device, pointer.get(ADDRESS, 0));
        }
    }

    MemorySegment handle() {
        life.require();
        return handle;
    }

    /** Waits until the work before the mark is done; returns at once if it was never set. */
    public void synchronize() {
        Status.driver(Cuda.cuEventSynchronize(handle()), "cuEventSynchronize");
    }

    /** Whether the work before the mark is done. */
    public boolean isDone() {
        var status = Cuda.cuEventQuery(handle());
        if (status == Cuda.CUDA_ERROR_NOT_READY()) return false;
        Status.driver(status, "cuEventQuery");
        return true;
    }

    /** Milliseconds from an earlier mark to this one; both events must have been made for timing and be done. */
    public float millisecondsSince(CudaEvent start) {
        try (var arena = Arena.ofConfined()) {
            var time = arena.allocate(JAVA_FLOAT);
            int status;
            try {
                status = (int) Timer.ELAPSED.invokeExact(time, start.handle(), handle());
            } catch (Error | RuntimeException e) {
                throw e;
            } catch (Throwable e) {
                throw new AssertionError("a downcall throws nothing of its own", e);
            }
            Status.driver(status, "cuEventElapsedTime");
            return time.get(JAVA_FLOAT, 0);
        }
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        Status.driver(Cuda.cuEventDestroy_v2(handle), "cuEventDestroy_v2");
    }
}
