package hesse.run;

import hesse.backend.DataParallel;
import hesse.graph.AllReduce;
import hesse.graph.Compare;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Type;
import hesse.nn.Forward;
import hesse.nn.Loss;
import hesse.nn.Model;
import hesse.nn.NormStatistics;
import hesse.optim.Optimizer;
import hesse.plan.Computation;
import hesse.plan.Computation.Mode;
import hesse.plan.Computation.Output;
import hesse.sharpness.Method;
import hesse.sharpness.Objective;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * One optimizer step as computations. A batch computed at once is one computation: passes, method, optimizer, running statistics and
 * metrics. A batch in parts is three: averages of the first and of the second kind accumulate over the parts, then one computation
 * without examples joins them. New values take the old ones' places only if loss and update are finite.
 */
final class StepGraph {
    /** Prefix of the outputs that hold metrics. */
    static final String METRIC = "metric/";
    /** Prefix of what is summed over the parts of a batch. */
    static final String SUM = "sum/";
    /** Scalar input: the share of the batch that a part is. */
    static final String WEIGHT = "weight";

    /**
     * Scalar, in and out: whether loss and update of this step and of all before it were finite. So a step that is begun before the one
     * before it is known to have failed changes nothing either.
     */
    static final String FINITE = METRIC + "finite";
    /** Scalar input of several ranks: not zero on one that was asked to stop. */
    static final String ASKED = DataParallel.PARTIAL + "asked";
    /** How many were. */
    static final String ASKED_BY = METRIC + "asked";

    /** What a step is made of, whatever the size of its batch. */
    record Recipe(Model model, Loss loss, DType dtype, Method method, NormStatistics statistics, Optimizer optimizer) {}

    private final Recipe recipe;
    private final Graph graph = new Graph();
    private final Objective objective;
    private final List<Output> outputs = new ArrayList<>();

    /**
     * @param x type of the inputs
     * @param y type of the targets
     * @param wholeBatch examples in the whole batch
     */
    private StepGraph(Recipe recipe, Type x, Type y, int wholeBatch) {
        this.recipe = recipe;
        this.objective = new Objective(
                recipe.model(),
                recipe.loss(),
                recipe.dtype(),
                graph.input("x", x.dtype(), x.shape()),
                graph.input("y", y.dtype(), y.shape()),
                Objective.Passes.training(recipe.statistics(), wholeBatch));
    }

    /** The whole step. */
    static Computation whole(Recipe recipe, Type x, Type y) {
        var s = new StepGraph(recipe, x, y, x.shape().dim(0));
        var o = s.objective;
        var first = recipe.method().first(o);
        var second = recipe.method().second(o, first);
        s.finish(first, second, o.curvature().loss(), o.accuracy(), o.forward().bufferUpdates());
        return new Computation(s.outputs);
    }

    /** Whether the batch is averaged twice, the second time depending on the first. */
    static boolean hasFirst(Recipe recipe, Type x, Type y) {
        return !recipe.method()
                .first(new StepGraph(recipe, x, y, x.shape().dim(0)).objective)
                .isEmpty();
    }

    /** Whether the model normalises with statistics of the batch. */
    static boolean usesBatchStatistics(Recipe recipe, Type x, Type y) {
        return !new StepGraph(recipe, x, y, x.shape().dim(0))
                .objective
                .forward()
                .bufferUpdates()
                .isEmpty();
    }

    /** Adds a part's share of the first average, and of what the pass at θ gives beside it. */
    static Computation first(Recipe recipe, Type x, Type y, int wholeBatch) {
        var s = new StepGraph(recipe, x, y, wholeBatch);
        s.accumulate("first.", recipe.method().first(s.objective));
        s.accumulatePass();
        return new Computation(s.outputs);
    }

