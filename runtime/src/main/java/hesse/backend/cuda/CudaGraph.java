package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import hesse.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A recorded piece of work, made executable: one call starts all of it. Addresses and sizes are fixed in it. */
public final class CudaGraph implements AutoCloseable {
    private final String name;
    private final MemorySegment handle;
    private final Lifetime life;

    private CudaGraph(CudaDevice device, String name, MemorySegment handle) {
        this.name = name;
        this.handle = handle;
        this.life = device.life().child("the graph " + name, this::release);
    }

    static CudaGraph instantiate(CudaStream stream, String name, MemorySegment template) {
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(ADDRESS);
            var status = Cuda.cuGraphInstantiateWithFlags(pointer, template, 0);
            if (status != Status.SUCCESS) throw Status.driverFailure(status, "cuGraphInstantiateWithFlags", name);
            var graph = new CudaGraph(stream.device(), name, pointer.get(ADDRESS, 0));
            var upload = Cuda.cuGraphUpload(graph.handle, stream.handle());
            if (upload != Status.SUCCESS) {
                graph.close();
                throw Status.driverFailure(upload, "cuGraphUpload", name);
            }
            return graph;
        }
    }

    /** Starts the recorded work in a stream. */
    public void launch(CudaStream stream) {
        life.require();
        var status = Cuda.cuGraphLaunch(handle, stream.handle());
        if (status != Status.SUCCESS) throw Status.driverFailure(status, "cuGraphLaunch", name);
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        Status.driver(Cuda.cuGraphExecDestroy(handle), "cuGraphExecDestroy");
    }
}
