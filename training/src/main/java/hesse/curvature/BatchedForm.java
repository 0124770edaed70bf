package hesse.curvature;

import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.curvature.BatchSource.Batch;
import hesse.curvature.Problem.Pass;
import hesse.graph.Node;
import hesse.graph.Type;
import hesse.nn.Forward;
import hesse.plan.Computation;
import hesse.plan.Cut;
import hesse.plan.Plan.Place;
import hesse.plan.PlanCost;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A computation on a batch and some varying inputs, compiled once for each shape of batch and run batch by batch. What depends on weights
 * and batch only is computed once and kept between runs: always for the batch that ran last, for all of them where memory allows.
 */
final class BatchedForm implements AutoCloseable {
    /** Builds the outputs. */
    interface Builder {
        Map<String, Node> build(Pass pass);
    }

    /** What happens between runs. */
    interface Exchange {
        /** Writes varying inputs for run {@code j} on a batch that begins with example {@code first}. */
        void before(int first, int j, Map<String, DeviceBuffer> varying);

        /** Reads outputs; {@code share} is the batch's part of all examples. */
        void after(int first, int j, double share, Map<String, DeviceBuffer> outputs);
    }

    /** What stays on the device of one batch: its examples and its primal pass. */
    private static final class Resident {
        final Map<String, DeviceBuffer> buffers = new HashMap<>();
        int batch = -1;
        boolean stale;
        long version = -1;
    }

    /** Everything for batches of one shape. */
    private final class Part {
        final Optional<Executable> fixed;
        final Executable varying;
        final Map<String, DeviceBuffer> inputs = new LinkedHashMap<>();
        final Map<String, DeviceBuffer> outputs = new LinkedHashMap<>();
        final Map<String, Type> resident = new LinkedHashMap<>();
        final List<Resident> residents = new ArrayList<>();

        @Nullable
        Resident bound;

        final int examples;

        Part(Batch batch) {
            this.examples = batch.size();
            var pass = problem.pass(batch);
            var whole = problem.backend().share(Computation.of(builder.build(pass)));
            resident.put("x", pass.x().type());
            resident.put("y", pass.y().type());
            resident.put(Forward.FIRST_EXAMPLE, new Type(DType.I64, Shape.SCALAR));
            if (!keepPrimal || whole.inputs().keySet().stream().noneMatch(varyingInputs::contains)) {
                fixed = Optional.empty();
                varying = problem.backend().compileShare(whole);
            } else {
                var cut = Cut.by(whole, varyingInputs);
                fixed = cut.fixed().map(problem.backend()::compileShare);
                varying = problem.backend().compileShare(cut.varying());
                cut.fixed().ifPresent(c -> {
                    for (var o : c.outputs()) {
                        if (cut.crossing().contains(o.name()))
                            resident.put(o.name(), o.node().type());
                    }
                });
            }
            fixed.ifPresent(this::bind);
            bind(varying);
        }

        /** Bytes of one batch's residents. */
        long bytes() {
            return resident.values().stream()
                    .mapToLong(t -> t.shape().size() * t.dtype().bytes())
                    .sum();
        }

        private void bind(Executable e) {
            for (var b : e.plan().buffers()) {
                if (b.place() == Place.SLAB || resident.containsKey(b.name())) continue;
                DeviceBuffer buffer;
                if (b.place() == Place.OUTPUT) {
                    buffer = outputs.computeIfAbsent(
                            b.name(), k -> problem.backend().allocate(b.dtype(), b.shape()));
                } else if (varyingInputs.contains(b.name())) {
                    buffer = inputs.computeIfAbsent(
                            b.name(), k -> problem.backend().allocate(b.dtype(), b.shape()));
                } else {
                    var given = problem.buffers().get(b.name());
                    if (given == null) {
                        throw new IllegalArgumentException(
                                "no value is given for " + b.name() + ", which the network reads in mode "
                                        + problem.options().mode());
                    }
                    buffer = given;
                }
                e.bind(b.name(), buffer);
            }
        }

        double fixedWork() {
            return fixed.map(e -> PlanCost.multiplyAdds(e.plan())).orElse(0.0);
        }

        double varyingWork() {
            return PlanCost.multiplyAdds(varying.plan());
        }

        /** Makes a batch the present one; computes its primal pass unless it was kept. */
        void settle(int index, int first, @Nullable Batch known) {
            var r = residentOf(index);
            if (bound != r) {
                fixed.ifPresent(e -> bindResident(e, r));
                bindResident(varying, r);
                bound = r;
            }
            if (r.batch != index || r.stale) {
                var batch = known != null ? known : problem.data().batch(index);
                buffer(r, "x").write(batch.x());
                buffer(r, "y").write(batch.y());
                buffer(r, Forward.FIRST_EXAMPLE).write(Tensor.of(DType.I64, Shape.SCALAR, first));
                r.batch = index;
                r.stale = false;
                r.version = -1;
            }
            if (r.version != problem.version()) {
                fixed.ifPresent(Executable::run);
                work += fixedWork();
                r.version = problem.version();
            }
        }

