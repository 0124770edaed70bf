package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import hesse.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A queue of work on the device: copies, kernels, library calls, graphs. Its calls return before the work is done. */
public final class CudaStream implements AutoCloseable {
    private final CudaDevice device;
    private final String name;
    private final MemorySegment handle;
    private final Lifetime life;

    private CudaStream(CudaDevice device, String name, MemorySegment handle) {
        this.device = device;
        this.name = name;
        this.handle = handle;
        this.life = device.life().child("the stream " + name, this::release);
    }

    static CudaStream create(CudaDevice device, String name) {
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(ADDRESS);
            Status.driver(Cuda.cuStreamCreate(pointer, Cuda.CU_STREAM_NON_BLOCKING()), "cuStreamCreate");
            return new CudaStream(device, name, pointer.get(ADDRESS, 0));
        }
    }

    MemorySegment handle() {
        life.require();
        return handle;
    }

    CudaDevice device() {
        return device;
    }

    /** Waits until all its work is done, and reports what failed in it. */
    public void synchronize() {
        Status.driver(Cuda.cuStreamSynchronize(handle()), "cuStreamSynchronize");
    }

    /** Sets an event's mark behind the work given so far. */
    public void record(CudaEvent event) {
        Status.driver(Cuda.cuEventRecord(event.handle(), handle()), "cuEventRecord");
    }

    /** Lets later work of this stream wait for an event's mark. */
    public void waitFor(CudaEvent event) {
        Status.driver(
                Cuda.cuStreamWaitEvent(handle(), event.handle(), Cuda.CU_EVENT_WAIT_DEFAULT()), "cuStreamWaitEvent");
    }

    /** Copies from pinned memory to a device address. */
    public void toDevice(long target, PinnedMemory source, long offset, long bytes) {
        var status = Cuda.cuMemcpyHtoDAsync_v2(target, source.segment().asSlice(offset, bytes), bytes, handle());
        if (status != Status.SUCCESS) {
            throw Status.driverFailure(status, "cuMemcpyHtoDAsync_v2", name, "target", hex(target), "bytes", bytes);
        }
    }

    /** Copies from a device address to pinned memory. */
    public void toHost(PinnedMemory target, long offset, long source, long bytes) {
        var status = Cuda.cuMemcpyDtoHAsync_v2(target.segment().asSlice(offset, bytes), source, bytes, handle());
        if (status != Status.SUCCESS) {
            throw Status.driverFailure(status, "cuMemcpyDtoHAsync_v2", name, "source", hex(source), "bytes", bytes);
        }
    }

    /** Copies between device addresses; the two ranges do not overlap. */
    public void copy(long target, long source, long bytes) {
        var status = Cuda.cuMemcpyDtoDAsync_v2(target, source, bytes, handle());
        if (status != Status.SUCCESS) {
            throw Status.driverFailure(
                    status, "cuMemcpyDtoDAsync_v2", name, "target", hex(target), "source", hex(source), "bytes", bytes);
        }
    }

    /** Sets bytes of device memory to one value. */
    public void fill(long target, int value, long bytes) {
        var status = Cuda.cuMemsetD8Async(target, (byte) value, bytes, handle());
        if (status != Status.SUCCESS) {
            throw Status.driverFailure(status, "cuMemsetD8Async", name, "target", hex(target), "bytes", bytes);
        }
    }

    /**
     * Starts a kernel.
     *
     * @param node the plan's step, named in an error
     * @param arguments the kernel's arguments, laid out beforehand
     */
    public void launch(CudaKernel kernel, LaunchShape shape, LaunchArguments arguments, String node) {
        var status = Cuda.cuLaunchKernel(
                kernel.handle(),
                shape.gridX(),
                shape.gridY(),
                shape.gridZ(),
                shape.blockX(),
                shape.blockY(),
                shape.blockZ(),
                shape.sharedBytes(),
                handle(),
                arguments.pointers(),
                MemorySegment.NULL);
        if (status != Status.SUCCESS) {
            throw Status.driverFailure(status, "cuLaunchKernel", node, "kernel", kernel.name(), "shape", shape);
        }
    }

    /**
     * Records the work that {@code work} gives to this stream, instead of doing it, as a graph that can be started again and again.
     * Only this thread's calls are recorded, and other threads may allocate meanwhile.
     *
     * @throws CudaException if a call is not allowed while recording; what was recorded until then is thrown away
     */
    public CudaGraph capture(String graphName, Runnable work) {
        Status.driver(
                Cuda.cuStreamBeginCapture_v2(handle(), Cuda.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL()),
                "cuStreamBeginCapture_v2");
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(ADDRESS);
            try {
                work.run();
            } catch (RuntimeException | Error e) {
                // Ends the recording; it returns the fault that is being thrown already, and a graph only sometimes.
                if (Cuda.cuStreamEndCapture(handle, pointer) == Status.SUCCESS) destroy(pointer.get(ADDRESS, 0));
                throw e;
            }
            var status = Cuda.cuStreamEndCapture(handle(), pointer);
            if (status != Status.SUCCESS) throw Status.driverFailure(status, "cuStreamEndCapture", graphName);
            var template = pointer.get(ADDRESS, 0);
            CudaGraph graph;
            try {
                graph = CudaGraph.instantiate(this, graphName, template);
            } catch (RuntimeException | Error e) {
                destroy(template);
                throw e;
            }
            var destroyed = Cuda.cuGraphDestroy(template);
            if (destroyed != Status.SUCCESS) {
                graph.close();
                throw Status.driverFailure(destroyed, "cuGraphDestroy", graphName);
            }
            return graph;
        }
    }

    private static void destroy(MemorySegment template) {
        if (!template.equals(MemorySegment.NULL)) Cuda.cuGraphDestroy(template);
    }

    private static String hex(long address) {
        return "0x" + Long.toHexString(address);
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        Status.driver(Cuda.cuStreamDestroy_v2(handle), "cuStreamDestroy_v2");
    }
}
