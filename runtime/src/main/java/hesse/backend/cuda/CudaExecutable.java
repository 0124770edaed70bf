package hesse.backend.cuda;

import hesse.backend.Bindings;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.plan.Plan;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Place;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A plan on the device. The first run gives the steps to the stream one by one, so that an error names its step; from the second run on
 * with the same buffers, they are one recorded graph. A few graphs are kept, so that a program may alternate between buffers.
 */
final class CudaExecutable implements Executable {
    private static final int GRAPHS_KEPT = 4;
    private static final long LEAST_BYTES = 256;

    private final CudaBackend backend;
    private final Plan plan;
    private final Bindings bindings;
    private final List<DeviceStep> steps;
    private final CudaStream stream;
    private final DeviceMemory slab;
    private final DeviceMemory scratch;
    private final long[] addresses;
    private final Map<List<Long>, CudaGraph> graphs = new LinkedHashMap<>();
    private List<Long> warm = List.of();

    CudaExecutable(CudaBackend backend, Plan plan, List<DeviceStep> steps, CudaDevice device, CudaStream stream) {
        this.backend = backend;
        this.plan = plan;
        this.bindings = new Bindings(plan);
        this.steps = List.copyOf(steps);
        this.stream = stream;
        long most = steps.stream().mapToLong(DeviceStep::scratchBytes).max().orElse(0);
        this.slab = device.allocate(Math.max(LEAST_BYTES, plan.slabBytes()), "a plan's values");
        this.scratch = device.allocate(Math.max(LEAST_BYTES, most), "a plan's workspace");
        this.addresses = new long[plan.buffers().size()];
        for (Buffer b : plan.buffers()) {
            if (b.place() == Place.SLAB) addresses[b.id()] = slab.address() + b.offset();
        }
        // What was never written must not look like a zero.
        stream.fill(slab.address(), 0xff, slab.bytes());
    }

    @Override
    public Plan plan() {
        return plan;
    }

    @Override
    public void bind(String name, DeviceBuffer buffer) {
        addresses[bindings.bind(name, buffer).id()] = ((CudaBuffer) buffer).address();
    }

    @Override
    public void run() {
        bindings.requireAll();
        var key = Arrays.stream(addresses).boxed().toList();
        var graph = graphs.get(key);
        if (graph != null) {
            graph.launch(stream);
        } else if (key.equals(warm)) {
            if (graphs.size() == GRAPHS_KEPT) forgetOldest();
            graph = stream.capture("of " + steps.size() + " steps", this::enqueue);
            graphs.put(key, graph);
            graph.launch(stream);
        } else {
            enqueue();
            warm = key;
        }
        long run = backend.afterRun();
        bindings.forEach((place, buffer) -> ((CudaBuffer) buffer).usedBy(run));
    }

    private void forgetOldest() {
        var oldest = graphs.entrySet().iterator().next();
        stream.synchronize();
        oldest.getValue().close();
        graphs.remove(oldest.getKey());
    }

    private void enqueue() {
        for (var step : steps) step.enqueue(stream, addresses, scratch.address());
    }

    @Override
    public void close() {
        new ArrayList<>(graphs.values()).forEach(CudaGraph::close);
        graphs.clear();
        scratch.close();
        slab.close();
    }
}
