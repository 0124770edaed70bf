package hesse.backend;

import hesse.collective.Ranks;
import hesse.graph.Node;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.plan.Rows;
import hesse.plan.Sharding;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A backend of one rank of several: computations over whole batches are divided among the ranks by examples, so that whatever is compiled
 * here (a training step, an evaluation, a curvature product) is computed by all of them together. All ranks compile and run the same
 * computations in the same order. Inputs named {@link #EXAMPLES} hold examples; what is bound to them is the whole batch or this rank's part.
 */
public final class DataParallel implements Backend {
    /** Inputs whose first axis runs over examples. */
    public static final Set<String> EXAMPLES = Set.of("x", "y", "y_sampled");
    /** Starts the names of inputs of which each rank has a part of a sum. */
    public static final String PARTIAL = "ranks/";

    private final Backend inner;
    private final Ranks ranks;
    private final int rank;
    private final int size;

    /** @param inner computes this rank's part, and sums over the ranks */
    public DataParallel(Backend inner, Ranks ranks) {
        this.inner = inner;
        this.ranks = ranks;
        this.rank = ranks.rank();
        this.size = ranks.size();
    }

    @Override
    public String name() {
        return inner.name();
    }

    @Override
    public String kind() {
        return inner.kind();
    }

    @Override
    public String description() {
        return inner.description() + ", rank " + rank + " of " + size;
    }

    @Override
    public DeviceBuffer allocate(DType dtype, Shape shape) {
        return inner.allocate(dtype, shape);
    }

    @Override
    public Rows rows(int batch) {
        return batch < size ? new Rows(0, batch, batch) : Rows.of(batch, rank, size);
    }

    @Override
    public long least(long own) {
        return ranks.fromAll(ByteBuffer.allocate(Long.BYTES).putLong(own).array()).stream()
                .mapToLong(b -> ByteBuffer.wrap(b).getLong())
                .min()
                .orElse(own);
    }

    @Override
    public Computation share(Computation computation) {
        var examples = new HashSet<String>();
        var partial = new HashSet<String>();
        int batch = 0;
        for (var e : computation.inputs().entrySet()) {
            Node n = e.getValue();
            if (e.getKey().startsWith(PARTIAL)) partial.add(e.getKey());
            if (!EXAMPLES.contains(e.getKey())) continue;
            if (batch != 0 && n.shape().dim(0) != batch) {
                throw new IllegalArgumentException(
                        e.getKey() + " holds " + n.shape().dim(0) + " examples, another input " + batch);
            }
            batch = n.shape().dim(0);
            examples.add(e.getKey());
        }
        boolean divided = batch >= size;
        if (!divided && partial.isEmpty()) return computation;
        return Sharding.of(
                computation, divided ? examples : Set.of(), partial, divided ? rows(batch) : new Rows(0, 1, 1));
    }

    @Override
    public Executable compile(Computation computation) {
        return compileShare(share(computation));
    }

    @Override
    public Executable compileShare(Computation computation) {
        // a rank that finds its kernels compiled already waits for the others
        return new Part(ranks.apart(() -> inner.compile(computation)));
    }

    @Override
    public Reading later(List<DeviceBuffer> buffers) {
        return inner.later(buffers);
    }

    @Override
    public int runsAhead() {
        return inner.runsAhead();
    }

    @Override
    public void close() {
        inner.close();
    }

    /** Takes whole batches too. */
    private final class Part implements Executable {
        private final Executable executable;

        Part(Executable executable) {
            this.executable = executable;
        }

        @Override
        public Plan plan() {
            return executable.plan();
        }

        @Override
        public void bind(String name, DeviceBuffer buffer) {
            executable.bind(name, EXAMPLES.contains(name) ? own(name, buffer) : buffer);
        }

        private DeviceBuffer own(String name, DeviceBuffer buffer) {
            for (var b : plan().buffers()) {
                if (b.place() == Plan.Place.SLAB || !b.name().equals(name)) continue;
                if (b.shape().size() == buffer.shape().size()) return buffer;
                var rows = rows(buffer.shape().dim(0));
                return buffer.rows(rows.from(), rows.count());
            }
            return buffer;
        }

        @Override
        public void run() {
            ranks.advance();
            executable.run();
        }

        @Override
        public boolean runTimed(long[] nanos) {
            return executable.runTimed(nanos);
        }

        @Override
        public void close() {
            executable.close();
        }
    }
}
