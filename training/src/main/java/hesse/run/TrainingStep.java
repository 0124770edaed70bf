package hesse.run;

import hesse.backend.Backend;
import hesse.backend.Executable;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.graph.Type;
import hesse.optim.Optimizer;
import hesse.plan.Computation;
import hesse.plan.Computation.Output;
import hesse.run.BoundPlans.Examples;
import hesse.run.StepGraph.Recipe;
import hesse.sharpness.Method;
import hesse.sharpness.MethodConfig;
import hesse.sharpness.Sgd;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Optimizer steps on a device: plans for each size of batch, made when first needed, and what they need set at each step. */
public final class TrainingStep implements AutoCloseable {
    private static final List<String> ORDER =
            List.of("loss", "accuracy", "gradient_norm", "update_norm", "update_cosine", "penalty");

    /**
     * How the batch is computed.
     *
     * @param microBatch examples at a time; the whole batch when empty
     * @param statisticsOfParts whether normalising each part by itself is wanted
     * @param interval the method is applied at every interval-th step, plain descent at the others
     */
    public record Division(OptionalInt microBatch, boolean statisticsOfParts, int interval) {}

    private record Key(int size, boolean plain) {}

    /** A part of a batch: its examples' types, buffers, and what is run on them. */
    private record Part(int from, int size, Examples examples, Optional<Executable> first, Executable second) {}

    /** The plans for one size of batch; without {@code joined} the only part is the whole step. */
    private record Plans(List<Part> parts, Optional<Executable> joined, List<String> metrics) {}

    private final Recipe recipe;
    private final Division division;
    private final Type x;
    private final Type y;
    private final BoundPlans bound;
    private final Map<Key, Plans> plans = new HashMap<>();
    private List<String> sums = List.of();
    private Plans last;
    private Key lastKey;
    private long lastStep;

    /**
     * @param x type of a full batch's inputs
     * @param y type of a full batch's targets
     * @throws UserException (usage) if the batch cannot be divided as asked
     */
    TrainingStep(Backend backend, TrainingState state, Recipe recipe, Division division, Type x, Type y) {
        this.recipe = recipe;
        this.division = division;
        this.x = x;
        this.y = y;
        this.bound = new BoundPlans(backend, state);
        int micro = division.microBatch().orElse(x.shape().dim(0));
        if (micro < x.shape().dim(0)) requireDivisible(micro);
        this.lastKey = new Key(x.shape().dim(0), false);
        this.last = plans(lastKey);
    }

    /**
     * The steps of a configuration.
     *
     * @param x type of a full batch's inputs
     * @param y type of a full batch's targets
     */
    static TrainingStep of(RunContext context, TrainingState state, Type x, Type y) {
        var config = context.config();
        var recipe = new Recipe(
                context.model().model(),
                config.loss().function(context.model()),
                context.floating(),
                Method.of(config.method()),
                config.normStatistics().inFurtherPasses(),
                Optimizer.of(config.optimizer()));
        var micro = config.train().microBatch();
        var division = new Division(
                micro.isPresent() ? OptionalInt.of(micro.get()) : OptionalInt.empty(),
                config.normStatistics() != Config.NormStatistics.BATCH,
                config.method() instanceof MethodConfig.Sam sam ? sam.interval() : 1);
        return new TrainingStep(context.backend(), state, recipe, division, x, y);
    }

    private void requireDivisible(int micro) {
        if (!division.statisticsOfParts() && StepGraph.usesBatchStatistics(recipe, x, y)) {
            throw new UserException(
                    Kind.USAGE,
                    "train.micro_batch",
                    "the model normalises with statistics of the whole batch, which no part of it knows, so that"
                            + " computing the batch in parts of " + micro + " cannot give the whole batch's update",
                    "Leave train.micro_batch out, choose another norm, or accept statistics of each part with"
                            + " method.norm_statistics=micro (or frozen)");
        }
        if (recipe.method() instanceof hesse.sharpness.GroupedSam g && micro % g.m() != 0) {
            throw new UserException(
                    Kind.USAGE,
                    "train.micro_batch",
                    "is " + micro + ", no multiple of method.m = " + g.m() + ", so that groups would be cut",
                    "Choose a multiple of " + g.m());
        }
    }

    private static Type resized(Type t, int n) {
        return new Type(t.dtype(), t.shape().with(0, n));
    }

    private Recipe recipe(boolean plain) {
        return plain
                ? new Recipe(
                        recipe.model(),
                        recipe.loss(),
                        recipe.dtype(),
                        new Sgd(),
                        recipe.statistics(),
                        recipe.optimizer())
                : recipe;
    }

    private Plans plans(Key key) {
        var known = plans.get(key);
        if (known != null) return known;
        var made = compile(recipe(key.plain), key.size);
        plans.put(key, made);
        sums = bound.names(StepGraph.SUM);
        return made;
    }

    private Plans compile(Recipe r, int size) {
        int micro = Math.min(size, division.microBatch().orElse(size));
        if (micro == size) {
            var computation = StepGraph.whole(r, resized(x, size), resized(y, size));
            var examples = bound.examples(resized(x, size), resized(y, size));
            var part = new Part(0, size, examples, Optional.empty(), bound.compile(computation, examples));
            return new Plans(List.of(part), Optional.empty(), metrics(computation));
        }
        boolean hasFirst = StepGraph.hasFirst(r, resized(x, micro), resized(y, micro));
        var parts = new ArrayList<Part>();
        var bySize = new HashMap<Integer, Part>();
        for (int from = 0; from < size; from += micro) {
            int n = Math.min(micro, size - from);
            var known = bySize.get(n);
            if (known == null) {
                known = part(r, n, size, hasFirst);
                bySize.put(n, known);
            }
            parts.add(new Part(from, n, known.examples, known.first, known.second));
        }
        Type mx = resized(x, micro);
        Type my = resized(y, micro);
        var joined = StepGraph.joined(r, mx, my, size, hasFirst);
        return new Plans(parts, Optional.of(bound.compile(joined, bound.examples(mx, my))), metrics(joined));
    }