        private Resident residentOf(int index) {
            for (var r : residents) if (r.batch == index) return r;
            // batches come in order, so the last place is the one that is taken anew for those that have none
            if (!residents.isEmpty() && kept >= keeps) return residents.getLast();
            kept++;
            var made = new Resident();
            residents.add(made);
            return made;
        }

        private DeviceBuffer buffer(Resident r, String name) {
            return r.buffers.computeIfAbsent(name, k -> {
                Type t = java.util.Objects.requireNonNull(resident.get(name));
                return problem.backend().allocate(t.dtype(), t.shape());
            });
        }

        private void bindResident(Executable e, Resident r) {
            for (var b : e.plan().buffers()) {
                if (b.place() != Place.SLAB && resident.containsKey(b.name())) e.bind(b.name(), buffer(r, b.name()));
            }
        }

        void close() {
            fixed.ifPresent(Executable::close);
            varying.close();
            inputs.values().forEach(DeviceBuffer::close);
            outputs.values().forEach(DeviceBuffer::close);
            for (var r : residents) r.buffers.values().forEach(DeviceBuffer::close);
        }
    }

    private final Problem problem;
    private final Builder builder;
    private final Set<String> varyingInputs;
    private final boolean keepPrimal;
    private final Map<List<Type>, Part> parts = new LinkedHashMap<>();
    /** Which part a batch belongs to, and its first example; known after the first time. */
    private final Map<Integer, Part> partOf = new HashMap<>();

    private long seen;
    /** How many batches' primal passes may stay, and how many places there are for them. */
    private final long keeps;

    private long kept;
    private double work;

    /**
     * @param varyingInputs names of inputs that are written before each run
     * @param keepPrimal whether what does not depend on them is kept; else everything is computed in each run, storing nothing
     */
    BatchedForm(Problem problem, Set<String> varyingInputs, boolean keepPrimal, Builder builder) {
        this.problem = problem;
        this.builder = builder;
        this.varyingInputs = varyingInputs;
        this.keepPrimal = keepPrimal;
        this.seen = problem.dataVersion();
        var part = part(0, problem.data().batch(0));
        // parts of ranks may be unequal, and primal passes are computed by all of them or by none
        this.keeps = problem.backend().least(Math.max(1, problem.options().keepBytes() / Math.max(1, part.bytes())));
    }

    private Part part(int index, Batch batch) {
        var key = List.of(
                new Type(batch.x().dtype(), batch.x().shape()),
                new Type(batch.y().dtype(), batch.y().shape()));
        var part = parts.get(key);
        if (part == null) {
            part = new Part(batch);
            parts.put(key, part);
        }
        partOf.put(index, part);
        return part;
    }

    /** Runs {@code times} times on each batch. */
    void run(int times, Exchange exchange) {
        if (seen != problem.dataVersion()) {
            forget();
            partOf.clear();
            seen = problem.dataVersion();
        }
        int first = 0;
        for (int b = 0; b < problem.data().count(); b++) {
            var part = partOf.get(b);
            @Nullable Batch known = null;
            if (part == null) {
                known = problem.data().batch(b);
                part = part(b, known);
            }
            part.settle(b, first, known);
            int n = part.examples;
            for (int j = 0; j < times; j++) {
                exchange.before(first, j, part.inputs);
                part.varying.run();
                work += part.varyingWork();
                exchange.after(first, j, n / (double) problem.data().examples(), part.outputs);
            }
            first += n;
        }
    }

    /** Multiply-adds of the contractions that were executed so far. */
    double work() {
        return work;
    }

    /**
     * Multiply-adds of {@code runs} runs on all examples, one after another, known before any: the primal pass once where it is kept for
     * all batches, else with each run.
     */
    double workOf(long runs) {
        var part = parts.values().iterator().next();
        double share = problem.data().examples() / (double) part.examples;
        boolean all = problem.data().count() <= keeps;
        return share * (runs * part.varyingWork() + (all ? 1 : runs) * part.fixedWork());
    }

    /** Forgets examples and primal passes: the next run reads and computes them again. */
    void forget() {
        for (var part : parts.values()) for (var r : part.residents) r.stale = true;
    }

    @Override
    public void close() {
        parts.values().forEach(Part::close);
    }
}
