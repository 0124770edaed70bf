package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Curvature;
import hesse.autodiff.Reverse;
import hesse.backend.BackendOptions;
import hesse.backend.DeviceBuffer;
import hesse.backend.reference.GraphInterpreter;
import hesse.cases.Checks;
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
import java.util.SplittableRandom;

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

    private static final int FMA = 3;
    private static final int NHWC = 1;

    /** How cuDNN is to answer. */
    private enum Way {
        AS_ASKED,
        WITHOUT_ADDING,
        CHANNELS_FIRST_ONLY,
        NOT_AT_ALL;

        void arrange() {
            if (this != NOT_AT_ALL) FakeControl.propose(5, 0, 4096, true, FMA);
            if (this == WITHOUT_ADDING) FakeControl.refuseToAdd();
            if (this == CHANNELS_FIRST_ONLY) FakeControl.refuse(NHWC, -1);
        }
    }

    private static CudaBackend open(String precision, Way way) {
        FakeControl.reset();
        way.arrange();
        return CudaBackend.open(new BackendOptions(0, precision, false, false), cache);
    }

    /** The three directions, and two convolutions of each added into one buffer with factors, in a geometry drawn anew. */
    private static Asked convolutions(long seed, DType dtype) {
        var random = new SplittableRandom(seed);
        int groups = random.nextInt(1, 3);
        int c = groups * random.nextInt(1, 4);
        int k = groups * random.nextInt(1, 4);
        int r = random.nextInt(1, 4);
        int s = random.nextInt(1, 4);
        int strideH = random.nextInt(1, 3);
        int strideW = random.nextInt(1, 3);
        int dilationH = random.nextInt(1, 3);
        int dilationW = random.nextInt(1, 3);
        int top = random.nextInt(0, 3);
        int left = random.nextInt(0, 3);
        var geometry = new ConvGeometry(strideH, strideW, top, top, left, left, dilationH, dilationW, groups);
        var d = new Draw(seed, dtype);
        int h = 1 + dilationH * (r - 1) + random.nextInt(1, 6);
        int w = 1 + dilationW * (s - 1) + random.nextInt(1, 6);
        var x = List.of(d.normal(2, h, w, c), d.normal(2, h, w, c));
        var f = List.of(d.normal(k, r, s, c / groups), d.normal(k, r, s, c / groups));
        var y = List.of(Ops.conv2d(x.get(0), f.get(0), geometry), Ops.conv2d(x.get(1), f.get(1), geometry));
        var g = List.of(like(d, y.get(0)), like(d, y.get(0)));
        var outputs = new LinkedHashMap<String, Node>();
        outputs.put("forward", y.get(0));
        outputs.put("forwards", Ops.add(Ops.scale(-0.5, y.get(0)), Ops.scale(3, y.get(1))));
        var first = Reverse.vjp(Map.of(y.get(0), g.get(0)), List.of(x.get(0), f.get(0)));
        var other = Reverse.vjp(Map.of(y.get(1), g.get(1)), List.of(x.get(1), f.get(1)));
        outputs.put("image", first.get(0));
        outputs.put("images", Ops.add(Ops.scale(-0.5, first.get(0)), Ops.scale(3, other.get(0))));
        outputs.put("filter", first.get(1));
        outputs.put("filters", Ops.add(Ops.scale(-0.5, first.get(1)), Ops.scale(3, other.get(1))));
        return new Asked(outputs, tensors(d));
    }

    private static Node like(Draw d, Node n) {
        return d.normal(n.shape().dims());
    }

    /** Each way of a convolution, whatever it does between, gives the interpreter's numbers by the library's descriptors. */
    static void convolutionsAgreeInEveryWay(DType dtype, String precision, double allowed) {
        for (var way : Way.values()) {
            Seeds.each(seed -> {
                var asked = convolutions(seed, dtype);
                try (var backend = open(precision, way)) {
                    double error = error(backend, asked.outputs(), asked.inputs());
                    assertTrue(error <= allowed, () -> way + " " + dtype + " " + precision + ": error " + error);
                }
                boolean ran = FakeControl.calls().stream().anyMatch(c -> c.startsWith("cudnnConvolution"));
                // Mixed types are only had by widening, and that keeps channels last.
                boolean mixed = way == Way.CHANNELS_FIRST_ONLY && precision.equals("bf16");
                if (!mixed) assertEquals(way != Way.NOT_AT_ALL, ran);
                assertEquals(0, FakeControl.alive());
            });
        }
    }

    static void convolutionsAgree() {
        convolutionsAgreeInEveryWay(DType.F32, "f32", 1e-5);
        convolutionsAgreeInEveryWay(DType.F64, "f64", 1e-11);
        convolutionsAgreeInEveryWay(DType.F32, "tf32", 1e-5);
        convolutionsAgreeInEveryWay(DType.F32, "bf16", 2e-2);
    }

    /** What a library refuses for bf16 operands and an output of f32, it does with the same numbers in f32, not a kernel of ours. */
    static void bf16IsMultipliedAsTf32WhereTheLibraryHasNoMixedTypes() {
        FakeControl.reset();
        var asked = convolutions(3, DType.F32);
        try (var backend = open("bf16", Way.AS_ASKED)) {
            assertTrue(error(backend, asked.outputs(), asked.inputs()) <= 2e-2);
        }
        var calls = FakeControl.calls();
        assertTrue(calls.stream().anyMatch(c -> c.startsWith("cudnnConvolutionForward")));
        assertTrue(calls.stream().noneMatch(c -> c.startsWith("cuModuleGetFunction") && c.contains("convolve")));
    }

    private static double[] rounded(double[] values) {
        var r = values.clone();
        for (var i = 0; i < r.length; i++) {
            int bits = Float.floatToIntBits((float) r[i]);
            r[i] = Float.intBitsToFloat(bits + 0x7fff + (bits >> 16 & 1) & 0xffff0000);
        }
        return r;
    }

    /** Products of three convolutions and a product, all that lies between stored in bf16, from inputs rounded to bf16. */
    static void productsOfANetAgreeInBf16() {
        Seeds.each(seed -> {
            var d = new Draw(seed, DType.F32);
            var x = d.normal(4, 6, 6, 3);
            var w = List.of(
                    d.variable("w0", () -> 0.3 * d.gaussian(), 8, 3, 3, 3),
                    d.variable("w1", () -> 0.2 * d.gaussian(), 8, 3, 3, 8),
                    d.variable("w2", () -> 0.2 * d.gaussian(), 8, 3, 3, 8),
                    d.variable("w3", () -> 0.5 * d.gaussian(), 5, 8));
            var gelu = Activations.named("gelu", Map.of()).asActivation();
            var h = x;
            for (var layer = 0; layer < 3; layer++) {
                h = Ops.apply(gelu, Ops.conv2d(h, w.get(layer), ConvGeometry.of(layer == 1 ? 2 : 1, 1, 1, 1)));
            }
            var logits = Ops.mark(Ops.matmul(Ops.reshape(Ops.mean(h, 1, 2), Shape.of(4, 8)), w.get(3), false, true));
            var curvature = Curvature.of(w, logits, z -> Ops.sumAll(Ops.mul(z, Ops.mul(z, z))));
            var v = w.stream().map(p -> d.normal(p.shape().dims())).toList();
            var quantities = new LinkedHashMap<String, List<Node>>();
            quantities.put("gradient", curvature.gradient());
            quantities.put("hvp", curvature.hvp(v));
            quantities.put("third", curvature.gradVhv(v));
            var allowed = List.of(2e-2, 4e-2, 6e-2).iterator();
            var values = new LinkedHashMap<String, double[]>();
            d.values().forEach((name, value) -> values.put(name, rounded(value)));
            var all = quantities.values().stream().flatMap(List::stream).toList();
            var expected = GraphInterpreter.evaluate(all, values);
            try (var backend = open("bf16", Way.AS_ASKED)) {
                var actual = Conformance.run(backend, all, values).values();
                int start = 0;
                for (var q : quantities.entrySet()) {
                    int end = start + q.getValue().size();
                    double error = Errors.relative(actual.subList(start, end), expected.subList(start, end), 0.05);
                    double most = allowed.next();
                    assertTrue(error <= most, () -> q.getKey() + ": error " + error);
                    System.out.println("bf16 " + q.getKey() + " is off by " + error);
                    start = end;
                }
            }
            var calls = FakeControl.calls();
            // An image of bf16, channels last.
            assertTrue(
                    calls.stream().anyMatch(c -> c.matches("cudnnSetTensor4dDescriptor\\(tensor\\d+, 1, 9, 4, 8, .*")));
            assertTrue(calls.stream().noneMatch(c -> c.startsWith("cuModuleGetFunction") && c.contains("convolve")));
            assertEquals(0, FakeControl.alive());
        });
    }

    /**
     * Six steps of PSAM with momentum on a convolutional net, parameters and velocities replaced in place, batches written into two sets of
     * buffers in turn while the other is in use: after them state and losses are those of the interpreter, which steps in f64.
     */
    static void aTrainingRunAgrees() {
        for (var dtype : List.of(DType.F64, DType.F32)) {
            Seeds.each(seed -> {
                var d = new Draw(seed, dtype);
                var x = d.variable("x", d::gaussian, 4, 6, 5, 2);
                var shapes = List.of(new int[] {4, 3, 3, 2}, new int[] {4, 3, 3, 4}, new int[] {3, 4});
                var w = new ArrayList<Node>();
                var u = new ArrayList<Node>();
                for (var i = 0; i < shapes.size(); i++) {
                    w.add(d.variable("w" + i, () -> 0.3 * d.gaussian(), shapes.get(i)));
                    u.add(d.variable("u" + i, () -> 0, shapes.get(i)));
                }
                var gelu = Activations.named("gelu", Map.of()).asActivation();
                var h = Ops.apply(gelu, Ops.conv2d(x, w.get(0), ConvGeometry.of(1, 1, 1, 1)));
                h = Ops.apply(gelu, Ops.conv2d(h, w.get(1), ConvGeometry.of(2, 1, 1, 1)));
                var pooled = Ops.reshape(Ops.mean(h, 1, 2), Shape.of(4, 4));
                var logits = Ops.mark(Ops.matmul(pooled, w.get(2), false, true));
                var curvature = Curvature.of(w, logits, z -> Ops.sumAll(Ops.mul(z, z)));
                var g = curvature.gradient();
                var norm = Ops.norm(g);
                var hg = curvature.hvp(g.stream().map(n -> Ops.div(n, norm)).toList());
                var outputs = new LinkedHashMap<String, Node>();
                outputs.put("loss", curvature.loss());
                for (var i = 0; i < w.size(); i++) {
                    var velocity = Ops.add(Ops.scale(0.9, u.get(i)), Ops.add(g.get(i), Ops.scale(0.1, hg.get(i))));
                    outputs.put("u" + i, velocity);
                    outputs.put("w" + i, Ops.sub(w.get(i), Ops.scale(0.02, velocity)));
                }
                var names = new ArrayList<>(outputs.keySet());
                var values = new LinkedHashMap<>(d.values());
                try (var backend = open(dtype == DType.F64 ? "f64" : "f32", Way.AS_ASKED);
                        var executable = backend.compile(Computation.of(outputs))) {
                    var buffers = new LinkedHashMap<String, DeviceBuffer>();
                    for (var b : executable.plan().buffers()) {
                        if (b.place() == Plan.Place.SLAB || b.name().equals("x")) continue;
                        var buffer = backend.allocate(b.dtype(), b.shape());
                        if (b.place() == Plan.Place.INPUT)
                            buffer.write(Tensor.of(b.dtype(), b.shape(), values.get(b.name())));
                        buffers.put(b.name(), buffer);
                        executable.bind(b.name(), buffer);
                    }
                    var batches = List.of(backend.allocate(dtype, x.shape()), backend.allocate(dtype, x.shape()));
                    for (var t = 0; t < 6; t++) {
                        var batch = new double[Math.toIntExact(x.shape().size())];
                        for (var i = 0; i < batch.length; i++) batch[i] = (float) d.gaussian();
                        values.put("x", batch);
                        batches.get(t % 2).write(Tensor.of(dtype, x.shape(), batch));
                        executable.bind("x", batches.get(t % 2));
                        executable.run();
                        var expected = GraphInterpreter.evaluate(new ArrayList<>(outputs.values()), values);
                        for (var i = 0; i < names.size(); i++) {
                            var name = names.get(i);
                            var actual = List.of(buffers.get(name).read().toDoubleArray());
                            double error = Errors.relative(actual, List.of(expected.get(i)), 0.05);
                            int step = t;
                            assertTrue(
                                    error <= (dtype == DType.F64 ? 1e-11 : 1e-4),
                                    () -> dtype + " step " + step + " " + name + ": error " + error);
                            if (values.containsKey(name)) values.put(name, expected.get(i));
                        }
                    }
                }
                long launches = FakeControl.calls().stream()
                        .filter(c -> c.startsWith("cuGraphLaunch"))
                        .count();
                // The first run with each batch's buffer goes step by step, the second is recorded.
                assertEquals(4, launches);
                assertEquals(0, FakeControl.alive());
            });
        }
    }

    private static long launches() {
        return FakeControl.calls().stream()
                .filter(c -> c.startsWith("cuLaunchKernel"))
                .count();
    }

    /**
     * The updates of many tensors, of sizes from one element on, are a few launches: as many as records fit, for each width in which rows
     * are moved and each kind of update. Replayed too, they make what the interpreter makes.
     */
    static void updatesOfManyTensorsStartTogether() {
        for (var dtype : List.of(DType.F64, DType.F32)) {
            Seeds.each(seed -> {
                var random = new SplittableRandom(seed);
                var d = new Draw(seed, dtype);
                var rate = d.variable("rate", () -> 0.1);
                var outputs = new LinkedHashMap<String, Node>();
                int tensors = 150;
                for (var i = 0; i < tensors; i++) {
                    int[] shape = i == 7 ? new int[] {3, 1111} : new int[] {random.nextInt(1, 20)};
                    var w = d.variable("w" + i, d::gaussian, shape);
                    var u = d.variable("u" + i, d::gaussian, shape);
                    var g = d.variable("g" + i, d::gaussian, shape);
                    var velocity = Ops.add(Ops.scale(0.9, u), Ops.scale(0.01 * (i + 1), g));
                    outputs.put("u" + i, velocity);
                    outputs.put("w" + i, Ops.sub(w, Ops.mul(rate, velocity)));
                }
                var values = new LinkedHashMap<>(d.values());
                try (var backend = open();
                        var executable = backend.compile(Computation.of(outputs))) {
                    var buffers = new LinkedHashMap<String, DeviceBuffer>();
                    for (var b : executable.plan().buffers()) {
                        if (b.place() == Plan.Place.SLAB) continue;
                        var buffer = backend.allocate(b.dtype(), b.shape());
                        buffer.write(Tensor.of(b.dtype(), b.shape(), values.get(b.name())));
                        buffers.put(b.name(), buffer);
                        executable.bind(b.name(), buffer);
                    }
                    for (var run = 0; run < 3; run++) {
                        long before = launches();
                        executable.run();
                        if (run == 0) {
                            long steps = executable.plan().steps().size();
                            assertTrue(steps >= tensors, () -> steps + " steps");
                            long started = launches() - before;
                            assertTrue(started <= 24, () -> started + " launches of " + steps + " steps");
                        }
                        var names = new ArrayList<>(outputs.keySet());
                        var expected = GraphInterpreter.evaluate(new ArrayList<>(outputs.values()), values);
                        for (var i = 0; i < names.size(); i++) {
                            var name = names.get(i);
                            var actual = List.of(buffers.get(name).read().toDoubleArray());
                            double error = difference(actual, new ArrayList<>(List.of(expected.get(i))));
                            assertTrue(error <= (dtype == DType.F64 ? 1e-14 : 1e-5), () -> name + ": error " + error);
                            values.put(name, expected.get(i));
                        }
                    }
                }
                assertEquals(0, FakeControl.alive());
            });
        }
    }

    /** Every kind of net runs in bf16, at the error that roundings of this size bring. */
    static void runsInBf16(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(seed, DType.F32);
            var all = new ArrayList<Node>(List.of(net.curvature().loss()));
            all.addAll(net.curvature().gradient());
            var values = new LinkedHashMap<>(net.draw().values());
            var expected = GraphInterpreter.evaluate(all, values);
            var random = new SplittableRandom(seed);
            double shaken = 0;
            for (var draw = 0; draw < 4; draw++) {
                var moved = new LinkedHashMap<String, double[]>();
                values.forEach((name, value) -> {
                    boolean integers = name.startsWith("i") || name.startsWith("b") || name.startsWith("n");
                    var copy = value.clone();
                    for (var i = 0; i < copy.length && !integers; i++) copy[i] *= 1 + 0x1p-8 * random.nextDouble(-1, 1);
                    moved.put(name, copy);
                });
                shaken = Math.max(shaken, Errors.relative(GraphInterpreter.evaluate(all, moved), expected, 0.05));
            }
            try (var backend = open("bf16", Way.AS_ASKED)) {
                double error =
                        Errors.relative(Conformance.run(backend, all, values).values(), expected, 0.05);
                double most = 2e-2 + 10 * shaken;
                assertTrue(error <= most, () -> kind + ": error " + error + ", allowed " + most);
            }
        });
    }

    /** Matrix products in all four transpositions, in batches, added with factors, from buffers aligned to one element only. */
    static void productsAgreeFromBuffersThatBeginAnywhere() {
        for (var dtype : List.of(DType.F64, DType.F32)) {
            Seeds.each(seed -> {
                var d = new Draw(seed, dtype);
                var outputs = new LinkedHashMap<String, Node>();
                for (var flags = 0; flags < 4; flags++) {
                    boolean ta = (flags & 1) != 0;
                    boolean tb = (flags & 2) != 0;
                    var a = ta ? d.normal(3, 5, 2) : d.normal(3, 2, 5);
                    var b = tb ? d.normal(3, 7, 5) : d.normal(3, 5, 7);
                    var more = ta ? d.normal(3, 5, 2) : d.normal(3, 2, 5);
                    var one = Ops.matmul(a, b, ta, tb);
                    outputs.put("one" + flags, one);
                    outputs.put("two" + flags, Ops.add(Ops.scale(2, one), Ops.scale(-3, Ops.matmul(more, b, ta, tb))));
                }
                var inputs = tensors(d);
                var doubles = new HashMap<String, double[]>();
                inputs.forEach((name, tensor) -> doubles.put(name, tensor.toDoubleArray()));
                var expected = GraphInterpreter.evaluate(new ArrayList<>(outputs.values()), doubles);
                try (var backend = open(dtype == DType.F64 ? "f64" : "f32", Way.NOT_AT_ALL);
                        var executable = backend.compile(Computation.of(outputs))) {
                    var buffers = new LinkedHashMap<String, DeviceBuffer>();
                    var all = new ArrayList<DeviceBuffer>();
                    for (var b : executable.plan().buffers()) {
                        if (b.place() == Plan.Place.SLAB) continue;
                        var longer = backend.allocate(
                                b.dtype(), Shape.of(Math.toIntExact(b.shape().size() + 1)));
                        var rows = longer.rows(1, Math.toIntExact(b.shape().size()));
                        all.add(longer);
                        buffers.put(b.name(), rows);
                        executable.bind(b.name(), rows);
                    }
                    for (var run = 0; run < 3; run++) {
                        inputs.forEach((name, tensor) -> {
                            // Flat, as the views are.
                            var flat = Shape.of(Math.toIntExact(tensor.size()));
                            buffers.get(name).write(new Tensor(tensor.dtype(), flat, tensor.data()));
                        });
                        executable.run();
                        var actual = new ArrayList<double[]>();
                        for (var name : outputs.keySet())
                            actual.add(buffers.get(name).read().toDoubleArray());
                        double error = difference(actual, expected);
                        assertTrue(error <= (dtype == DType.F64 ? 1e-12 : 1e-5), () -> dtype + ": error " + error);
                    }
                }
                assertEquals(0, FakeControl.alive());
            });
        }
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

    private static List<String> callsFrom(int first) {
        return FakeControl.calls().subList(first, FakeControl.calls().size());
    }

    private static int firstOf(List<String> calls, String prefix) {
        for (var i = 0; i < calls.size(); i++) if (calls.get(i).startsWith(prefix)) return i;
        throw new AssertionError("no " + prefix + " in " + calls);
    }

    /** An upload waits on the device for the run that used its buffer last, and the next run for the upload. */
    static void copiesOverlapTheStepBefore() {
        FakeControl.reset();
        try (var backend = open()) {
            var d = new Draw(1, DType.F32);
            var x = d.variable("x", () -> 1, 500);
            try (var executable = backend.compile(Computation.of(Map.of("y", Ops.scale(3, x))))) {
                var shape = Shape.of(500);
                var here = backend.allocate(DType.F32, shape);
                var next = backend.allocate(DType.F32, shape);
                var y = backend.allocate(DType.F32, shape);
                executable.bind("x", here);
                executable.bind("y", y);
                executable.run();
                int before = FakeControl.calls().size();
                next.write(Tensor.allocate(DType.F32, shape));
                var calls = callsFrom(before);
                assertTrue(calls.stream().noneMatch(c -> c.startsWith("cuStreamWaitEvent(stream2")), calls::toString);
                assertTrue(calls.getLast().startsWith("cuStreamWaitEvent(stream1"), calls::toString);
                before = FakeControl.calls().size();
                here.write(Tensor.allocate(DType.F32, shape));
                calls = callsFrom(before);
                assertTrue(calls.getFirst().startsWith("cuStreamWaitEvent(stream2"), calls::toString);
            }
        }
    }

    /**
     * A training loop over two sets of inputs that looks at a run's numbers two runs later. The host waits for nothing but those numbers'
     * own mark, and only once the next runs are given; a batch is copied on the stream of its own, behind the run before the last, which
     * read from its place, and before the wait for the last one's numbers; scalars go in the order of the runs.
     */
    static void batchesAreCopiedAndNumbersReadBesideTheRunsBetween() {
        FakeControl.reset();
        try (var backend = open()) {
            var d = new Draw(1, DType.F32);
            var x = d.variable("x", () -> 1, 500);
            var rate = d.variable("rate", () -> 1);
            var outputs = Map.of("sum", Ops.mul(rate, Ops.sumAll(x)));
            try (var executable = backend.compile(Computation.of(outputs))) {
                var shape = Shape.of(500);
                var batches = List.of(backend.allocate(DType.F32, shape), backend.allocate(DType.F32, shape));
                var factor = backend.allocate(DType.F32, Shape.SCALAR);
                var sum = backend.allocate(DType.F32, Shape.SCALAR);
                executable.bind("rate", factor);
                executable.bind("sum", sum);
                assertEquals(2, backend.runsAhead());
                var under = new java.util.ArrayDeque<hesse.backend.Reading>();
                var marks = new ArrayList<String>();
                for (var t = 0; t < 12; t++) {
                    int begin = FakeControl.calls().size();
                    var values = new double[500];
                    java.util.Arrays.fill(values, t);
                    batches.get(t % 2).write(Tensor.of(DType.F32, shape, values));
                    executable.bind("x", batches.get(t % 2));
                    factor.write(Tensor.of(DType.F32, Shape.SCALAR, new double[] {0.5}));
                    executable.run();
                    under.addLast(backend.later(List.of(sum)));
                    var calls = callsFrom(begin);
                    // The copy of a batch waits for the run before the last, by the mark set behind that.
                    int copied = firstOf(calls, "cuMemcpyHtoDAsync_v2");
                    assertTrue(calls.get(copied).endsWith(", 2000, stream2)"), calls::toString);
                    if (t >= 2) {
                        assertEquals("cuStreamWaitEvent(stream2, " + marks.get(t - 2) + ", 0)", calls.getFirst());
                        assertTrue(firstOf(calls, "cuStreamWaitEvent(stream2") < copied);
                    }
                    // The run waits for the copy; the scalar is copied in its own stream and needs no mark.
                    int uploaded = firstOf(calls, "cuStreamWaitEvent(stream1");
                    assertTrue(copied < uploaded, calls::toString);
                    var scalar = calls.subList(uploaded, calls.size());
                    assertTrue(
                            scalar.get(firstOf(scalar, "cuMemcpyHtoDAsync_v2")).endsWith(", 4, stream1)"));
                    assertTrue(scalar.stream().noneMatch(c -> c.contains("stream2")), scalar::toString);
                    int read = firstOf(scalar, "cuMemcpyDtoHAsync_v2");
                    assertTrue(scalar.get(read - 1).startsWith("cuEventRecord("), "the mark behind the run");
                    marks.add(scalar.get(read - 1)
                            .substring("cuEventRecord(".length())
                            .replace(", stream1)", ""));
                    assertTrue(scalar.get(read + 1).startsWith("cuEventRecord("), "the mark behind the numbers");
                    // What the host waits for, pinned memory that was used long before, is marked behind no run under
                    // way.
                    assertTrue(calls.stream().noneMatch(c -> c.startsWith("cuStreamSynchronize")), calls::toString);
                    if (under.size() <= 2) continue;
                    int wait = FakeControl.calls().size();
                    assertEquals(0.5 * 500 * (t - 2), under.removeFirst().values()[0]);
                    var waits = callsFrom(wait);
                    assertEquals(1, waits.size(), waits::toString);
                    assertTrue(waits.getFirst().startsWith("cuEventSynchronize("), waits::toString);
                }
                assertEquals(0.5 * 500 * 10, under.removeFirst().values()[0]);
                assertEquals(0.5 * 500 * 11, under.removeFirst().values()[0]);
            }
        }
        assertEquals(0, FakeControl.alive());
    }

    /** Numbers that nobody looked at while the ring went round are still those of their own run. */
    static void numbersOutliveTheirPlaceInTheRing() {
        FakeControl.reset();
        try (var backend = open()) {
            var d = new Draw(1, DType.F64);
            var x = d.variable("x", () -> 1);
            try (var executable = backend.compile(Computation.of(Map.of("y", Ops.scale(3, x))))) {
                var in = backend.allocate(DType.F64, Shape.SCALAR);
                var y = backend.allocate(DType.F64, Shape.SCALAR);
                executable.bind("x", in);
                executable.bind("y", y);
                var readings = new ArrayList<hesse.backend.Reading>();
                for (var t = 0; t < 3 * Readings.PLACES; t++) {
                    in.write(Tensor.of(DType.F64, Shape.SCALAR, new double[] {t}));
                    executable.run();
                    readings.add(backend.later(List.of(y, in)));
                }
                for (var t = 0; t < readings.size(); t++) {
                    assertArrayEquals(new double[] {3 * t, t}, readings.get(t).values());
                }
                var many = new ArrayList<DeviceBuffer>();
                for (var i = 0; i <= Readings.MOST; i++) many.add(y);
                org.junit.jupiter.api.Assertions.assertThrows(
                        IllegalArgumentException.class, () -> backend.later(many));
            }
        }
        assertEquals(0, FakeControl.alive());
    }

    /** What is written in the order of the runs and beside them, to a buffer and to some of its rows, comes in the order of the program. */
    static void copiesInAndBesideTheOrderOfRunsKeepTheProgramsOrder() {
        FakeControl.reset();
        try (var backend = open()) {
            var whole = backend.allocate(DType.F32, Shape.of(500));
            whole.rows(1, 2).rows(1, 1).write(Tensor.of(DType.F32, Shape.of(1), new double[] {7}));
            int before = FakeControl.calls().size();
            whole.write(Tensor.allocate(DType.F32, Shape.of(500)));
            var calls = callsFrom(before);
            // The long copy waits for all that the computation's stream was given.
            assertTrue(calls.get(0).startsWith("cuEventRecord(") && calls.get(0).endsWith("stream1)"), calls::toString);
            var mark = calls.get(0).substring("cuEventRecord(".length()).replace(", stream1)", "");
            assertEquals("cuStreamWaitEvent(stream2, " + mark + ", 0)", calls.get(1));
            before = FakeControl.calls().size();
            whole.write(Tensor.allocate(DType.F32, Shape.of(500)));
            assertTrue(callsFrom(before).stream().noneMatch(c -> c.startsWith("cuStreamWaitEvent(stream2")));
        }
    }

    /** A whole net, all its products up to third order. */
    static void conforms(SmallNets kind, DType dtype) {
        Seeds.each(seed -> {
            try (var backend = open()) {
                Checks.check(backend, kind, dtype, seed);
            }
        });
    }

    static List<OpCase> cases() {
        return OpCases.all();
    }
}