    /** Adds a part's share of the second average, and, where there is no first, of what the pass at θ gives beside it. */
    static Computation second(Recipe recipe, Type x, Type y, int wholeBatch, boolean hasFirst) {
        var s = new StepGraph(recipe, x, y, wholeBatch);
        var first = hasFirst ? s.summed("first.") : List.<Node>of();
        s.accumulate("second.", recipe.method().second(s.objective, first));
        if (!hasFirst) s.accumulatePass();
        return new Computation(s.outputs);
    }

    /** Loss, accuracy and running statistics. */
    private void accumulatePass() {
        accumulate("loss", objective.curvature().loss());
        objective.accuracy().ifPresent(a -> accumulate("accuracy", a));
        objective.forward().bufferUpdates().forEach((name, value) -> {
            if (value.dtype().isFloat()) accumulate("buffer." + name, value);
        });
    }

    /** Joins the sums to a step. */
    static Computation joined(Recipe recipe, Type x, Type y, int wholeBatch, boolean hasFirst) {
        var s = new StepGraph(recipe, x, y, wholeBatch);
        var o = s.objective;
        var first = hasFirst ? s.summed("first.") : List.<Node>of();
        var buffers = new LinkedHashMap<String, Node>();
        // counts advance once a step; the parts' statistics are averaged
        o.forward()
                .bufferUpdates()
                .forEach((name, value) ->
                        buffers.put(name, value.dtype().isFloat() ? s.summed("buffer." + name, value.type()) : value));
        var scalar = new Type(recipe.dtype(), Shape.SCALAR);
        s.finish(
                first,
                s.summed("second."),
                s.summed("loss", scalar),
                o.accuracy().map(a -> s.summed("accuracy", scalar)),
                buffers);
        s.outputs.removeIf(out -> out.name().startsWith(METRIC) && dependsOnExamples(out));
        return new Computation(s.outputs);
    }

    /** Also counts the ranks that were asked to stop, so that all stop after the same step. */
    static Computation asking(Computation step, DType dtype) {
        var outputs = new ArrayList<>(step.outputs());
        outputs.add(write(ASKED_BY, step.graph().input(ASKED, dtype, Shape.SCALAR)));
        return new Computation(outputs);
    }

    /** Sums of parts become those over all ranks. */
    static Computation exchanged(Map<String, Type> sums) {
        var graph = new Graph();
        var outputs = new ArrayList<Output>();
        sums.forEach((name, type) -> outputs.add(write(
                name, graph.apply(new AllReduce(1, outputs.size()), graph.input(name, type.dtype(), type.shape())))));
        return new Computation(outputs);
    }

    /** Whether an output is a metric that is reported. */
    static boolean isReported(String output) {
        return output.startsWith(METRIC) && !output.equals(FINITE) && !output.equals(ASKED_BY);
    }

    private static boolean dependsOnExamples(Output out) {
        var inputs = new Computation(List.of(out)).inputs();
        return inputs.containsKey("x") || inputs.containsKey("y");
    }

    private Node summed(String name, Type type) {
        return graph.input(SUM + name, type.dtype(), type.shape());
    }

    private List<Node> summed(String prefix) {
        var nodes = new ArrayList<Node>();
        for (int i = 0; i < objective.names().size(); i++) {
            nodes.add(summed(
                    prefix + objective.names().get(i),
                    objective.parameters().get(i).type()));
        }
        return nodes;
    }

    private void accumulate(String prefix, List<Node> values) {
        for (int i = 0; i < values.size(); i++)
            accumulate(prefix + objective.names().get(i), values.get(i));
    }

    private void accumulate(String name, Node value) {
        Node weight = graph.input(WEIGHT, recipe.dtype(), Shape.SCALAR);
        outputs.add(new Output(SUM + name, Ops.mul(weight, value), Mode.ACCUMULATE));
    }

