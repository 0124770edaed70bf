package hesse.cases;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Dual;
import hesse.autodiff.Reverse;
import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.backend.reference.GraphInterpreter;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Random;
import hesse.plan.Computation;
import hesse.plan.Plan.Place;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Holds a backend to the interpreter of graphs, over the case table and over whole nets. */
public final class Conformance {
    private static final double F64 = 1e-12;
    private static final double F32 = 1e-5;

    /** What a tensor's own norm counts as at least: one that is zero by cancellation holds the rounding of all others. */
    private static final double FLOOR = 0.05;

    private Conformance() {}

    /** What a backend makes of some nodes, given the inputs' values by name. */
    public static List<double[]> run(Backend backend, List<Node> outputs, Map<String, double[]> values) {
        var named = new LinkedHashMap<String, Node>();
        for (Node n : outputs) named.put("output " + named.size(), n);
        var buffers = new LinkedHashMap<String, DeviceBuffer>();
        try (var executable = backend.compile(Computation.of(named))) {
            for (var b : executable.plan().buffers()) {
                if (b.place() == Place.SLAB) continue;
                var buffer = backend.allocate(b.dtype(), b.shape());
                if (b.place() == Place.INPUT) buffer.write(Tensor.of(b.dtype(), b.shape(), values.get(b.name())));
                buffers.put(b.name(), buffer);
                executable.bind(b.name(), buffer);
            }
            executable.run();
            return named.keySet().stream()
                    .map(name -> buffers.get(name).read().toDoubleArray())
                    .toList();
        } finally {
            buffers.values().forEach(DeviceBuffer::close);
        }
    }

    /** One case: the value, and what first and second derivatives make of it. */
    public static void check(Backend backend, OpCase c, DType dtype, long seed) {
        var drawn = c.draw(seed, dtype);
        var values = new LinkedHashMap<>(drawn.values());
        var outputs = outputs(drawn, values, seed);
        var expected = GraphInterpreter.evaluate(outputs, values);
        var actual = run(backend, outputs, values);
        if (!drawn.output().dtype().isFloat() || drawn.output().op() instanceof Random) {
            assertArrayEquals(expected.getFirst(), actual.getFirst(), c + " is not exact");
            return;
        }
        boolean single = drawn.graph().nodes().stream().anyMatch(n -> n.dtype() == DType.F32);
        for (int i = 0; i < outputs.size(); i++) {
            // beside its own size that of all, for sums that cancel
            var own = List.of(expected.get(i));
            double size = Errors.norm(own) + FLOOR * Errors.norm(expected);
            double error = Errors.distance(List.of(actual.get(i)), own);
            assertTrue(
                    error <= (single ? F32 : F64) * size,
                    c + " in " + dtype + ", output " + i + " " + outputs.get(i) + " is off by " + error / size);
        }
    }

    /** The value, and what first and second derivatives make of it; directions are added to the values. */
    private static List<Node> outputs(OpCase.Drawn drawn, Map<String, double[]> values, long seed) {
        var outputs = new ArrayList<Node>(List.of(drawn.output()));
        if (drawn.output().dtype().isFloat() && !drawn.variables().isEmpty()) {
            var random = new SplittableRandom(seed);
            var directions = new LinkedHashMap<Node, Node>();
            for (Node x : drawn.variables()) directions.put(x, like(x, "v" + x.index(), values, random));
            Node cotangent = like(drawn.output(), "cotangent", values, random);
            Node first = Dual.tangent(drawn.output(), directions);
            outputs.add(first);
            outputs.add(Dual.tangent(first, directions));
            outputs.addAll(Reverse.vjp(Map.of(drawn.output(), cotangent), drawn.variables()));
            outputs.addAll(Reverse.gradient(Ops.dot(cotangent, first), drawn.variables()));
        }
        return outputs;
    }

