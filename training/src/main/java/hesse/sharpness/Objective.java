package hesse.sharpness;

import hesse.autodiff.Curvature;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Random;
import hesse.graph.Type;
import hesse.nn.Forward;
import hesse.nn.Loss;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.nn.NormStatistics;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The loss of a model on a batch as methods see it: the pass at the parameters themselves, further passes at other values, and
 * the draws a method needs. All on one graph, so that whatever passes share is computed once.
 */
public final class Objective {
    private final Model model;
    private final Loss loss;
    private final Node x;
    private final Node y;
    private final Forward first;
    private final Curvature curvature;
    private final NormStatistics statistics;
    private final Predicate<String> given;
    private final int wholeBatch;
    private final Map<String, Node> drawn = new LinkedHashMap<>();

    /**
     * How passes are made.
     *
     * @param dropout whether dropout is on
     * @param statistics what normalisation uses in further passes
     * @param given whether a probe tensor {@code probe.<k>.<parameter>} or {@code y_sampled} is an input of that name; others are
     *     drawn, keyed by seed and step
     * @param wholeBatch examples of the batch that these are a part of; 0 if they are all of it
     */
    public record Passes(
            Mode mode, boolean dropout, NormStatistics statistics, Predicate<String> given, int wholeBatch) {
        /** For training on a batch, or on a part of one of {@code wholeBatch} examples. */
        public static Passes training(NormStatistics statistics, int wholeBatch) {
            return new Passes(Mode.TRAIN, true, statistics, name -> false, wholeBatch);
        }

        /** For measuring: no dropout. */
        public static Passes measuring(Mode mode) {
            return new Passes(mode, false, NormStatistics.BATCH, name -> false, 0);
        }
    }

    /**
     * @param x inputs as the model takes them
     * @param y targets as the loss takes them
     */
    public Objective(Model model, Loss loss, DType dtype, Node x, Node y, Passes passes) {
        this.model = model;
        this.loss = loss;
        this.x = x;
        this.y = y;
        this.statistics = passes.statistics();
        this.given = passes.given();
        this.wholeBatch =
                passes.wholeBatch() > 0 ? passes.wholeBatch() : x.shape().dim(0);
        var declaring = Forward.declaring(x.graph(), dtype, passes.mode());
        this.first = passes.dropout() ? declaring : declaring.withoutDropout();
        Node logits = Ops.mark(model.apply(first, x));
        this.curvature = new Curvature(List.copyOf(first.parameterNodes().values()), logits, loss.apply(logits, y));
    }

    public Graph graph() {
        return x.graph();
    }

    /** The first pass: declared parameters, buffers and their updates. */
    public Forward forward() {
        return first;
    }

    public DType dtype() {
        return first.dtype();
    }

    /** θ, in order of declaration. */
    public List<Node> parameters() {
        return curvature.parameters();
    }

    public List<String> names() {
        return List.copyOf(first.parameterNodes().keySet());
    }

    /** Loss and derivatives at θ. */
    public Curvature curvature() {
        return curvature;
    }

    /** What a method's second derivatives are taken of: the first pass, or the same with its statistics held constant. */
    public Curvature secondPass() {
        return statistics == NormStatistics.FROZEN ? at(parameters(), x, y, 0) : curvature;
    }

    /** The same, for other labels. */
    public Curvature secondPass(Node labels) {
        Curvature c = secondPass();
        return new Curvature(c.parameters(), c.logits(), loss.apply(c.logits(), labels));
    }

    /** g = ∇L(θ). */
    public List<Node> gradient() {
        return curvature.gradient();
    }

    /** ∇L at other values of the parameters. */
    public List<Node> gradientAt(List<Node> values) {
        return at(held(values), x, y, 0).gradient();
    }

    /**
     * Values as constants. A parameter that its first gradient does not move (a bias before batch norm) would else be the same node in
     * both passes, and its second gradient would be taken through the perturbation of all others.
     */
    private static List<Node> held(List<Node> values) {
        return values.stream().map(Ops::stopGradient).toList();
    }

    /** @param from the place in the batch of the first of the examples x */
    private Curvature at(List<Node> values, Node x, Node y, int from) {
        var named = new LinkedHashMap<String, Node>();
        for (int i = 0; i < values.size(); i++) named.put(names().get(i), Ops.mark(values.get(i)));
        Node logits = Ops.mark(model.apply(first.again(named, statistics, from), x));
        return new Curvature(List.copyOf(named.values()), logits, loss.apply(logits, y));
    }

