package hesse.cases;

import hesse.autodiff.Curvature;
import hesse.backend.reference.GraphInterpreter;
import hesse.graph.ConvGeometry;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * A net small enough for differences by every parameter, with random values and a random direction.
 *
 * @param lossOf the loss as a function of logits
 * @param preactivations the activations' arguments, in order
 * @param direction v, one input for each parameter
 */
public record SmallNet(
        Draw draw, Curvature curvature, UnaryOperator<Node> lossOf, List<Node> preactivations, List<Node> direction) {

    /** An activation at one of its places in the net. */
    public interface Activation {
        Node apply(Node x, int place);

        static Activation of(ScalarFn fn) {
            return (x, place) -> Ops.apply(fn, x);
        }
    }

    public List<Node> parameters() {
        return curvature.parameters();
    }

    public Node loss() {
        return curvature.loss();
    }

    public Node logits() {
        return curvature.logits();
    }

    public List<double[]> evaluate(List<Node> nodes) {
        return GraphInterpreter.evaluate(nodes, draw.values());
    }

    public double evaluate(Node scalar) {
        return evaluate(List.of(scalar)).getFirst()[0];
    }

    /** v as a direction for differences. */
    public Map<String, double[]> along() {
        var along = new LinkedHashMap<String, double[]>();
        for (int i = 0; i < direction.size(); i++) {
            along.put(Draw.name(parameters().get(i)), draw.values().get(Draw.name(direction.get(i))));
        }
        return along;
    }

    /** One more random direction. */
    public List<Node> anotherDirection(String name) {
        return Builder.direction(draw, name, parameters());
    }

    /** Makes layers with random parameters; equal draws make equal parameters, whatever the activation. */
    public static final class Builder {
        private final Draw draw;
        private final Activation activation;
        private final List<Node> parameters = new ArrayList<>();
        private final List<Node> preactivations = new ArrayList<>();

        public Builder(long seed, Activation activation) {
            this(seed, activation, DType.F64);
        }

        public Builder(long seed, Activation activation, DType dtype) {
            this(seed, activation, Rounding.of(dtype));
        }

        public Builder(long seed, Activation activation, Rounding rounding) {
            this.draw = new Draw(seed, rounding);
            this.activation = activation;
        }

        public Draw draw() {
            return draw;
        }

        /** A number between the two, both included. */
        public int between(int least, int most) {
            return draw.random().nextInt(least, most + 1);
        }

        /** Data with standard normal elements. */
        public Node data(int... dims) {
            return draw.variable("data" + draw.values().size(), draw::gaussian, dims);
        }

        private Node parameter(double mean, double deviation, int... dims) {
            Node p = draw.variable("p" + parameters.size(), () -> mean + deviation * draw.gaussian(), dims);
            parameters.add(p);
            return p;
        }

        public Node linear(Node x, int outputs) {
            int inputs = x.shape().dim(1);
            Node weight = parameter(0, 1 / Math.sqrt(inputs), outputs, inputs);
            return Ops.add(Ops.matmul(x, weight, false, true), parameter(0, 0.3, outputs));
        }

        public Node conv(Node x, int filters, int kernel, ConvGeometry g) {
            int channels = x.shape().dim(3) / g.groups();
            Node weight = parameter(0, 1 / Math.sqrt(kernel * kernel * channels), filters, kernel, kernel, channels);
            return Ops.add(Ops.conv2d(x, weight, g), parameter(0, 0.3, filters));
        }

        public Node activate(Node x) {
            preactivations.add(x);
            return activation.apply(x, preactivations.size() - 1);
        }

        /** In training mode: with the batch's own mean and variance, differentiated through. */
        public Node batchNorm(Node x) {
            return normalized(x, IntStream.range(0, x.shape().rank() - 1).toArray());
        }

        /** Over the last axis. */
        public Node layerNorm(Node x) {
            return normalized(x, x.shape().rank() - 1);
        }

        private Node normalized(Node x, int... axes) {
            int channels = x.shape().dim(-1);
            Node centred = Ops.sub(x, Ops.mean(x, axes));
            Node scale = Ops.rsqrt(Ops.plus(Ops.mean(Ops.square(centred), axes), 1e-5));
            return Ops.add(Ops.mul(centred, scale, parameter(1, 0.2, channels)), parameter(0, 0.3, channels));
        }

        public Node flatten(Node x) {
            int n = x.shape().dim(0);
            return Ops.reshape(x, n, Math.toIntExact(x.shape().size() / n));
        }

        /** Of [N, T, D], one head with keys of the given size. */
        public Node attention(Node x, int keys) {
            int n = x.shape().dim(0);
            int t = x.shape().dim(1);
            int d = x.shape().dim(2);
            Node flat = Ops.reshape(x, n * t, d);
            Node q = Ops.reshape(linear(flat, keys), n, t, keys);
            Node k = Ops.reshape(linear(flat, keys), n, t, keys);
            Node v = Ops.reshape(linear(flat, keys), n, t, keys);
            Node scores = Ops.softmax(Ops.scale(1 / Math.sqrt(keys), Ops.matmul(q, k, false, true)));
            return Ops.reshape(linear(Ops.reshape(Ops.matmul(scores, v), n * t, keys), d), n, t, d);
        }

        /** Mean over all rows of −Σ t log softmax(z), t one-hot smoothed by ε. */
        public SmallNet crossEntropy(Node z, double smoothing) {
            int classes = z.shape().dim(-1);
            double rows = z.shape().size() / (double) classes;
            int[] labelDims =
                    java.util.Arrays.copyOf(z.shape().dims(), z.shape().rank() - 1);
            Node onehot = Ops.oneHot(draw.indices(classes, labelDims), classes, draw.dtype());
            Node targets = Ops.plus(Ops.scale(1 - smoothing, onehot), smoothing / classes);
            return finish(z, logits -> Ops.scale(-1 / rows, Ops.dot(targets, Ops.logSoftmax(logits))));
        }

        /** Mean over examples and outputs of (z − t)². */
        public SmallNet squaredError(Node z) {
            Node targets = data(z.shape().dims());
            return finish(
                    z,
                    logits -> Ops.scale(1.0 / logits.shape().size(), Ops.sumAll(Ops.square(Ops.sub(logits, targets)))));
        }

        private SmallNet finish(Node z, UnaryOperator<Node> lossOf) {
            var curvature = Curvature.of(parameters, z, lossOf);
            return new SmallNet(draw, curvature, lossOf, preactivations, direction(draw, "v", parameters));
        }

        private static List<Node> direction(Draw draw, String name, List<Node> parameters) {
            var direction = new ArrayList<Node>();
            for (int i = 0; i < parameters.size(); i++) {
                direction.add(draw.variable(
                        name + i, draw::gaussian, parameters.get(i).shape().dims()));
            }
            return direction;
        }
    }
}
