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
        return new Run(Planner.plan(computation));
    }

    /** Fused kernels compiled so far; those of small index spaces are interpreted and do not count. */
    public int kernels() {
        return kernels.size();
    }

    @Override
    public void close() {
        pool.close();
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
            int id = bindings.bind(name, buffer).id();
            given[id] = (HostBuffer) buffer;
            places.bind(id, ((HostBuffer) buffer).data());
            bound = false;
        }

        /** Kernels work on addresses, so that nothing but this stands between a closed buffer and freed memory. */
        private void requireOpen() {
            if (!arena.scope().isAlive()) throw new IllegalStateException("the executable is closed");
            for (HostBuffer b : given) {
                if (b != null && !b.isOpen())
                    throw new IllegalStateException("a bound buffer of shape " + b.shape() + " is closed");
            }
        }

        @Override
        public void run() {
            prepare();
            for (int i = 0; i < works.size(); i++) {
                works.get(i).run(pool);
                collective.alive();
            }
        }

        @Override
        public boolean runTimed(long[] nanos) {
            prepare();
            for (int i = 0; i < works.size(); i++) {
                long before = System.nanoTime();
                works.get(i).run(pool);
                nanos[i] += System.nanoTime() - before;
            }
            return true;
        }

        private void prepare() {
            requireOpen();
            if (bound) return;
            bindings.requireAll();
            for (var w : works) w.bind(places, scratch.address());
            bound = true;
        }

        @Override
        public void close() {
            if (arena.scope().isAlive()) arena.close();
        }
    }
}