    /** Consecutive groups of at most m examples; each is a batch of its own. */
    public List<Group> groups(int m) {
        var groups = new ArrayList<Group>();
        int n = x.shape().dim(0);
        for (int from = 0; from < n; from += m) groups.add(new Group(from, Math.min(m, n - from)));
        return groups;
    }

    /** Some examples of the batch. */
    public final class Group {
        private final Node examples;
        private final Node targets;
        private final int from;
        private final int size;

        private Group(int from, int size) {
            this.from = from;
            this.examples = Ops.slice(x, 0, from, size);
            this.targets = Ops.slice(y, 0, from, size);
            this.size = size;
        }

        /** Its share of the batch. */
        public double weight() {
            return size / (double) x.shape().dim(0);
        }

        /** The gradient of its mean loss at some values of the parameters. */
        public List<Node> gradientAt(List<Node> values) {
            return at(held(values), examples, targets, from).gradient();
        }
    }

    /** Number of labels in the whole batch: examples, times positions for sequences. */
    public double labels() {
        return ownLabels() / x.shape().dim(0) * wholeBatch;
    }

    private double ownLabels() {
        Shape z = curvature.logits().shape();
        return z.size() / (double) z.dim(-1);
    }

    /** A coefficient of the method (ρ, σ²), given anew at each step as the scalar input {@code method.<name>}. */
    public Node strength(String name) {
        return graph().input("method." + name, dtype(), Shape.SCALAR);
    }

    /** Probe k: one independent draw per parameter, E[v vᵀ] = I. */
    public List<Node> probe(int k, MethodConfig.Distribution distribution) {
        var v = new ArrayList<Node>();
        for (int i = 0; i < parameters().size(); i++) {
            String name = "probe." + k + "." + names().get(i);
            Type type = parameters().get(i).type();
            Node draw = given.test(name)
                    ? graph().input(name, type.dtype(), type.shape())
                    : draw(
                            distribution == MethodConfig.Distribution.NORMAL
                                    ? Random.Distribution.NORMAL
                                    : Random.Distribution.RADEMACHER,
                            "method." + name,
                            type.shape());
            drawn.put(name, draw);
            v.add(draw);
        }
        return v;
    }

    /** Labels ŷ drawn from the model's own softmax, constant to differentiation. */
    public Node sampledLabels() {
        Node z = Ops.stopGradient(curvature.logits());
        int[] dims = z.shape().dims();
        Shape shape = Shape.of(java.util.Arrays.copyOf(dims, dims.length - 1));
        Node labels;
        if (given.test("y_sampled")) {
            labels = graph().input("y_sampled", DType.I64, shape);
        } else {
            // the largest of logits + Gumbel noise is a draw from the softmax
            Node u = first.random(Random.Distribution.UNIFORM, "method.labels", z.shape());
            Node gumbel = Ops.neg(Ops.log(Ops.neg(Ops.log(u))));
            labels = Ops.cast(DType.I64, Ops.reshape(Ops.argMax(Ops.add(z, gumbel), -1), shape));
        }
        drawn.put("y_sampled", labels);
        return labels;
    }

    /** Mean entropy of the distributions that {@link #sampledLabels} are drawn from, in nats. */
    public Node labelEntropy() {
        Node z = curvature.logits();
        return Ops.scale(-1 / ownLabels(), Ops.dot(Ops.softmax(z), Ops.logSoftmax(z)));
    }

    /** A draw that does not belong to single examples, keyed by seed, step and use. */
    public Node draw(Random.Distribution distribution, String use, Shape shape) {
        Graph g = graph();
        return g.apply(
                new Random(distribution, use, new Type(dtype(), shape)),
                g.input(Forward.SEED, DType.I64, Shape.SCALAR),
                g.input(Forward.STEP, DType.I64, Shape.SCALAR),
                g.constant(0, DType.I64, Shape.SCALAR));
    }

    /** What was drawn so far: probes and labels by name. */
    public Map<String, Node> drawn() {
        return Map.copyOf(drawn);
    }

    /** The share of correct predictions, where targets are classes or have a largest entry. */
    public Optional<Node> accuracy() {
        Node z = curvature.logits();
        Node predicted = Ops.argMax(z, -1);
        Node wanted = y.dtype().isInteger()
                ? Ops.reshape(Ops.cast(DType.I32, y), predicted.shape())
                : y.shape().equals(z.shape()) ? Ops.argMax(y, -1) : predicted;
        if (wanted == predicted) return Optional.empty();
        Node hit = Ops.cast(dtype(), Ops.compare(hesse.graph.Compare.Relation.EQ, predicted, wanted));
        return Optional.of(Ops.scale(1 / ownLabels(), Ops.sumAll(hit)));
    }
}