    private void finish(
            List<Node> first, List<Node> second, Node loss, Optional<Node> accuracy, Map<String, Node> buffers) {
        var method = recipe.method();
        var o = objective;
        var update = method.update(o, first, second);
        Node norm = Ops.norm(update);
        Node before = graph.input(FINITE, recipe.dtype(), Shape.SCALAR);
        Node finite = Ops.and(
                Ops.compare(Compare.Relation.NE, before, graph.constant(0, before.type())),
                Ops.and(Ops.isFinite(loss), Ops.isFinite(Ops.dot(update, update))));

        var updated = recipe.optimizer().apply(o.names(), o.parameters(), update, norm);
        for (int i = 0; i < update.size(); i++) {
            guard(
                    finite,
                    o.names().get(i),
                    updated.parameters().get(i),
                    o.parameters().get(i));
        }
        updated.state()
                .forEach((name, value) -> guard(finite, name, value, graph.input(name, value.dtype(), value.shape())));
        buffers.forEach((name, value) -> guard(finite, name, value, graph.input(name, value.dtype(), value.shape())));

        outputs.add(write(FINITE, Ops.cast(recipe.dtype(), finite)));
        metric("loss", loss);
        accuracy.ifPresent(a -> metric("accuracy", a));
        var gradient = gradient(first, second);
        gradient.ifPresent(g -> {
            Node length = Ops.norm(g);
            metric("gradient_norm", length);
            metric("update_cosine", Ops.mul(Ops.dot(g, update), Method.inverseOrZero(Ops.mul(length, norm))));
        });
        metric("update_norm", norm);
        new TreeMap<>(method.diagnostics(o, first, second)).forEach(this::metric);
    }

    /** The batch loss's gradient, where the method makes it anyway. */
    private Optional<List<Node>> gradient(List<Node> first, List<Node> second) {
        if (!first.isEmpty()) return recipe.method().firstIsGradient() ? Optional.of(first) : Optional.empty();
        return recipe.method() instanceof hesse.sharpness.Sgd ? Optional.of(second) : Optional.empty();
    }

    private void guard(Node finite, String name, Node value, Node old) {
        outputs.add(write(name, Ops.select(finite, value, old)));
    }

    private void metric(String name, Node value) {
        outputs.add(write(METRIC + name, value));
    }

    private static Output write(String name, Node node) {
        return new Output(name, node, Mode.WRITE);
    }

    /**
     * Counts what is not finite, place by place in the order of computation: inputs, parameters, each layer's output, loss, update. The
     * keys are the outputs' names, the values say what they are.
     */
    static Map<String, String> suspects(Recipe recipe, Type x, Type y, List<Output> into) {
        var s = new StepGraph(recipe, x, y, x.shape().dim(0));
        var o = s.objective;
        var found = new LinkedHashMap<String, Node>();
        Node input = s.graph.input("x", x.dtype(), x.shape());
        if (x.dtype().isFloat()) found.put("the batch's inputs", input);
        for (int i = 0; i < o.names().size(); i++)
            found.put("parameter " + o.names().get(i), o.parameters().get(i));
        for (Node n : List.copyOf(s.graph.nodes())) {
            boolean given = n.op() instanceof hesse.graph.Input || n.op() instanceof hesse.graph.Constant;
            // a layer's last value is its output
            if (!given && n.dtype().isFloat() && !n.path().isEmpty()) found.put("layer " + n.path(), n);
        }
        found.put("the loss", o.curvature().loss());
        var update = recipe.method().update(o);
        for (int i = 0; i < update.size(); i++)
            found.put("the update of " + o.names().get(i), update.get(i));
        var names = new LinkedHashMap<String, String>();
        found.forEach((what, node) -> {
            Node zero = s.graph.zeros(node.type());
            Node one = s.graph.constant(1, node.type());
            String name = METRIC + "suspect." + names.size();
            into.add(write(name, Ops.sumAll(Ops.select(Ops.isFinite(node), zero, one))));
            names.put(name, what);
        });
        return names;
    }

    /** Inputs of the computation that are summed over parts and have to begin at zero. */
    static boolean isSum(String name) {
        return name.startsWith(SUM);
    }

    /** The scalars that random draws are keyed by. */
    static final List<String> KEYS = List.of(Forward.SEED, Forward.STEP, Forward.FIRST_EXAMPLE);
}
