package hesse.backend.cpu.fused;

import hesse.backend.cpu.kernel.KernelProvider;
import hesse.backend.cpu.kernel.WorkerPool;
import hesse.plan.Computation.Mode;
import hesse.plan.Kernel;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Source;
import hesse.plan.Plan.Fused;
import hesse.plan.PlanCost;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/**
 * One fused step ready to run: its kernel, its tasks, its addresses. Tasks are cut by shape alone; sums over more than a task are
 * joined from the tasks' partial results in order, in double precision.
 */
public final class FusedStep implements WorkerPool.Task {
    /** Points of the index space in one task. */
    private static final int TASK_POINTS = 16384;
    /** Tasks whose partial results are joined. */
    private static final int PARTIALS_AT_MOST = 64;

    /** Kernels by structure and variant; one for each backend. */
    public static final class Cache {
        /** Smaller index spaces are interpreted: a kernel of their own would never repay being loaded and optimised. */
        public static final int COMPILED_POINTS = PlanCost.SMALL_POINTS;
        /** Smaller index spaces run in plain Java: their kernels would never repay being compiled with vectors. */
        public static final int VECTOR_POINTS = 32768;

        private final int compiledPoints;
        private final int vectorPoints;

        /**
         * @param compiledPoints the smallest index space that has a kernel of its own
         * @param vectorPoints the smallest index space that is run with vectors
         */
        public Cache(int compiledPoints, int vectorPoints) {
            this.compiledPoints = compiledPoints;
            this.vectorPoints = vectorPoints;
        }

        private enum Variant {
            INTERPRETED,
            PLAIN,
            VECTORS
        }

        private record Key(Kernel kernel, Variant variant) {}

        private final Map<Key, FusedKernel> kernels = new HashMap<>();

        private FusedKernel get(Fused step, boolean vectors) {
            var variant =
                    vectors ? Variant.VECTORS : step.points() < compiledPoints ? Variant.INTERPRETED : Variant.PLAIN;
            return kernels.computeIfAbsent(new Key(step.kernel(), variant), k -> make(k.kernel, k.variant));
        }

        private static FusedKernel make(Kernel kernel, Variant variant) {
            return switch (variant) {
                case INTERPRETED -> new InterpretedKernel(kernel);
                case PLAIN -> FusedGenerator.generate(kernel, 0);
                case VECTORS -> FusedGenerator.generate(kernel, lanes(kernel));
            };
        }

        /** Asked only where vectors are: without their module the hosts cannot be loaded. */
        private static int lanes(Kernel kernel) {
            return kernel.compute() == DType.F64 ? VectorHostF64.SPECIES.length() : VectorHostF32.SPECIES.length();
        }

        /** Number of kernels compiled so far, to classes of their own. */
        public int size() {
            return (int) kernels.keySet().stream()
                    .filter(k -> k.variant != Variant.INTERPRETED)
                    .count();
        }
    }

    private final Fused step;
    private final FusedKernel kernel;
    private final long[] addresses;
    private final long[] targets;
    private final double[] arguments;
    private final long[] geometry;
    private final int[] extents;
    private final int rows;
    private final int columns;
    private final int rowsPerTask;
    private final int columnsPerTask;
    private final int tasks;
    private final boolean[] partial;
    private final long[] partialAt;
    private final long[] resultSize;
    private final long scratchBytes;

    public FusedStep(Fused step, Cache cache) {
        this.step = step;
        Kernel k = step.kernel();
        int rank = k.rank();
        int outer = rank - 1;
        this.extents = new int[outer];
        int product = 1;
        for (int a = 0; a < outer; a++) {
            extents[a] = step.extents().get(a);
            product = Math.multiplyExact(product, extents[a]);
        }
        this.rows = product;
        this.columns = step.extents().get(outer);
        int loads = k.loads().size();
        int results = k.results().size();
        this.partial = new boolean[results];
        this.resultSize = new long[results];
        boolean anyPartial = false;
        int full = (1 << rank) - 1;
        int outerMask = full >> 1;
        for (int r = 0; r < results; r++) {
            var result = k.results().get(r);
            resultSize[r] = size(result.axes());
            boolean direct = result.kind() == Kind.STORE && step.modes().get(r) == Mode.WRITE;
            partial[r] = !direct && !(result.kind() == Kind.STORE);
            if (result.kind() == Kind.STORE && step.modes().get(r) == Mode.ACCUMULATE) partial[r] = true;
            anyPartial |= partial[r];
        }
        // a result that keeps every row belongs to one task; its partial results do not overlap and share one copy
        boolean shared = true;
        for (int r = 0; r < results; r++) {
            shared &= !partial[r] || (k.results().get(r).axes() & outerMask) == outerMask && outer > 0;
        }
        if (outer == 0) {
            rowsPerTask = 1;
            columnsPerTask = TASK_POINTS;
            tasks = Math.max(1, Math.ceilDiv(columns, columnsPerTask));
        } else {
            int per = Math.max(1, TASK_POINTS / columns);
            if (anyPartial && !shared) per = Math.max(per, Math.ceilDiv(rows, PARTIALS_AT_MOST));
            rowsPerTask = per;
            columnsPerTask = columns;
            tasks = Math.max(1, Math.ceilDiv(rows, per));
        }
        this.geometry = new long[(loads + results) * rank];
        for (int o = 0; o < loads + results; o++) {
            boolean isLoad = o < loads;
            int axes = isLoad
                    ? k.loads().get(o).axes()
                    : k.results().get(o - loads).axes();
            long stride = (isLoad
                            ? k.loads().get(o).dtype()
                            : k.results().get(o - loads).dtype())
                    .bytes();
            for (int a = rank - 1; a >= 0; a--) {
                if ((axes >> a & 1) == 0) continue;
                if (a < outer) geometry[o * rank + a] = stride;
                stride *= step.extents().get(a);
            }
        }
        this.partialAt = new long[results];
        long at = 0;
        for (int r = 0; r < results; r++) {
            if (!partial[r]) continue;
            partialAt[r] = at;
            boolean ownRows = outer > 0 && (k.results().get(r).axes() & outerMask) == outerMask
                    || outer == 0 && k.results().get(r).axes() != 0;
            long copies = ownRows ? 1 : tasks;
            long bytes = resultSize[r] * k.results().get(r).dtype().bytes();
            bytes = (bytes + 63) / 64 * 64;
            geometry[(loads + r) * rank + outer] = ownRows ? 0 : bytes;
            at += copies * bytes;
        }
        this.scratchBytes = at;
        this.arguments = step.arguments().stream().mapToDouble(d -> d).toArray();
        this.addresses = new long[loads + results];
        this.targets = new long[results];
        boolean wide = KernelProvider.get().vectorised()
                && step.points() >= cache.vectorPoints
                && FusedGenerator.canVectorise(k)
                && (columns >= 16 || cache.vectorPoints == 0);
        this.kernel = cache.get(step, wide);
    }

