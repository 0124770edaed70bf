package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Curvature;
import hesse.backend.BackendOptions;
import hesse.backend.DeviceBuffer;
import hesse.backend.reference.GraphInterpreter;
import hesse.cases.Conformance;
import hesse.cases.Draw;
import hesse.cases.Errors;
import hesse.cases.OpCase;
import hesse.cases.OpCases;
import hesse.cases.Seeds;
import hesse.cases.SmallNets;
import hesse.graph.ConvGeometry;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The scenarios of {@link CudaOnHostTest}: the whole backend, its kernels compiled for the host, against the plain interpreter. */
public final class CudaOnHostScenarios {
    private static Path cache = Path.of("unset");

    private static CudaBackend open() {
        FakeControl.reset();
        return CudaBackend.open(BackendOptions.defaults(), cache);
    }

    static void load(Path folder) {
        FakeCudaScenarios.load(folder);
        cache = folder;
        FakeControl.compute(folder.resolve("cuda_on_host.h"));
    }

    /** Largest relative error of the outputs against the interpreter, in three runs: step by step, recorded, replayed. */
    private static double error(CudaBackend backend, Map<String, Node> outputs, Map<String, Tensor> inputs) {
        var doubles = new HashMap<String, double[]>();
        inputs.forEach((name, tensor) -> doubles.put(name, tensor.toDoubleArray()));
        var expected = GraphInterpreter.evaluate(new ArrayList<>(outputs.values()), doubles);
        double worst = 0;
        try (var executable = backend.compile(Computation.of(outputs))) {
            var buffers = new LinkedHashMap<String, DeviceBuffer>();
            for (var b : executable.plan().buffers()) {
                if (b.place() == Plan.Place.SLAB) continue;
                var buffer = backend.allocate(b.dtype(), b.shape());
                buffers.put(b.name(), buffer);
                executable.bind(b.name(), buffer);
            }
            for (var run = 0; run < 3; run++) {
                for (var b : executable.plan().buffers()) {
                    if (b.place() == Plan.Place.SLAB) continue;
                    var values = b.place() == Plan.Place.INPUT ? inputs.get(b.name()) : poison(b.dtype(), b.shape());
                    buffers.get(b.name()).write(values);
                }
                executable.run();
                var actual = new ArrayList<double[]>();
                for (var name : outputs.keySet())
                    actual.add(buffers.get(name).read().toDoubleArray());
                worst = Math.max(worst, difference(actual, expected));
            }
            buffers.values().forEach(DeviceBuffer::close);
        }
        return worst;
    }

    private static Tensor poison(DType type, Shape shape) {
        var tensor = Tensor.allocate(type, shape);
        tensor.data().fill((byte) 0xff);
        return tensor;
    }

    /** Elements that are not finite must agree exactly. */
    private static double difference(List<double[]> actual, List<double[]> expected) {
        for (var i = 0; i < actual.size(); i++) {
            for (var k = 0; k < actual.get(i).length; k++) {
                double a = actual.get(i)[k];
                double e = expected.get(i)[k];
                if (Double.isFinite(a) && Double.isFinite(e)) continue;
                if (Double.compare(a, e) != 0) return Double.POSITIVE_INFINITY;
                actual.get(i)[k] = 0;
                expected.get(i)[k] = 0;
            }
        }
        double error = Errors.distance(actual, expected);
        // Inputs are of size one: so much counts beside a sum that cancels.
        return error / (1 + Errors.norm(expected));
    }

    /** One case of the table in one element type. */
    static void agrees(OpCase c, DType dtype) {
        Seeds.each(seed -> {
            var drawn = c.draw(seed, dtype);
            try (var backend = open()) {
                double error = error(backend, Map.of("y", drawn.output()), drawn.tensors());
                double allowed = dtype == DType.F64 ? 1e-11 : 1e-5;
                assertTrue(error <= allowed, () -> c.name() + " in " + dtype + ": error " + error);
            }
            assertEquals(0, FakeControl.alive());
        });
    }

