package hesse.run;

import hesse.backend.Backend;
import hesse.backend.DataParallel;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.graph.Type;
import hesse.optim.Optimizer;
import hesse.plan.Computation;
import hesse.plan.Computation.Output;
import hesse.plan.PlanCost;
import hesse.plan.Rows;
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
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/** Optimizer steps on a device: plans for each size of batch, made when first needed, and what they need set at each step. */
public final class TrainingStep implements AutoCloseable {
    /** The metrics that every step is asked for. */
    private static final List<String> ALWAYS = List.of("loss", "accuracy");

    private static final List<String> ORDER =
            List.of("loss", "accuracy", "gradient_norm", "update_norm", "update_cosine", "penalty");

    /**
     * How the batch is computed.
     *
     * @param microBatch examples at a time; the whole batch when empty
     * @param statisticsOfParts whether normalising each part by itself is wanted
     * @param ownStatistics whether each of several ranks normalises with statistics of its own examples
     * @param interval the method is applied at every interval-th step, plain descent at the others
     */
    public record Division(OptionalInt microBatch, boolean statisticsOfParts, boolean ownStatistics, int interval) {}

    private record Key(int size, boolean plain) {}

    /** A part of a batch: its examples' buffers, used in turn, and what is run on them. */
    private record Part(int from, int size, List<Examples> examples, Optional<Executable> first, Executable second) {}

    /**
     * The plans for one size of batch; without {@code joined} the only part is the whole step. The exchanges sum over ranks what the
     * parts have summed, after the first and after the second average.
     */
    private record Plans(
            List<Part> parts,
            Optional<Executable> firstExchange,
            Optional<Executable> secondExchange,
            Optional<Executable> joined,
            List<String> metrics,
            Wanted brief,
            Wanted full) {}

    /** What a step is asked for behind it. */
    private record Wanted(List<String> names, List<DeviceBuffer> buffers) {}

    private final Recipe recipe;
    private final Division division;
    private final Type x;
    private final Type y;
    private final Backend backend;
    private final BoundPlans bound;
    private final boolean several;
    private final Map<Key, Plans> plans = new HashMap<>();
    private List<String> sums = List.of();
    private Plans last;
    private Plans counted;
    private double multiplyAdds;
    private Key lastKey;
    private long loads;

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
        this.backend = backend;
        this.bound = new BoundPlans(backend, state);
        var own = backend.rows(x.shape().dim(0));
        this.several = backend instanceof DataParallel;
        int micro = division.microBatch().orElse(own.count());
        if (micro < own.count()) requireDivisible(micro);
        this.lastKey = new Key(x.shape().dim(0), false);
        this.last = plans(lastKey);
        bound.set(StepGraph.FINITE, 1.0);
        this.counted = last;
        this.multiplyAdds = count();
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
                config.normStatistics() == Config.NormStatistics.MICRO,
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

    /**
     * Whether all ranks compute one graph of the whole batch. They do, unless each normalises with statistics of its own examples, or has
     * groups of its own.
     */
    private boolean isTogether(Recipe r, Rows own) {
        if (own.count() == own.of()) return true;
        if (!(r.method() instanceof hesse.sharpness.GroupedSam g)) return !division.ownStatistics();
        if (own.from() % g.m() == 0 && own.count() % g.m() == 0) return false;
        throw new UserException(
                Kind.USAGE,
                "method.m",
                "is " + g.m() + ", and a batch of " + own.of()
                        + " examples divided among the ranks gives this one examples " + own.from() + " to "
                        + (own.from() + own.count() - 1) + ", so that a group would be cut",
                "Choose a batch and a number of ranks that give each a multiple of method.m");
    }