    private long size(int axes) {
        long n = 1;
        for (int a = 0; a < step.extents().size(); a++)
            if ((axes >> a & 1) != 0) n *= step.extents().get(a);
        return n;
    }

    /** Memory for partial results. */
    public long scratchBytes() {
        return scratchBytes;
    }

    /**
     * Tells where everything is.
     *
     * @param bufferAddress of each buffer of the plan
     * @param scratch at least {@link #scratchBytes()} at a multiple of 64
     */
    public void bind(long[] bufferAddress, long scratch) {
        Kernel k = step.kernel();
        for (int l = 0; l < k.loads().size(); l++) {
            if (k.loads().get(l).source() == Source.DATA) {
                addresses[l] = bufferAddress[step.inputs().get(l)];
            }
        }
        for (int r = 0; r < targets.length; r++) {
            targets[r] = bufferAddress[step.outputs().get(r)];
            addresses[k.loads().size() + r] = partial[r] ? scratch + partialAt[r] : targets[r];
        }
    }

    /** Runs all tasks and joins their partial results. */
    public void run(WorkerPool pool) {
        for (int r = 0; r < partial.length; r++) if (partial[r]) clear(r);
        pool.run(tasks, this);
        for (int r = 0; r < partial.length; r++) if (partial[r]) join(r);
    }

    @Override
    public void run(int task, int worker) {
        if (extents.length == 0) {
            int from = task * columnsPerTask;
            kernel.run(
                    addresses,
                    arguments,
                    geometry,
                    extents,
                    task,
                    0,
                    1,
                    from,
                    Math.min(columns, from + columnsPerTask));
        } else {
            int from = task * rowsPerTask;
            kernel.run(
                    addresses,
                    arguments,
                    geometry,
                    extents,
                    task,
                    from,
                    Math.min(rows, from + rowsPerTask),
                    0,
                    columns);
        }
    }

    private int copies(int r) {
        return geometry[(step.kernel().loads().size() + r) * step.kernel().rank() + extents.length] == 0 ? 1 : tasks;
    }

    private long copyBytes(int r) {
        return geometry[(step.kernel().loads().size() + r) * step.kernel().rank() + extents.length];
    }

    private void clear(int r) {
        var result = step.kernel().results().get(r);
        if (result.kind() == Kind.STORE) return;
        double empty = result.kind() == Kind.MAX ? Double.NEGATIVE_INFINITY : 0;
        long base = addresses[step.kernel().loads().size() + r];
        for (int c = 0; c < copies(r); c++) {
            long at = base + c * copyBytes(r);
            for (long i = 0; i < resultSize[r]; i++) put(result.dtype(), at, i, empty);
        }
    }

    private void join(int r) {
        var result = step.kernel().results().get(r);
        boolean adds = step.modes().get(r) == Mode.ACCUMULATE;
        long base = addresses[step.kernel().loads().size() + r];
        int copies = copies(r);
        long bytes = copyBytes(r);
        for (long i = 0; i < resultSize[r]; i++) {
            double total = get(result.dtype(), base, i);
            for (int c = 1; c < copies; c++) {
                double next = get(result.dtype(), base + c * bytes, i);
                total = result.kind() == Kind.MAX ? Math.max(total, next) : total + next;
            }
            put(result.dtype(), targets[r], i, adds ? get(result.dtype(), targets[r], i) + total : total);
        }
    }

    private static double get(DType dtype, long base, long i) {
        return dtype == DType.F64
                ? NativeMemory.ALL.get(Tensor.F64, base + 8 * i)
                : NativeMemory.ALL.get(Tensor.F32, base + 4 * i);
    }

    private static void put(DType dtype, long base, long i, double value) {
        if (dtype == DType.F64) NativeMemory.ALL.set(Tensor.F64, base + 8 * i, value);
        else NativeMemory.ALL.set(Tensor.F32, base + 4 * i, (float) value);
    }
}