    /** A graph with its inputs' values, and what is asked of it. */
    private record Asked(Map<String, Node> outputs, Map<String, Tensor> inputs) {}

    private static Asked large(long seed, DType dtype) {
        var d = new Draw(seed, dtype);
        var image = d.normal(37, 11, 8);
        var row = d.normal(8);
        var square = Ops.mul(image, image);
        var shifted = Ops.add(image, row);
        var outputs = new LinkedHashMap<String, Node>();
        outputs.put("channels", Ops.sum(square, 0, 1));
        outputs.put("rows", Ops.sum(Ops.mul(shifted, square), 2));
        outputs.put("all", Ops.sumAll(square));
        outputs.put("middle", Ops.sum(shifted, 1));
        outputs.put("stored", Ops.scale(2, shifted));
        var wide = d.normal(3, 5000);
        outputs.put("long rows", Ops.sum(wide, 1));
        outputs.put("largest", Ops.max(wide, 1));
        var tall = d.normal(6000, 3);
        outputs.put("tall columns", Ops.sum(Ops.mul(tall, tall), 0));
        return new Asked(outputs, tensors(d));
    }

    private static Map<String, Tensor> tensors(Draw d) {
        var tensors = new LinkedHashMap<String, Tensor>();
        for (Node n : List.copyOf(d.graph().nodes())) {
            if (n.op() instanceof Input in)
                tensors.put(
                        in.name(), Tensor.of(n.dtype(), n.shape(), d.values().get(in.name())));
        }
        return tensors;
    }

    /** Reductions that are cut into chunks, along every kind of axes, beside stores. */
    static void largeReductionsAgree() {
        for (var dtype : List.of(DType.F64, DType.F32)) {
            Seeds.each(seed -> {
                var asked = large(seed, dtype);
                try (var backend = open()) {
                    double error = error(backend, asked.outputs(), asked.inputs());
                    assertTrue(error <= (dtype == DType.F64 ? 1e-12 : 1e-5), () -> dtype + ": error " + error);
                }
                assertTrue(FakeControl.calls().stream()
                        .filter(c -> c.startsWith("cuModuleGetFunction"))
                        .anyMatch(c -> c.endsWith("finish)")));
            });
        }
    }

    /** A convolutional net's loss, gradient, Hessian-vector product and the gradient of its quadratic form. */
    static void productsOfANetAgree() {
        for (var dtype : List.of(DType.F64, DType.F32)) {
            Seeds.each(seed -> {
                var d = new Draw(seed, dtype);
                var x = d.normal(3, 6, 5, 2);
                var w = d.variable("w", () -> 0.3 * d.gaussian(), 4, 3, 3, 2);
                var head = d.variable("head", () -> 0.3 * d.gaussian(), 3, 4);
                var h = Ops.apply(
                        Activations.named("gelu", Map.of()).asActivation(),
                        Ops.conv2d(x, w, ConvGeometry.of(2, 1, 1, 1)));
                var pooled = Ops.reshape(Ops.mean(h, 1, 2), Shape.of(3, 4));
                var logits = Ops.mark(Ops.matmul(pooled, head, false, true));
                var curvature = Curvature.of(List.of(w, head), logits, z -> Ops.sumAll(Ops.mul(z, Ops.mul(z, z))));
                var v = List.of(d.normal(4, 3, 3, 2), d.normal(3, 4));
                var outputs = new LinkedHashMap<String, Node>();
                outputs.put("loss", curvature.loss());
                put(outputs, "g", curvature.gradient());
                put(outputs, "h", curvature.hvp(v));
                put(outputs, "t", curvature.gradVhv(v));
                try (var backend = open()) {
                    double error = error(backend, outputs, tensors(d));
                    assertTrue(error <= (dtype == DType.F64 ? 1e-11 : 1e-5), () -> dtype + ": error " + error);
                }
            });
        }
    }