    private Plans compile(Recipe r, int size) {
        var own = backend.rows(size);
        int micro = Math.min(own.count(), division.microBatch().orElse(own.count()));
        if (micro == own.count() && isTogether(r, own)) {
            var computation = asking(StepGraph.whole(r, resized(x, size), resized(y, size)));
            var examples = examples(own.count());
            var whole = bound.compile(computation, examples.getFirst());
            var part = new Part(own.from(), own.count(), examples, Optional.empty(), whole);
            return planned(List.of(part), Optional.empty(), Optional.empty(), Optional.empty(), computation);
        }
        boolean hasFirst = StepGraph.hasFirst(r, resized(x, micro), resized(y, micro));
        var parts = new ArrayList<Part>();
        var bySize = new HashMap<Integer, Part>();
        int end = own.from() + own.count();
        for (int from = own.from(); from < end; from += micro) {
            int n = Math.min(micro, end - from);
            var known = bySize.get(n);
            if (known == null) {
                known = part(r, n, size, hasFirst);
                bySize.put(n, known);
            }
            parts.add(new Part(from, n, known.examples, known.first, known.second));
        }
        Type mx = resized(x, micro);
        Type my = resized(y, micro);
        var joined = asking(StepGraph.joined(r, mx, my, size, hasFirst));
        var join = bound.compile(joined, bound.examples(mx, my));
        boolean divided = own.count() < own.of();
        return planned(
                parts,
                divided && hasFirst ? exchange(name -> name.startsWith(StepGraph.SUM + "first.")) : Optional.empty(),
                divided ? exchange(name -> !name.startsWith(StepGraph.SUM + "first.")) : Optional.empty(),
                Optional.of(join),
                joined);
    }

    private Plans planned(
            List<Part> parts,
            Optional<Executable> firstExchange,
            Optional<Executable> secondExchange,
            Optional<Executable> joined,
            Computation last) {
        var metrics = metrics(last);
        var brief = metrics.stream().filter(ALWAYS::contains).toList();
        return new Plans(parts, firstExchange, secondExchange, joined, metrics, wanted(brief), wanted(metrics));
    }

    private Wanted wanted(List<String> metrics) {
        var names = new ArrayList<>(List.of(StepGraph.FINITE));
        if (several) names.add(StepGraph.ASKED_BY);
        for (var metric : metrics) names.add(StepGraph.METRIC + metric);
        return new Wanted(List.copyOf(names), bound.buffers(names));
    }

    private Computation asking(Computation step) {
        return several ? StepGraph.asking(step, recipe.dtype()) : step;
    }

    private Optional<Executable> exchange(Predicate<String> which) {
        var sums = new TreeMap<String, Type>();
        for (var name : bound.names(StepGraph.SUM)) if (which.test(name)) sums.put(name, bound.type(name));
        return Optional.of(bound.compileShare(StepGraph.exchanged(sums), bound.examples(x, y)));
    }

    private Part part(Recipe r, int n, int size, boolean hasFirst) {
        Type px = resized(x, n);
        Type py = resized(y, n);
        var examples = examples(n);
        Optional<Executable> first = hasFirst
                ? Optional.of(bound.compileShare(StepGraph.first(r, px, py, size), examples.getFirst()))
                : Optional.empty();
        var second = bound.compileShare(StepGraph.second(r, px, py, size, hasFirst), examples.getFirst());
        return new Part(0, n, examples, first, second);
    }

    /** Buffers for n examples: two sets where one can be filled beside a run that reads the other. */
    private List<Examples> examples(int n) {
        int sets = backend.runsAhead() > 0 ? 2 : 1;
        return IntStream.range(0, sets)
                .mapToObj(set -> bound.examples(resized(x, n), resized(y, n), set))
                .toList();
    }

    private static List<String> metrics(Computation c) {
        var names = new ArrayList<String>();
        for (var o : c.outputs()) {
            if (StepGraph.isReported(o.name())) names.add(o.name().substring(StepGraph.METRIC.length()));
        }
        names.sort(java.util.Comparator.comparingInt((String n) -> ORDER.contains(n) ? ORDER.indexOf(n) : ORDER.size())
                .thenComparing(n -> n));
        return names;
    }

    /**
     * Runs optimizer step t, and waits for it.
     *
     * @param x the batch's inputs
     * @param y the batch's targets
     * @param scalars learning rate, strengths and the like, by the names of their inputs
     * @return whether loss and update were finite; if not, the state is as it was
     */
    boolean run(long seed, long t, Tensor x, Tensor y, Map<String, Double> scalars) {
        boolean finite = begin(seed, t, x, y, scalars, false).finite();
        if (!finite) bound.set(StepGraph.FINITE, 1.0);
        return finite;
    }

