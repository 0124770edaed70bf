package hesse.nn;

import hesse.graph.Compare;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Random;
import hesse.graph.ShapeException;
import hesse.graph.Type;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * One pass through a model: at a place in it ({@link #in}), where parameters and buffers are declared and layers find what they need to
 * know. The first pass over a graph declares; {@link #again} starts further passes at other values of the parameters.
 */
public final class Forward {
    /** Input (i64 scalar) that keys all random draws of a run; there once something is drawn. */
    public static final String SEED = "seed";
    /** Input (i64 scalar) that keys the draws of one step; there once something is drawn. */
    public static final String STEP = "step";
    /** Input (i64 scalar): the place in the global batch of the first example of this batch; there once something is drawn. */
    public static final String FIRST_EXAMPLE = "first_example";

    private final Pass pass;
    private final String path;
    private final WeightInit weights;
    private final boolean dropout;

    private Forward(Pass pass, String path, WeightInit weights, boolean dropout) {
        this.pass = pass;
        this.path = path;
        this.weights = weights;
        this.dropout = dropout;
    }

    /** What all places of one pass share. */
    private static final class Pass {
        final Graph graph;
        final DType dtype;
        final Mode mode;
        /** Values by full name: inputs in the first pass, given nodes in further ones. */
        final Map<String, Node> values = new LinkedHashMap<>();

        final Map<String, Parameter> parameters = new LinkedHashMap<>();
        final Map<String, ModelBuffer> buffers = new LinkedHashMap<>();
        final Map<String, Node> bufferNodes = new LinkedHashMap<>();
        final Map<String, Node> updates = new LinkedHashMap<>();
        final Map<String, Node> statistics = new LinkedHashMap<>();
        /** The declaring pass and its policy for this one; empty for the declaring pass itself. */
        final Optional<Pass> first;

        final NormStatistics policy;
        /** The place in this batch of the first example that the pass sees. */
        final int from;

        String open = "";

        Pass(Graph graph, DType dtype, Mode mode, Optional<Pass> first, NormStatistics policy, int from) {
            this.graph = graph;
            this.dtype = dtype;
            this.mode = mode;
            this.first = first;
            this.policy = policy;
            this.from = from;
        }
    }

    /**
     * A first pass: each parameter becomes an input of the graph under its full name.
     *
     * @param dtype floating type of the parameters
     */
    public static Forward declaring(Graph graph, DType dtype, Mode mode) {
        if (!dtype.isFloat()) throw new IllegalArgumentException("parameters are floating, not " + dtype);
        var pass = new Pass(graph, dtype, mode, Optional.empty(), NormStatistics.BATCH, 0);
        return new Forward(pass, "", new WeightInit.Kaiming(), mode == Mode.TRAIN);
    }

    /**
     * A further pass through the same model at other values of its parameters. Dropout masks are the first pass's; running statistics
     * are not updated.
     *
     * @param parameters one value for each parameter by full name
     * @param policy whose statistics training-mode normalisation uses
     */
    public Forward again(Map<String, Node> parameters, NormStatistics policy) {
        return again(parameters, policy, 0);
    }

    /**
     * As {@link #again(Map, NormStatistics)}, of consecutive examples of the batch, each of which keeps its own draws.
     *
     * @param from the place in this batch of the first of them
     */
    public Forward again(Map<String, Node> parameters, NormStatistics policy, int from) {
        Pass declared = pass.first.orElse(pass);
        var next = new Pass(pass.graph, pass.dtype, pass.mode, Optional.of(declared), policy, from);
        declared.parameters.forEach((name, p) -> {
            Node value = parameters.get(name);
            var wanted = new Type(pass.dtype, p.shape());
            if (value == null || !value.type().equals(wanted)) {
                throw new IllegalArgumentException(
                        "a further pass needs a value of type " + wanted + " for parameter '" + name + "', got "
                                + (value == null ? "none" : value.type().toString()));
            }
            next.values.put(name, value);
        });
        return new Forward(next, "", weights, dropout);
    }

    /** The place {@code name} under this one; names are joined by dots. */
    public Forward in(String name) {
        return new Forward(pass, join(path, name), weights, dropout);
    }

    /** The same place, where weights start differently. */
    public Forward initialized(WeightInit weights) {
        return new Forward(pass, path, weights, dropout);
    }

    /** The same place, without dropout in any mode. */
    public Forward withoutDropout() {
        return new Forward(pass, path, weights, false);
    }

    public Graph graph() {
        return pass.graph;
    }

    /** The floating type of the run. */
    public DType dtype() {
        return pass.dtype;
    }

    public Mode mode() {
        return pass.mode;
    }

    /** How weights start here. */
    public WeightInit weights() {
        return weights;
    }

    /** Whether dropout is on here. */
    public boolean dropout() {
        return dropout;
    }

    /** The full name of this place; empty at the root. */
    public String path() {
        return path;
    }

    /**
     * Runs {@code body}, so that the nodes it makes and the mistakes it meets carry this place's name.
     *
     * @throws ShapeException from the body, with the place in front
     */
    public <T> T at(Supplier<T> body) {
        String outer = pass.open;
        String relative = !outer.isEmpty() && path.startsWith(outer + ".") ? path.substring(outer.length() + 1) : path;
        if (path.equals(outer) || relative.isEmpty()) return body.get();
        var scope = pass.graph.scope(relative);
        pass.open = path;
        try {
            return body.get();
        } catch (ShapeException e) {
            String message = String.valueOf(e.getMessage());
            throw message.startsWith("at ") ? e : new ShapeException("at " + path + ": " + message);
        } finally {
            scope.close();
            pass.open = outer;
        }
    }

    /**
     * Declares a parameter here, or finds its value in a further pass.
     *
     * @param name its own name, such as {@code weight}
     * @param shape in memory
     * @throws IllegalArgumentException if the name is taken, or a further pass declares what the first did not
     */
    public Node parameter(String name, Shape shape, FileLayout layout, Initializer initializer) {
        String full = join(path, name);
        if (pass.first.isPresent()) {
            Node value = pass.values.get(full);
            if (value == null || !value.shape().equals(shape)) {
                throw new IllegalArgumentException("a further pass declares parameter '" + full + "' of shape " + shape
                        + ", the first pass " + (value == null ? "did not" : "had shape " + value.shape()));
            }
            return value;
        }
        requireFree(full);
        pass.parameters.put(full, new Parameter(full, shape, layout, initializer));
        Node node = pass.graph.input(full, pass.dtype, shape);
        pass.values.put(full, node);
        return node;
    }

    /** Declares a buffer of the run's floating type here. */
    public Node buffer(String name, Shape shape, double initial) {
        return buffer(new ModelBuffer(join(path, name), shape, Optional.empty(), initial));
    }

    /** Declares a buffer of a type of its own here. */
    public Node buffer(String name, Shape shape, DType dtype, double initial) {
        return buffer(new ModelBuffer(join(path, name), shape, Optional.of(dtype), initial));
    }

    private Node buffer(ModelBuffer buffer) {
        Pass declared = pass.first.orElse(pass);
        if (declared == pass) {
            requireFree(buffer.name());
            pass.buffers.put(buffer.name(), buffer);
            pass.bufferNodes.put(
                    buffer.name(), pass.graph.input(buffer.name(), buffer.dtype(pass.dtype), buffer.shape()));
        }
        Node node = declared.bufferNodes.get(buffer.name());
        if (node == null) {
            throw new IllegalArgumentException(
                    "a further pass declares buffer '" + buffer.name() + "', the first pass did not");
        }
        return node;
    }

    /** Gives a buffer declared here its value after this step; further passes and evaluation never do. */
    public void update(String name, Node value) {
        String full = join(path, name);
        if (pass.first.isPresent() || pass.mode == Mode.EVAL) return;
        Node buffer = pass.bufferNodes.get(full);
        if (buffer == null || !buffer.type().equals(value.type())) {
            throw new IllegalArgumentException("buffer '" + full + "' "
                    + (buffer == null
                            ? "is updated but not declared"
                            : "of type " + buffer.type() + " is given " + value.type()));
        }
        pass.updates.put(full, value);
    }

    /**
     * A statistic of this pass's activations under a name: {@code own} itself, or in a further pass with frozen statistics the first
     * pass's, held constant.
     */
    public Node statistic(String name, Node own) {
        String full = join(path, name);
        if (pass.first.isEmpty()) {
            pass.statistics.put(full, own);
            return own;
        }
        if (pass.policy == NormStatistics.BATCH) return own;
        Node frozen = pass.first.get().statistics.get(full);
        if (frozen == null) {
            throw new IllegalArgumentException("a further pass has statistic '" + full + "', the first pass had not");
        }
        return Ops.stopGradient(frozen);
    }

    /**
     * Draws at this place, one for each element; passes of one step see the same draws. An example's draws depend on its place in the
     * global batch, not on how the batch is split.
     *
     * @param use tells several draws of one place apart
     * @param shape the first axis runs over examples
     */
    public Node random(Random.Distribution distribution, String use, Shape shape) {
        Graph g = pass.graph;
        var scalar = new Type(DType.I64, Shape.SCALAR);
        Node first = g.input(FIRST_EXAMPLE, scalar.dtype(), scalar.shape());
        double each = (double) shape.size() / Math.max(1, shape.dim(0));
        // whole numbers below 2^53 are exact in f64, and integers have no product of their own
        Node place = Ops.cast(DType.F64, first);
        if (pass.from > 0) place = Ops.plus(place, pass.from);
        Node before = Ops.cast(DType.I64, Ops.scale(each, place));
        return g.apply(
                new Random(distribution, join(path, use), new Type(pass.dtype, shape)),
                g.input(SEED, scalar.dtype(), scalar.shape()),
                g.input(STEP, scalar.dtype(), scalar.shape()),
                before);
    }

    /** A mask of draws that keep with this probability. */
    Node keep(double probability, Shape shape) {
        Node u = random(Random.Distribution.UNIFORM, "dropout", shape);
        return Ops.compare(Compare.Relation.LT, u, pass.graph.constant(probability, u.type()));
    }

    /** The value of each parameter in this pass by full name, in order of declaration. */
    public Map<String, Node> parameterNodes() {
        return Collections.unmodifiableMap(pass.values);
    }

    /** The parameters, in order of declaration. */
    public List<Parameter> parameters() {
        return List.copyOf(pass.first.orElse(pass).parameters.values());
    }

    /** The buffers, in order of declaration. */
    public List<ModelBuffer> buffers() {
        return List.copyOf(pass.first.orElse(pass).buffers.values());
    }

    /** The inputs that hold the buffers, by full name. */
    public Map<String, Node> bufferNodes() {
        return Collections.unmodifiableMap(pass.first.orElse(pass).bufferNodes);
    }

    /** Values of buffers after this step, by full name. */
    public Map<String, Node> bufferUpdates() {
        return Collections.unmodifiableMap(pass.updates);
    }

    private void requireFree(String full) {
        if (pass.parameters.containsKey(full) || pass.buffers.containsKey(full)) {
            throw new IllegalArgumentException(
                    "'" + full + "' is declared twice; name the layers apart with in(...), or share a weight by"
                            + " declaring it once and using its node in both places");
        }
    }

    private static String join(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }
}
