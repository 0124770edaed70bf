package hesse.backend.cpu;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.BackendProvider;
import hesse.backend.Bindings;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.backend.HostBuffer;
import hesse.backend.HostMemory;
import hesse.backend.cpu.fused.FusedStep;
import hesse.backend.cpu.kernel.KernelProvider;
import hesse.backend.cpu.kernel.WorkerPool;
import hesse.backend.cpu.kernel.Workspace;
import hesse.collective.Collective;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.plan.Planner;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Runs plans on the CPU: one off-heap slab per executable, packed matrix kernels, generated fused kernels, a fixed pool of
 * threads on whose number no result depends.
 */
public final class CpuBackend implements Backend {
    /** Opens the CPU backend. */
    public static final class Provider implements BackendProvider {
        @Override
        public String name() {
            return "cpu";
        }

        @Override
        public int priority() {
            return 10;
        }

        @Override
        public Availability availability() {
            return Availability.YES;
        }

        @Override
        public Backend open(BackendOptions options) {
            String c = options.contractions();
            if (c.equals("tf32") || c.equals("bf16")) {
                throw new UserException(
                        Kind.USAGE, "precision " + c, "the cpu backend computes in f32 or f64", "Choose one of them");
            }
            return new CpuBackend(
                    options.threads() > 0
                            ? options.threads()
                            : Runtime.getRuntime().availableProcessors(),
                    options.ranks().host());
        }
    }

    private final WorkerPool pool;
    private final Workspace workspace;
    private final FusedStep.Cache kernels;
    private final Collective collective;
    private final AtomicReference<@Nullable Thread> user = new AtomicReference<>();

    public CpuBackend(int threads) {
        this(threads, Collective.alone());
    }

    /** @param collective carries sums over ranks */
    public CpuBackend(int threads, Collective collective) {
        this(threads, FusedStep.Cache.COMPILED_POINTS, FusedStep.Cache.VECTOR_POINTS, collective);
    }

    /**
     * With other limits than usual, for tests.
     *
     * @param compiledPoints the smallest index space whose fused kernels are compiled rather than interpreted
     * @param vectorPoints the smallest index space whose fused kernels are vectorised; 0 to vectorise all
     */
    public CpuBackend(int threads, int compiledPoints, int vectorPoints) {
        this(threads, compiledPoints, vectorPoints, Collective.alone());
    }

    private CpuBackend(int threads, int compiledPoints, int vectorPoints, Collective collective) {
        this.collective = collective;
        this.kernels = new FusedStep.Cache(compiledPoints, vectorPoints);
        this.pool = new WorkerPool(threads);
        this.workspace = new Workspace(threads);
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String kind() {
        return "cpu: " + KernelProvider.get().description();
    }

    @Override
    public String description() {
        return kind() + ", " + pool.threads() + (pool.threads() == 1 ? " thread" : " threads");
    }

    @Override
    public DeviceBuffer allocate(DType dtype, Shape shape) {
        return new HostBuffer(dtype, shape);
    }

    @Override
    public Executable compile(Computation computation) {
        var plan = Planner.plan(computation);
        enter();
        try {
            return new Run(plan);
        } finally {
            leave();
        }
    }

    /** Fused kernels compiled so far; those of small index spaces are interpreted and do not count. */
    public int kernels() {
        return kernels.size();
    }

    /** @throws IllegalStateException if another thread computes on it */
    @Override
    public void close() {
        enter();
        try {
            pool.close();
        } finally {
            leave();
        }
    }

    /**
     * Begins to use what all executables share; kernels work on bare addresses, so that a second thread, or an end meanwhile, must be
     * refused before it does anything.
     */
    private void enter() {
        var me = Thread.currentThread();
        var before = user.compareAndExchange(null, me);
        if (before != null) {
            throw new IllegalStateException("the cpu backend is in use"
                    + (before == me ? "" : " by thread '" + before.getName() + "'")
                    + "; it is for one thread at a time");
        }
    }

    private void leave() {
        user.set(null);
    }

    private final class Run implements Executable {
        private final Plan plan;
        private final Bindings bindings;
        private final Arena arena = Arena.ofShared();
        private final Places places;
        private final MemorySegment scratch;
        private final List<Work> works = new ArrayList<>();
        private final @Nullable HostBuffer[] given;
        private boolean bound;

        Run(Plan plan) {
            this.plan = plan;
            this.bindings = new Bindings(plan);
            this.given = new @Nullable HostBuffer[plan.buffers().size()];
            try {
                // first, for it says clearly what does not fit
                MemorySegment slab = memory(plan.slabBytes());
                long need = 0;
                for (var step : plan.steps()) {
                    Work w = work(step);
                    works.add(w);
                    need = Math.max(need, w.scratchBytes());
                }
                this.scratch = memory(need);
                this.places = new Places(plan, slab);
            } catch (Throwable e) {
                arena.close();
                throw e;
            }
        }

        private Work work(Plan.Step step) {
            return switch (step) {
                case Plan.Contraction c ->
                    new ContractionWork(c, plan.buffer(c.out()).dtype(), workspace);
                case Plan.Fused f -> new FusedWork(f, kernels);
                case Plan.Move m -> new MoveWork(plan, m, pool.threads());
                case Plan.Exchange e -> new ExchangeWork(plan, e, collective);
            };
        }

        private MemorySegment memory(long bytes) {
            return HostMemory.allocate(arena, bytes, "the plan on the cpu backend");
        }

        @Override
        public Plan plan() {
            return plan;
        }

        @Override
        public void bind(String name, DeviceBuffer buffer) {
            enter();
            try {
                int id = bindings.bind(name, buffer).id();
                given[id] = (HostBuffer) buffer;
                places.bind(id, ((HostBuffer) buffer).data());
                bound = false;
            } finally {
                leave();
            }
        }

        @Override
        public void run() {
            begin();
            try {
                for (int i = 0; i < works.size(); i++) {
                    works.get(i).run(pool);
                    collective.alive();
                }
            } finally {
                end();
            }
        }

        @Override
        public boolean runTimed(long[] nanos) {
            begin();
            try {
                for (int i = 0; i < works.size(); i++) {
                    long before = System.nanoTime();
                    works.get(i).run(pool);
                    nanos[i] += System.nanoTime() - before;
                }
            } finally {
                end();
            }
            return true;
        }

        /** Takes the backend and holds every buffer, so that nothing is freed until {@link #end}. */
        private void begin() {
            enter();
            try {
                hold();
            } catch (Throwable e) {
                leave();
                throw e;
            }
            try {
                prepare();
            } catch (Throwable e) {
                end();
                throw e;
            }
        }

        private void hold() {
            if (!arena.scope().isAlive()) throw new IllegalStateException("the executable is closed");
            for (int i = 0; i < given.length; i++) {
                var buffer = given[i];
                if (buffer == null) continue;
                try {
                    buffer.hold();
                } catch (IllegalStateException e) {
                    release(i);
                    throw e;
                }
            }
        }

        private void release(int count) {
            for (int i = 0; i < count; i++) {
                var buffer = given[i];
                if (buffer != null) buffer.release();
            }
        }

        private void end() {
            release(given.length);
            leave();
        }

        private void prepare() {
            if (bound) return;
            bindings.requireAll();
            for (var w : works) w.bind(places, scratch.address());
            bound = true;
        }

        /** @throws IllegalStateException if another thread computes on the backend */
        @Override
        public void close() {
            if (!arena.scope().isAlive()) return;
            enter();
            try {
                if (arena.scope().isAlive()) arena.close();
            } finally {
                leave();
            }
        }
    }
}
