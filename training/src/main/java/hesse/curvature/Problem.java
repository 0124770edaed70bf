package hesse.curvature;

import hesse.autodiff.Curvature;
import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.nn.Forward;
import hesse.nn.Loss;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.nn.ModelBuffer;
import hesse.nn.Parameter;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A network, its loss, weights and examples, on a backend: what curvature is measured of. Operators and forms made of it share weights and
 * see it when they move. Owned by one thread.
 */
public final class Problem implements AutoCloseable {
    /**
     * How it is evaluated.
     *
     * @param mode {@code TRAIN}: normalisation uses each batch's own statistics, differentiated through; {@code EVAL}: running ones.
     *     Dropout is off in both
     * @param dtype of everything floating; products are summed up in f64 on the host
     * @param seed keys labels drawn from the model
     * @param keepBytes so much memory may hold primal passes of several batches between applications; one is always kept
     */
    public record Options(Mode mode, DType dtype, long seed, long keepBytes) {
        /** Training mode, 2 GiB of primal passes. */
        public static Options of(DType dtype) {
            return new Options(Mode.TRAIN, dtype, 0, 2L << 30);
        }

        public Options with(Mode mode) {
            return new Options(mode, dtype, seed, keepBytes);
        }

        public Options keeping(long bytes) {
            return new Options(mode, dtype, seed, bytes);
        }
    }

    /** One pass through the network on a fresh graph. */
    record Pass(Forward forward, Node x, Node y, Node logits, Node loss, Loss function) {
        Graph graph() {
            return x.graph();
        }

        int examples() {
            return x.shape().dim(0);
        }

        Curvature curvature(ParameterSpace space) {
            return new Curvature(nodes(space), logits, loss);
        }

        /** The same network under other labels. */
        Curvature curvature(ParameterSpace space, Loss other, Node labels) {
            return new Curvature(nodes(space), logits, other.apply(logits, labels));
        }

        private List<Node> nodes(ParameterSpace space) {
            var chosen = new ArrayList<Node>();
            for (var p : space.parameters()) chosen.add(forward.parameterNodes().get(p.name()));
            return chosen;
        }
    }

    private final Model model;
    private final Loss loss;
    private final Backend backend;
    private final BatchSource data;
    private final Options options;
    private final List<Parameter> parameters;
    private final Shape logits;
    private final Map<String, DeviceBuffer> buffers = new HashMap<>();
    private final Map<String, Tensor> weights = new LinkedHashMap<>();
    private long version;
    private long dataVersion;

    /**
     * @param weights parameters and the buffers that the mode reads, by full name, in memory layout
     * @param data stays the caller's to close
     * @throws IllegalArgumentException if a weight is missing or has another shape
     * @throws UserException if a weight is not finite
     */
    public Problem(
            Model model, Loss loss, Backend backend, Map<String, Tensor> weights, BatchSource data, Options options) {
        this.model = model;
        this.loss = loss;
        this.backend = backend;
        this.data = data;
        this.options = options;
        var pass = pass(data.batch(0));
        this.parameters = pass.forward().parameters();
        this.logits = pass.logits().shape();
        scalar(Forward.SEED, options.seed());
        scalar(Forward.STEP, 0);
        moveTo(weights);
        for (ModelBuffer b : pass.forward().buffers()) {
            var t = weights.get(b.name());
            if (t != null) put(b.name(), b.dtype(options.dtype()), b.shape(), t);
        }
    }

    Pass pass(BatchSource.Batch batch) {
        var g = new Graph();
        Node x = g.input("x", batch.x().dtype(), batch.x().shape());
        Node y = g.input("y", batch.y().dtype(), batch.y().shape());
        Forward forward = Forward.declaring(g, options.dtype(), options.mode()).withoutDropout();
        Node z = Ops.mark(model.apply(forward, x));
        return new Pass(forward, x, y, z, loss.apply(z, y), loss);
    }

    private void scalar(String name, long value) {
        put(name, DType.I64, Shape.SCALAR, Tensor.of(DType.I64, Shape.SCALAR, value));
    }

    private void put(String name, DType dtype, Shape shape, Tensor value) {
        buffers.computeIfAbsent(name, k -> backend.allocate(dtype, shape)).write(value);
    }

    /**
     * Takes other values of the parameters; what was kept of the old ones is computed anew when it is needed.
     *
     * @param values by full name, in memory layout; others among them are ignored
     */
    public void moveTo(Map<String, Tensor> values) {
        for (var p : parameters) {
            var t = values.get(p.name());
            if (t == null || !t.shape().equals(p.shape())) {
                throw new IllegalArgumentException("parameter " + p.name() + " of shape " + p.shape()
                        + " is needed, got " + (t == null ? "none" : t.shape()));
            }
            for (long i = 0; i < t.size(); i++) {
                if (!Double.isFinite(t.get(i))) {
                    throw new UserException(
                            Kind.RUNTIME,
                            p.name(),
                            "holds " + t.get(i) + " at element " + i + ", so there is no curvature to measure",
                            "Take weights from before the loss became non-finite");
                }
            }
        }
        for (var p : parameters) {
            var t = values.get(p.name());
            weights.put(p.name(), java.util.Objects.requireNonNull(t));
            put(p.name(), options.dtype(), p.shape(), weights.get(p.name()));
        }
        version++;
    }

    /**
     * Runs something at weights moved by a vector, and moves back.
     *
     * @param by one number for each of the space's
     */
    public <T> T displaced(ParameterSpace space, double[] by, java.util.function.Supplier<T> action) {
        var before = weights();
        var moved = new HashMap<>(before);
        for (int i = 0; i < space.parameters().size(); i++) {
            var p = space.parameters().get(i);
            double[] sum = new double[Math.toIntExact(p.shape().size())];
            ParameterSpace.add(1, java.util.Objects.requireNonNull(before.get(p.name())), sum, 0);
            for (int k = 0; k < sum.length; k++) sum[k] += by[space.offset(i) + k];
            moved.put(p.name(), Tensor.of(DType.F64, p.shape(), sum));
        }
        moveTo(moved);
        try {
            return action.get();
        } finally {
            moveTo(before);
        }
    }

    /** All parameters, in order of declaration. */
    public List<Parameter> parameters() {
        return parameters;
    }

    /** The space of all parameters. */
    public ParameterSpace space() {
        return new ParameterSpace(parameters);
    }

    /** The space of the parameters whose names match, see {@link ParameterSpace#matching}. */
    public ParameterSpace space(String glob) {
        return ParameterSpace.matching(parameters, glob);
    }

    public BatchSource data() {
        return data;
    }

    public Options options() {
        return options;
    }

    Loss loss() {
        return loss;
    }

    Backend backend() {
        return backend;
    }

    /** Shape of the first batch's logits. */
    Shape logits() {
        return logits;
    }

    Map<String, DeviceBuffer> buffers() {
        return buffers;
    }

    /** The present values of the parameters, in memory layout. */
    public Map<String, Tensor> weights() {
        return Map.copyOf(weights);
    }

    /** Grows each time that the weights move. */
    long version() {
        return version;
    }

    /** Says that the source gives other examples from now on, perhaps of another number. */
    public void examplesChanged() {
        dataVersion++;
    }

    /** Grows each time that the examples change. */
    long dataVersion() {
        return dataVersion;
    }

    @Override
    public void close() {
        buffers.values().forEach(DeviceBuffer::close);
    }
}
