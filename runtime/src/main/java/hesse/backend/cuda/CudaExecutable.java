package hesse.backend.cuda;

import hesse.backend.Bindings;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.plan.Plan;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Place;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
    /** Every graph that is kept, the oldest first. */
    private final List<Recorded> recordings = new ArrayList<>();
    /** The addresses of the last run that was not a graph's. */
    private long[] warm = {};

    private @Nullable Recorded latest;

    /** A graph and the addresses that are fixed in it. */
    private record Recorded(long[] addresses, CudaGraph graph) {}

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
        if (latest == null || !Arrays.equals(latest.addresses(), addresses)) latest = recorded();
        if (latest != null) latest.graph().launch(stream);
        else enqueue();
        long run = backend.afterRun();
        bindings.forEach((place, buffer) -> ((CudaBuffer) buffer).usedBy(run));
    }

    /** The steps over the present buffers as a graph; none the first time that these are used. */
    private @Nullable Recorded recorded() {
        for (var known : recordings) if (Arrays.equals(known.addresses(), addresses)) return known;
        if (!Arrays.equals(warm, addresses)) {
            warm = addresses.clone();
            return null;
        }
        if (recordings.size() == GRAPHS_KEPT) forgetOldest();
        var made = new Recorded(addresses.clone(), stream.capture("of " + steps.size() + " steps", this::enqueue));
        recordings.add(made);
        return made;
    }

    private void forgetOldest() {
        stream.synchronize();
        recordings.removeFirst().graph().close();
    }

    private void enqueue() {
        for (var step : steps) step.enqueue(stream, addresses, scratch.address());
    }

    @Override
    public void close() {
        recordings.forEach(recorded -> recorded.graph().close());
        recordings.clear();
        latest = null;
        scratch.close();
        slab.close();
    }
}
