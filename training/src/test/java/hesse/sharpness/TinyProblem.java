package hesse.sharpness;

import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.NormStatistics;
import hesse.plan.Computation;
import hesse.plan.Plan.Place;
import hesse.run.Config;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.function.Predicate;

/** A configured network with random parameters and one random batch, in double precision, on which a method is looked at. */
final class TinyProblem {
    final Objective objective;
    final Map<String, Tensor> values = new HashMap<>();

    /**
     * @param config lines such as {@code model={…}}, {@code method={…}}
     * @param n examples
     * @param given which draws are inputs of their names, as {@link Objective.Passes} takes it
     */
    TinyProblem(List<String> config, int n, long seed, Predicate<String> given) {
        var read = Config.load("digits-mlp", config);
        var model = read.model().build(Optional.empty(), OptionalInt.empty());
        var random = new SplittableRandom(seed);
        var graph = new Graph();
        Node x = model.inputs().node(graph, "x", n, DType.F64);
        boolean tokens = x.dtype().isInteger();
        int classes = model.classes();
        Node y = graph.input("y", DType.I64, tokens ? x.shape() : Shape.of(n));
        values.put("x", tokens ? integers(x.shape(), classes, random) : normal(x.shape(), 0, 1, random));
        values.put("y", integers(y.shape(), classes, random));
        this.objective = new Objective(
                model.model(),
                read.loss().function(),
                DType.F64,
                x,
                y,
                new Objective.Passes(Mode.TRAIN, false, NormStatistics.BATCH, given, 0));
        for (var p : objective.forward().parameters()) {
            boolean gain = p.name().contains("norm") && p.name().endsWith("weight");
            double fanIn = p.shape().rank() < 2
                    ? 4
                    : p.shape().size() / (double) p.shape().dim(0);
            values.put(p.name(), normal(p.shape(), gain ? 1 : 0, gain ? 0.2 : 1 / Math.sqrt(fanIn), random));
        }
        set(Forward.SEED, seed);
        set(Forward.STEP, 0);
        set(Forward.FIRST_EXAMPLE, 0);
        var method = read.method();
        Method.of(method).strengths().forEach((name, s) -> values.put("method." + name, scalar(s.at(0, 1))));
    }

    static Method method(String table) {
        return Method.of(Config.load("digits-mlp", List.of("method=" + table)).method());
    }

    private static Tensor scalar(double value) {
        return Tensor.of(DType.F64, Shape.SCALAR, value);
    }

    /** Sets a whole number that draws are keyed by. */
    void set(String name, long value) {
        values.put(name, Tensor.of(DType.I64, Shape.SCALAR, value));
    }

    private static Tensor normal(Shape shape, double mean, double deviation, SplittableRandom random) {
        var t = Tensor.allocate(DType.F64, shape);
        for (long i = 0; i < t.size(); i++) t.set(i, mean + deviation * random.nextGaussian());
        return t;
    }

    static Tensor integers(Shape shape, int below, SplittableRandom random) {
        var t = Tensor.allocate(DType.I64, shape);
        for (long i = 0; i < t.size(); i++) t.data().setAtIndex(Tensor.I64, i, random.nextInt(below));
        return t;
    }

    /** Nodes compiled once, to be evaluated at changing inputs. */
    Compiled compile(Backend backend, List<Node> nodes) {
        return new Compiled(backend, nodes);
    }

    /** What the nodes are at the present values. */
    List<double[]> evaluate(Backend backend, List<Node> nodes) {
        try (var c = compile(backend, nodes)) {
            return c.run();
        }
    }

    /** A compiled computation over buffers that follow {@link #values}. */
    final class Compiled implements AutoCloseable {
        private final Executable executable;
        private final List<Node> nodes;
        private final Map<String, DeviceBuffer> buffers = new LinkedHashMap<>();

        private Compiled(Backend backend, List<Node> nodes) {
            this.nodes = nodes;
            var outputs = new LinkedHashMap<String, Node>();
            for (int i = 0; i < nodes.size(); i++) outputs.put("out/" + i, nodes.get(i));
            this.executable = backend.compile(Computation.of(outputs));
            for (var b : executable.plan().buffers()) {
                if (b.place() == Place.SLAB) continue;
                var buffer = backend.allocate(b.dtype(), b.shape());
                buffers.put(b.name(), buffer);
                executable.bind(b.name(), buffer);
            }
            values.keySet().forEach(this::changed);
        }

        /** Takes over a value that has changed. */
        void changed(String name) {
            var buffer = buffers.get(name);
            if (buffer != null) buffer.write(values.get(name));
        }

        List<double[]> run() {
            executable.run();
            var results = new ArrayList<double[]>();
            for (int i = 0; i < nodes.size(); i++)
                results.add(buffers.get("out/" + i).read().toDoubleArray());
            return results;
        }

        /** The first output's first element. */
        double scalar() {
            executable.run();
            return buffers.get("out/0").first();
        }

        @Override
        public void close() {
            executable.close();
            buffers.values().forEach(DeviceBuffer::close);
        }
    }

    static double norm(List<double[]> a) {
        double s = 0;
        for (double[] t : a) for (double v : t) s += v * v;
        return Math.sqrt(s);
    }

    static double distance(List<double[]> a, List<double[]> b) {
        double s = 0;
        for (int i = 0; i < a.size(); i++) {
            for (int j = 0; j < a.get(i).length; j++) {
                double d = a.get(i)[j] - b.get(i)[j];
                s += d * d;
            }
        }
        return Math.sqrt(s);
    }

    /** ‖a − b‖/‖b‖ over all tensors. */
    static double relative(List<double[]> a, List<double[]> b) {
        return distance(a, b) / norm(b);
    }
}
