package hesse.models;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Curvature;
import hesse.backend.DeviceBuffer;
import hesse.backend.reference.GraphInterpreter;
import hesse.backend.reference.ReferenceBackend;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.nn.Conv;
import hesse.nn.CrossEntropy;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.nn.NormStatistics;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** For each kind of model: what the plan of a training step computes is what its graph says, node by node. */
class PlansOfModelsTest {
    private static final int CLASSES = 3;

    @TestFactory
    Stream<DynamicTest> plansComputeWhatTheirGraphsSay() {
        ScalarFn phi = Activations.named("gelu_tanh");
        var images = new Inputs.Images(2, 6, 6);
        var tokens = new Inputs.Tokens(5);
        var models = new LinkedHashMap<String, Runnable>();
        var conv = new Cnn.Block(Conv.of(4, 3), Norm.group(2), Cnn.Pool.max(2), Cnn.Order.CONV_NORM_ACT);
        add(models, "mlp", images, new Mlp(List.of(5, 4), CLASSES, phi));
        add(models, "cnn", images, new Cnn(List.of(conv, Cnn.Block.of(Conv.of(4, 3))), List.of(4), CLASSES, phi));
        add(models, "wrn", images, new WideResNet(10, 1, 0.25, CLASSES, phi, Norm.batch()));
        add(models, "vit", images, new VisionTransformer(3, 2, 2, 6, CLASSES, phi, Norm.layer()));
        add(models, "transformer", tokens, new Transformer(7, 5, 2, 2, 3, 6, 2, true, phi, Norm.rms()));
        add(models, "gpt", tokens, new Gpt(7, 5, 2, 2, 6, phi, Norm.layer()));
        return models.entrySet().stream().map(e -> DynamicTest.dynamicTest(e.getKey(), e.getValue()::run));
    }

    private static void add(Map<String, Runnable> models, String name, Inputs inputs, Model model) {
        models.put(name, () -> check(step(model, inputs), new Random().nextLong()));
    }

    /** Gradient, Hessian-vector product and its parts, gradient of a quadratic form, a further pass, running statistics. */
    private static Map<String, Node> step(Model model, Inputs inputs) {
        var g = new Graph();
        var f = Forward.declaring(g, DType.F64, Mode.TRAIN);
        Node x = inputs.node(g, "x", 3, DType.F64);
        Node logits = model.apply(f, x);
        Shape rows = logits.shape().rank() == 3 ? Shape.of(3, logits.shape().dim(1)) : Shape.of(3);
        Node y = g.input("y", DType.I64, rows);
        var theta = List.copyOf(f.parameterNodes().values());
        var c = Curvature.of(theta, logits, z -> new CrossEntropy(0.1).apply(z, y));
        var v = new ArrayList<Node>();
        for (var p : f.parameters()) v.add(g.input("v." + p.name(), DType.F64, p.shape()));

        var out = new LinkedHashMap<String, Node>();
        out.put("loss", c.loss());
        var gradient = c.gradient();
        put(out, "gradient", gradient);
        put(out, "hvp", c.hvp(v));
        put(out, "rest", c.nmeRestVp(v));
        // the widest of these nets is costly to evaluate naively
        if (!(model instanceof WideResNet)) put(out, "third", c.gradVhv(v));
        var moved = new LinkedHashMap<String, Node>();
        Node norm = Ops.norm(gradient);
        for (int i = 0; i < theta.size(); i++) {
            moved.put(
                    f.parameters().get(i).name(),
                    Ops.mark(Ops.add(theta.get(i), Ops.scale(0.05, Ops.div(gradient.get(i), norm)))));
        }
        for (var policy : NormStatistics.values()) {
            Node again = model.apply(f.again(moved, policy), x);
            out.put("loss." + policy, new CrossEntropy().apply(again, y));
        }
        f.bufferUpdates().forEach((name, value) -> out.put("new." + name, value));
        return out;
    }

    private static void put(Map<String, Node> out, String name, List<Node> nodes) {
        for (int i = 0; i < nodes.size(); i++) out.put(name + i, nodes.get(i));
    }

    private static void check(Map<String, Node> outputs, long seed) {
        var random = new Random(seed);
        var computation = Computation.of(outputs);
        var given = new HashMap<String, double[]>();
        computation.inputs().forEach((name, n) -> {
            double[] values = new double[(int) n.shape().size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = n.dtype() == DType.I64 ? random.nextInt(CLASSES) : 0.5 * random.nextGaussian();
            }
            given.put(name, values);
        });
        var expected = GraphInterpreter.evaluate(new ArrayList<>(outputs.values()), given);
        try (var backend = new ReferenceBackend();
                var executable = backend.compile(computation)) {
            var buffers = new HashMap<String, DeviceBuffer>();
            for (var b : executable.plan().buffers()) {
                if (b.place() == Plan.Place.SLAB) continue;
                var buffer = backend.allocate(b.dtype(), b.shape());
                if (b.place() == Plan.Place.INPUT) buffer.write(Tensor.of(b.dtype(), b.shape(), given.get(b.name())));
                buffers.put(b.name(), buffer);
                executable.bind(b.name(), buffer);
            }
            executable.run();
            double whole = 0;
            for (double[] want : expected) whole = Math.max(whole, norm(want));
            int i = 0;
            for (var name : outputs.keySet()) {
                double[] got = buffers.get(name).read().toDoubleArray();
                double[] want = expected.get(i++);
                double[] difference = new double[want.length];
                for (int k = 0; k < want.length; k++) difference[k] = got[k] - want[k];
                double error = norm(difference);
                assertTrue(
                        error <= 1e-11 * Math.max(norm(want), 1e-3 * whole),
                        () -> name + ": error " + error + " of " + norm(want) + ", seed " + seed);
            }
        }
    }

    private static double norm(double[] x) {
        double sum = 0;
        for (double v : x) sum += v * v;
        return Math.sqrt(sum);
    }
}