    /**
     * As {@link #run}, without waiting. Once a step was not finite, those begun behind it leave the state as it was too.
     *
     * @param all whether all metrics are wanted, else loss and accuracy
     */
    StepResults begin(long seed, long t, Tensor x, Tensor y, Map<String, Double> scalars, boolean all) {
        int size = x.shape().dim(0);
        var key = key(size, t);
        if (!lastKey.equals(key)) {
            lastKey = key;
            last = plans(key);
        }
        set(seed, t, scalars);
        var parts = last.parts;
        if (last.joined.isEmpty()) {
            var part = parts.getFirst();
            give(part, part.second, x, y);
            part.second.run();
        } else {
            for (var name : sums) bound.clear(name);
            if (parts.getFirst().first.isPresent()) {
                for (var p : parts) load(p, p.first.orElseThrow(), x, y).run();
            }
            last.firstExchange.ifPresent(Executable::run);
            for (var p : parts) load(p, p.second, x, y).run();
            last.secondExchange.ifPresent(Executable::run);
            last.joined.get().run();
        }
        var wanted = all ? last.full : last.brief;
        return new StepResults(wanted.names, backend.later(wanted.buffers));
    }

    private Key key(int size, long t) {
        return new Key(size, t % division.interval() != 0);
    }

    private void set(long seed, long t, Map<String, Double> scalars) {
        scalars.forEach(bound::set);
        bound.set(hesse.nn.Forward.SEED, seed);
        bound.set(hesse.nn.Forward.STEP, t);
        bound.set(hesse.nn.Forward.FIRST_EXAMPLE, 0L);
    }

    /** Copies a part's examples to the buffers that the last run does not read, where there are such. */
    private void give(Part p, Executable to, Tensor x, Tensor y) {
        var into = p.examples.get((int) (loads++ % p.examples.size()));
        into.x().write(Slices.rows(x, p.from, p.size));
        into.y().write(Slices.rows(y, p.from, p.size));
        if (p.examples.size() > 1) bound.feed(to, into);
    }

    private Executable load(Part p, Executable to, Tensor x, Tensor y) {
        give(p, to, x, y);
        bound.set(StepGraph.WEIGHT, p.size / (double) x.shape().dim(0));
        bound.set(hesse.nn.Forward.FIRST_EXAMPLE, (long) p.from);
        return to;
    }

    /** What a step of the last size runs, in order; one computation more than once where parts of the batch have the same size. */
    List<Executable> program() {
        var all = new ArrayList<Executable>();
        for (var p : last.parts) p.first.ifPresent(all::add);
        last.firstExchange.ifPresent(all::add);
        for (var p : last.parts) all.add(p.second);
        last.secondExchange.ifPresent(all::add);
        last.joined.ifPresent(all::add);
        return all;
    }

    /** Multiply-adds of the last step's contractions on this process, recomputed ones included. */
    double multiplyAdds() {
        if (counted != last) {
            counted = last;
            multiplyAdds = count();
        }
        return multiplyAdds;
    }

    private double count() {
        return program().stream()
                .mapToDouble(e -> PlanCost.multiplyAdds(e.plan()))
                .sum();
    }

    /** Tells the other ranks, in the steps to come, that this process was asked to stop. */
    void ask() {
        if (several) bound.set(StepGraph.ASKED, 1.0);
    }

    /** Bytes of what the steps hold beside the state: batch, scalars, sums, and the slabs of the plans. */
    long bytes() {
        return bound.bytes();
    }

    /** The last step's metrics, in the order in which they are reported. */
    Map<String, Double> metrics() {
        var all = new LinkedHashMap<String, Double>();
        for (var name : last.metrics) all.put(name, bound.scalar(StepGraph.METRIC + name));
        return all;
    }

    /** The first place whose values were not finite in a step, which is run once more from the unchanged state. */
    String blame(long seed, long t, Tensor x, Tensor y, Map<String, Double> scalars) {
        int size = x.shape().dim(0);
        var key = key(size, t);
        set(seed, t, scalars);
        var own = backend.rows(size);
        int micro = Math.min(own.count(), division.microBatch().orElse(own.count()));
        var r = recipe(key.plain);
        boolean together = plans(key).joined.isEmpty();
        for (int from = own.from(); from < own.from() + own.count(); from += micro) {
            int n = Math.min(micro, own.from() + own.count() - from);
            var outputs = new ArrayList<Output>();
            int seen = together ? size : n;
            var names = StepGraph.suspects(r, resized(this.x, seen), resized(this.y, seen), outputs);
            var examples = bound.examples(resized(this.x, n), resized(this.y, n));
            var suspects = new Computation(outputs);
            try (var executable =
                    together ? bound.compile(suspects, examples) : bound.compileShare(suspects, examples)) {
                load(new Part(from, n, List.of(examples), Optional.empty(), executable), executable, x, y)
                        .run();
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