    private Part part(Recipe r, int n, int size, boolean hasFirst) {
        Type px = resized(x, n);
        Type py = resized(y, n);
        var examples = bound.examples(px, py);
        Optional<Executable> first =
                hasFirst ? Optional.of(bound.compile(StepGraph.first(r, px, py, size), examples)) : Optional.empty();
        return new Part(0, n, examples, first, bound.compile(StepGraph.second(r, px, py, size, hasFirst), examples));
    }

    private static List<String> metrics(Computation c) {
        var names = new ArrayList<String>();
        for (var o : c.outputs()) {
            if (o.name().startsWith(StepGraph.METRIC) && !o.name().equals(StepGraph.FINITE))
                names.add(o.name().substring(StepGraph.METRIC.length()));
        }
        names.sort(java.util.Comparator.comparingInt((String n) -> ORDER.contains(n) ? ORDER.indexOf(n) : ORDER.size())
                .thenComparing(n -> n));
        return names;
    }

    /**
     * Runs optimizer step t.
     *
     * @param x the batch's inputs
     * @param y the batch's targets
     * @param scalars learning rate, strengths and the like, by the names of their inputs
     * @return whether loss and update were finite; if not, the state is as it was
     */
    boolean run(long seed, long t, Tensor x, Tensor y, Map<String, Double> scalars) {
        int size = x.shape().dim(0);
        boolean plain = t % division.interval() != 0;
        if (lastKey.size != size || lastKey.plain != plain) {
            lastKey = new Key(size, plain);
            last = plans(lastKey);
        }
        lastStep = t;
        scalars.forEach(bound::set);
        bound.set(hesse.nn.Forward.SEED, seed);
        bound.set(hesse.nn.Forward.STEP, t);
        bound.set(hesse.nn.Forward.FIRST_EXAMPLE, 0L);
        var parts = last.parts;
        if (last.joined.isEmpty()) {
            var part = parts.getFirst();
            part.examples.x().write(x);
            part.examples.y().write(y);
            part.second.run();
        } else {
            for (var name : sums) bound.clear(name);
            if (parts.getFirst().first.isPresent()) {
                for (var p : parts) load(p, x, y, size).first.orElseThrow().run();
            }
            for (var p : parts) load(p, x, y, size).second.run();
            last.joined.get().run();
        }
        return bound.scalar(StepGraph.FINITE) != 0;
    }

    private Part load(Part p, Tensor x, Tensor y, int size) {
        p.examples.x().write(Slices.rows(x, p.from, p.size));
        p.examples.y().write(Slices.rows(y, p.from, p.size));
        bound.set(StepGraph.WEIGHT, p.size / (double) size);
        bound.set(hesse.nn.Forward.FIRST_EXAMPLE, (long) p.from);
        return p;
    }

    /** What a step of the last size runs, in order; one computation more than once where parts of the batch have the same size. */
    List<Executable> program() {
        var all = new ArrayList<Executable>();
        for (var p : last.parts) p.first.ifPresent(all::add);
        for (var p : last.parts) all.add(p.second);
        last.joined.ifPresent(all::add);
        return all;
    }

    /** Bytes of what the steps hold beside the state: batch, scalars, sums, and the slabs of the plans. */
    long bytes() {
        return bound.bytes();
    }

    /** The last step's loss. */
    double loss() {
        return bound.scalar(StepGraph.METRIC + "loss");
    }

    /** The last step's accuracy; NaN where there is none. */
    double accuracy() {
        return bound.has(StepGraph.METRIC + "accuracy") ? bound.scalar(StepGraph.METRIC + "accuracy") : Double.NaN;
    }

    /** The last step's metrics, in the order in which they are reported. */
    Map<String, Double> metrics() {
        var all = new LinkedHashMap<String, Double>();
        for (var name : last.metrics) all.put(name, bound.scalar(StepGraph.METRIC + name));
        return all;
    }

    /** The first place whose values were not finite in the last step, which is run once more from the unchanged state. */
    String blame(Tensor x, Tensor y) {
        int size = x.shape().dim(0);
        int micro = Math.min(size, division.microBatch().orElse(size));
        var r = recipe(lastStep % division.interval() != 0);
        for (int from = 0; from < size; from += micro) {
            int n = Math.min(micro, size - from);
            var outputs = new ArrayList<Output>();
            var names = StepGraph.suspects(r, resized(this.x, n), resized(this.y, n), outputs);
            var examples = bound.examples(resized(this.x, n), resized(this.y, n));
            try (var executable = bound.compile(new Computation(outputs), examples)) {
                var part = new Part(from, n, examples, Optional.empty(), executable);
                load(part, x, y, size);
                executable.run();
                for (var e : names.entrySet()) if (bound.scalar(e.getKey()) != 0) return e.getValue();
            }
        }
        return "the joined update";
    }

    @Override
    public void close() {
        bound.close();
    }
}