    private static void put(Map<String, Node> outputs, String name, List<Node> nodes) {
        for (var i = 0; i < nodes.size(); i++) outputs.put(name + i, nodes.get(i));
    }

    /** An input replaced by an output, and an output added to, over several runs; recorded runs see new values in the same buffers. */
    static void buffersAreReplacedAndAddedTo() {
        FakeControl.reset();
        try (var backend = open()) {
            var d = new Draw(1, DType.F32);
            var p = d.variable("p", () -> 1, 5);
            var g = d.variable("g", () -> 2, 5);
            var computation = new Computation(List.of(
                    new Computation.Output("p", Ops.sub(p, Ops.scale(0.5, g)), Computation.Mode.WRITE),
                    new Computation.Output("sum", Ops.mul(p, g), Computation.Mode.ACCUMULATE)));
            try (var executable = backend.compile(computation)) {
                var shape = Shape.of(5);
                var theta = backend.allocate(DType.F32, shape);
                var gradient = backend.allocate(DType.F32, shape);
                var sum = backend.allocate(DType.F32, shape);
                executable.bind("p", theta);
                executable.bind("g", gradient);
                executable.bind("sum", sum);
                theta.write(Tensor.of(DType.F32, shape, new double[] {1, 2, 3, 4, 5}));
                var expected = new double[] {1, 2, 3, 4, 5};
                var added = new double[5];
                for (var run = 1; run <= 5; run++) {
                    var value = new double[] {run, -run, 2, 0, 1};
                    gradient.write(Tensor.of(DType.F32, shape, value));
                    executable.run();
                    for (var i = 0; i < 5; i++) {
                        added[i] += expected[i] * value[i];
                        expected[i] -= 0.5 * value[i];
                    }
                    assertArrayEquals(expected, theta.read().toDoubleArray(), 1e-6);
                    assertArrayEquals(added, sum.read().toDoubleArray(), 1e-5);
                }
            }
            assertEquals(
                    1,
                    FakeControl.calls().stream()
                            .filter(c -> c.startsWith("cuStreamBeginCapture"))
                            .count());
            assertEquals(
                    4,
                    FakeControl.calls().stream()
                            .filter(c -> c.startsWith("cuGraphLaunch"))
                            .count());
        }
        assertEquals(0, FakeControl.alive());
    }

    /** An upload waits on the device for the run that used its buffer last, and the next run for the upload. */
    static void copiesOverlapTheStepBefore() {
        FakeControl.reset();
        try (var backend = open()) {
            var d = new Draw(1, DType.F32);
            var x = d.variable("x", () -> 1, 5);
            try (var executable = backend.compile(Computation.of(Map.of("y", Ops.scale(3, x))))) {
                var shape = Shape.of(5);
                var here = backend.allocate(DType.F32, shape);
                var next = backend.allocate(DType.F32, shape);
                var y = backend.allocate(DType.F32, shape);
                executable.bind("x", here);
                executable.bind("y", y);
                executable.run();
                int before = FakeControl.calls().size();
                next.write(Tensor.allocate(DType.F32, shape));
                var calls =
                        FakeControl.calls().subList(before, FakeControl.calls().size());
                assertTrue(calls.stream().noneMatch(c -> c.startsWith("cuStreamWaitEvent(stream2")), calls::toString);
                assertTrue(calls.getLast().startsWith("cuStreamWaitEvent(stream1"), calls::toString);
                before = FakeControl.calls().size();
                here.write(Tensor.allocate(DType.F32, shape));
                calls = FakeControl.calls().subList(before, FakeControl.calls().size());
                assertTrue(calls.getFirst().startsWith("cuStreamWaitEvent(stream2"), calls::toString);
            }
        }
    }

    /** A whole net, all its products up to third order. */
    static void conforms(SmallNets kind, DType dtype) {
        Seeds.each(seed -> {
            try (var backend = open()) {
                Conformance.check(backend, kind, dtype, seed);
            }
        });
    }

    static List<OpCase> cases() {
        return OpCases.all();
    }
}