    /** The same bits from two backends: the value of a case and its derivatives. */
    public static void same(Backend one, Backend other, OpCase c, DType dtype, long seed) {
        var drawn = c.draw(seed, dtype);
        var values = new LinkedHashMap<>(drawn.values());
        var outputs = outputs(drawn, values, seed);
        same(run(one, outputs, values), run(other, outputs, values), c + " in " + dtype);
    }

    /** The same bits from two backends: the products of a net. */
    public static void same(Backend one, Backend other, SmallNets kind, DType dtype, long seed) {
        var net = kind.build(seed, dtype);
        var c = net.curvature();
        var v = net.direction();
        var all = new ArrayList<Node>(List.of(c.loss()));
        all.addAll(c.gradient());
        all.addAll(c.hvp(v));
        all.addAll(c.gradVhv(v));
        var values = net.draw().values();
        same(run(one, all, values), run(other, all, values), kind + " in " + dtype);
    }

    private static void same(List<double[]> one, List<double[]> other, String what) {
        for (int i = 0; i < one.size(); i++) {
            assertTrue(Arrays.equals(one.get(i), other.get(i)), what + ": output " + i + " has other bits");
        }
    }

    private static Node like(Node n, String name, Map<String, double[]> values, SplittableRandom random) {
        double[] value = new double[Math.toIntExact(n.shape().size())];
        for (int i = 0; i < value.length; i++) value[i] = (float) random.nextDouble(-1, 1);
        values.put(name, value);
        return n.graph().input(name, n.dtype(), n.shape());
    }

    /** A whole net: all products up to third order, as near as the rounding of the net's inputs lets them be. */
    public static void check(Backend backend, SmallNets kind, DType dtype, long seed) {
        var net = kind.build(seed, dtype);
        var c = net.curvature();
        var v = net.direction();
        var quantities = new LinkedHashMap<String, List<Node>>();
        quantities.put("loss", List.of(c.loss()));
        quantities.put("logits", List.of(c.logits()));
        quantities.put("gradient", c.gradient());
        quantities.put("hvp", c.hvp(v));
        quantities.put("gnvp", c.gnvp(v));
        quantities.put("nmevp", c.nmevp(v));
        quantities.put("rest of N", c.nmeRestVp(v));
        quantities.put("vhv", List.of(c.vhv(v)));
        quantities.put("grad vhv", c.gradVhv(v));
        quantities.put("grad vgv", c.gradVgv(v));
        var all = quantities.values().stream().flatMap(List::stream).toList();
        var expected = GraphInterpreter.evaluate(all, net.draw().values());
        var actual = run(backend, all, net.draw().values());
        double unit = dtype == DType.F64 ? 0x1p-53 : 0x1p-24;
        var shaken = GraphInterpreter.evaluate(all, shaken(net.draw().values(), 64 * unit, seed));
        int start = 0;
        for (var q : quantities.entrySet()) {
            int end = start + q.getValue().size();
            var want = expected.subList(start, end);
            double allowed = 64 * unit + 10 * Errors.relative(shaken.subList(start, end), want, FLOOR);
            double error = Errors.relative(actual.subList(start, end), want, FLOOR);
            assertTrue(
                    error <= allowed,
                    kind + " in " + dtype + ": " + q.getKey() + " is off by " + error + ", allowed " + allowed);
            start = end;
        }
    }

    /** Inputs with each element changed by up to the given share of itself; integers stay. */
    private static Map<String, double[]> shaken(Map<String, double[]> values, double by, long seed) {
        var random = new SplittableRandom(seed);
        var result = new LinkedHashMap<String, double[]>();
        values.forEach((name, value) -> {
            double[] moved = value.clone();
            boolean integers = name.startsWith("i") || name.startsWith("b") || name.startsWith("n");
            for (int i = 0; i < moved.length && !integers; i++) moved[i] *= 1 + by * random.nextDouble(-1, 1);
            result.put(name, moved);
        });
        return result;
    }
}
