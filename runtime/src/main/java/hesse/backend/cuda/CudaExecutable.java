package hesse.backend.cuda;

import hesse.backend.Bindings;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.plan.Plan;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Place;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A plan on the device. The first run gives the steps to the stream one by one, so that an error names its step; from the second run on
 * with the same buffers, they are one recorded graph. A few graphs are kept, so that a program may alternate between buffers.
 */
final class CudaExecutable implements Executable {
    private static final int GRAPHS_KEPT = 4;
    private static final long LEAST_BYTES = 256;
    /** What slabs keep, and so what the steps were prepared for. */
    private static final int ALIGNMENT = 64;

    private final CudaBackend backend;
    private final Plan plan;
    private final Bindings bindings;
    private final List<DeviceStep> steps;
    private final CudaStream stream;
    private final DeviceMemory slab;
    private final DeviceMemory scratch;
    /** Where inputs and outputs were bound. */
    private final long[] given;
    /** Where the steps find each buffer: where it was bound, if that is aligned, else in memory that stands in for it. */
    private final long[] addresses;

    private final CudaDevice device;
    private final Map<Integer, DeviceMemory> standIns = new TreeMap<>();
    private final Set<Integer> written = new HashSet<>();
    /** Every graph that is kept, the oldest first. */
    private final List<Recorded> recordings = new ArrayList<>();
    /** The addresses of the last runs that were not a graph's, so that a program may alternate between buffers. */
    private final Deque<long[]> warm = new ArrayDeque<>();

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
        this.device = device;
        this.slab = device.allocate(Math.max(LEAST_BYTES, plan.slabBytes()), "a plan's values");
        try {
            this.scratch = device.allocate(Math.max(LEAST_BYTES, most), "a plan's workspace");
        } catch (RuntimeException | Error e) {
            slab.close();
            throw e;
        }
        this.addresses = new long[plan.buffers().size()];
        this.given = new long[addresses.length];
        for (var step : plan.steps()) written.addAll(step.writes());
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
        var b = bindings.bind(name, buffer);
        long address = ((CudaBuffer) buffer).address();
        given[b.id()] = address;
        addresses[b.id()] = address % ALIGNMENT == 0 ? address : standIn(b);
    }

    /** Some rows of a larger buffer may begin anywhere, and neither vectors nor libraries take that. */
    private long standIn(Buffer b) {
        return standIns.computeIfAbsent(b.id(), id -> device.allocate(b.bytes(), "an aligned copy of " + b.name()))
                .address();
    }

    @Override
    public void run() {
        bindings.requireAll();
        if (latest == null || !Arrays.equals(latest.addresses(), given)) latest = recorded();
        if (latest != null) latest.graph().launch(stream);
        else enqueue();
        long run = backend.afterRun();
        bindings.forEach((place, buffer) -> ((CudaBuffer) buffer).usedBy(run));
    }

    /** The steps over the present buffers as a graph; none the first time that these are used. */
    private @Nullable Recorded recorded() {
        for (var known : recordings) if (Arrays.equals(known.addresses(), given)) return known;
        if (!warm.removeIf(before -> Arrays.equals(before, given))) {
            warm.addLast(given.clone());
            if (warm.size() > GRAPHS_KEPT) warm.removeFirst();
            return null;
        }
        if (recordings.size() == GRAPHS_KEPT) forgetOldest();
        var made = new Recorded(given.clone(), stream.capture("of " + steps.size() + " steps", this::enqueue));
        recordings.add(made);
        return made;
    }

    private void forgetOldest() {
        stream.synchronize();
        recordings.removeFirst().graph().close();
    }

    private void enqueue() {
        for (int b : standIns.keySet()) {
            if (addresses[b] != given[b])
                stream.copy(addresses[b], given[b], plan.buffer(b).bytes());
        }
        for (var step : steps) step.enqueue(stream, addresses, scratch.address());
        for (int b : standIns.keySet()) {
            boolean moved = addresses[b] != given[b] && written.contains(b);
            if (moved) stream.copy(given[b], addresses[b], plan.buffer(b).bytes());
        }
    }

    @Override
    public void close() {
        recordings.forEach(recorded -> recorded.graph().close());
        recordings.clear();
        latest = null;
        standIns.values().forEach(DeviceMemory::close);
        standIns.clear();
        scratch.close();
        slab.close();
    }
}
