package hesse.cases;

import hesse.autodiff.Dual;
import hesse.autodiff.Reverse;
import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.backend.reference.GraphInterpreter;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Random;
import hesse.plan.Computation;
import hesse.plan.Live;
import hesse.plan.Plan.Place;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;

/**
 * Compares a backend with the interpreter of graphs, over the case table and over whole nets. Every plan runs three times, which on a GPU is
 * step by step, recorded, and replayed; outputs hold NaN before each run, and all three have to leave the same bits.
 */
public final class Conformance {
    /** What a tensor's own norm counts as at least: one that is zero by cancellation holds the rounding of all others. */
    private static final double FLOOR = 0.05;

    private static final int RUNS = 3;
    private static final int DRAWS = 1000;
    private static final int SHAKES = 3;
    /** Elements off by up to so much of a largest rounding, evenly, are off as far as rounded ones are in the mean. */
    private static final double SHARE = 0.75;
    /** Kinks have to be so many times farther away than inputs are off: what lies between is rounded again and again. */
    private static final double FAR = 4;

    private Conformance() {}

    /**
     * One quantity as the backend and the interpreter have it.
     *
     * @param order of the derivative; 0 for a value
     * @param exact whether nothing but equality will do
     * @param error relative in norm; NaN where the backend's is
     * @param response relative change of the interpreter's result when its inputs are off by their rounding; NaN where that was not asked
     */
    public record Comparison(String quantity, int order, boolean exact, double error, double response) {}

    /**
     * A comparison with its verdict.
     *
     * @param subject the case or net
     * @param allowed the largest error that passes
     * @param seed draws the same inputs again
     */
    public record Finding(
            String subject, Rounding rounding, String quantity, int order, double error, double allowed, long seed) {
        public boolean passed() {
            return error <= allowed;
        }

        @Override
        public String toString() {
            return subject + " in " + rounding.word() + ", " + quantity + ": off by " + error + ", allowed " + allowed
                    + ", seed " + seed;
        }
    }

    /**
     * What a backend makes of some nodes.
     *
     * @param values by node, row-major
     * @param repeats whether all runs left the same bits
     */
    public record Outcome(List<double[]> values, boolean repeats) {}

    /** Runs a computation several times, given the inputs' values by name; outputs hold NaN or −1 before. */
    public static Outcome run(Backend backend, List<Node> outputs, Map<String, double[]> values) {
        var named = new LinkedHashMap<String, Node>();
        for (Node n : outputs) named.put("output " + named.size(), n);
        var buffers = new LinkedHashMap<String, DeviceBuffer>();
        try (var executable = backend.compile(Computation.of(named))) {
            var places = executable.plan().buffers().stream()
                    .filter(b -> b.place() != Place.SLAB)
                    .toList();
            for (var b : places) {
                var buffer = backend.allocate(b.dtype(), b.shape());
                buffers.put(b.name(), buffer);
                executable.bind(b.name(), buffer);
            }
            List<double[]> first = List.of();
            boolean repeats = true;
            for (int run = 0; run < RUNS; run++) {
                for (var b : places) {
                    var content = b.place() == Place.INPUT
                            ? Tensor.of(b.dtype(), b.shape(), given(values, b.name()))
                            : poison(b.dtype(), b.shape());
                    Objects.requireNonNull(buffers.get(b.name())).write(content);
                }
                executable.run();
                var results = named.keySet().stream()
                        .map(name ->
                                Objects.requireNonNull(buffers.get(name)).read().toDoubleArray())
                        .toList();
                if (run == 0) first = results;
                for (int i = 0; i < results.size(); i++) repeats &= Arrays.equals(first.get(i), results.get(i));
            }
            return new Outcome(first, repeats);
        } finally {
            buffers.values().forEach(DeviceBuffer::close);
        }
    }

    private static double[] given(Map<String, double[]> values, String name) {
        var value = values.get(name);
        if (value == null) throw new IllegalArgumentException("no value is given for input " + name);
        return value;
    }

    private static Tensor poison(DType type, Shape shape) {
        var tensor = Tensor.allocate(type, shape);
        tensor.data().fill((byte) 0xff);
        return tensor;
    }

    /** One case: the value, and what first and second derivatives make of it. */
    public static List<Comparison> compare(Backend backend, OpCase c, Rounding rounding, long seed) {
        var drawn = c.draw(seed, rounding);
        var values = new LinkedHashMap<>(drawn.values());
        var derivatives = derivatives(drawn, values, seed, rounding);
        var outputs = derivatives.values().stream().flatMap(List::stream).toList();
        var expected = GraphInterpreter.evaluate(outputs, values);
        var actual = run(backend, outputs, values);
        var result = new ArrayList<Comparison>(List.of(repeated(actual)));
        boolean exact = !drawn.output().dtype().isFloat() || drawn.output().op() instanceof Random;
        double whole = Errors.norm(expected);
        int i = 0;
        for (var d : derivatives.entrySet()) {
            double worst = 0;
            for (int k = 0; k < d.getValue().size(); k++, i++) {
                double error = exact
                        ? (Arrays.equals(expected.get(i), actual.values().get(i)) ? 0 : Double.POSITIVE_INFINITY)
                        // beside its own size that of all, for sums that cancel
                        : error(actual.values().get(i), expected.get(i), whole);
                worst = Double.isNaN(error) ? error : Math.max(worst, error);
            }
            result.add(new Comparison(d.getKey(), order(d.getKey()), exact, worst, Double.NaN));
        }
        return result;
    }

    private static double error(double[] actual, double[] expected, double whole) {
        double size = Errors.norm(List.of(expected)) + FLOOR * whole;
        double distance = Errors.distance(List.of(actual), List.of(expected));
        return distance == 0 ? 0 : distance / size;
    }

    private static Comparison repeated(Outcome outcome) {
        return new Comparison(
                "same bits in every run", 0, true, outcome.repeats ? 0 : Double.POSITIVE_INFINITY, Double.NaN);
    }

    private static int order(String derivative) {
        return switch (derivative) {
            case "second tangent", "vjp of the tangent" -> 2;
            case "tangent", "vjp" -> 1;
            default -> 0;
        };
    }

    /** The nodes of a case's value and derivatives by name; directions are added to the values. */
    static Map<String, List<Node>> derivatives(
            OpCase.Drawn drawn, Map<String, double[]> values, long seed, Rounding rounding) {
        var outputs = new LinkedHashMap<String, List<Node>>();
        outputs.put("value", List.of(drawn.output()));
        if (drawn.output().dtype().isFloat() && !drawn.variables().isEmpty()) {
            var random = new SplittableRandom(seed);
            var directions = new LinkedHashMap<Node, Node>();
            for (Node x : drawn.variables()) directions.put(x, like(x, "v" + x.index(), values, random, rounding));
            Node cotangent = like(drawn.output(), "cotangent", values, random, rounding);
            Node first = Dual.tangent(drawn.output(), directions);
            outputs.put("tangent", List.of(first));
            outputs.put("second tangent", List.of(Dual.tangent(first, directions)));
            outputs.put("vjp", Reverse.vjp(Map.of(drawn.output(), cotangent), drawn.variables()));
            outputs.put("vjp of the tangent", Reverse.gradient(Ops.dot(cotangent, first), drawn.variables()));
        }
        return outputs;
    }

    private static Node like(
            Node n, String name, Map<String, double[]> values, SplittableRandom random, Rounding rounding) {
        double[] value = new double[Math.toIntExact(n.shape().size())];
        for (int i = 0; i < value.length; i++) value[i] = rounding.round((float) random.nextDouble(-1, 1));
        values.put(name, value);
        return n.graph().input(name, n.dtype(), n.shape());
    }

    /**
     * Nodes that are asked for together.
     *
     * @param order of the derivative; 0 for a value
     */
    public record Quantity(int order, List<Node> nodes) {}

    /**
     * What a backend is asked, with values for all inputs.
     *
     * @param quantities by name
     */
    public record Problem(Map<String, Quantity> quantities, Map<String, double[]> values) {
        List<Node> nodes() {
            return quantities.values().stream().flatMap(q -> q.nodes.stream()).toList();
        }

        /** The values, with each floating element changed by up to the given share of itself. */
        Map<String, double[]> shaken(double by, SplittableRandom random) {
            var result = new LinkedHashMap<>(values);
            for (Node n : Live.of(nodes())) {
                if (!(n.op() instanceof Input in) || !n.dtype().isFloat()) continue;
                double[] moved = values.getOrDefault(in.name(), new double[0]).clone();
                for (int i = 0; i < moved.length; i++) moved[i] *= 1 + by * random.nextDouble(-1, 1);
                result.put(in.name(), moved);
            }
            return result;
        }
    }

    /** Makes problems of one kind with random values; equal seeds make equal ones. */
    public interface Kind {
        Problem draw(long seed, Rounding rounding);
    }

    /** Every product of a small net up to third order. */
    static Problem products(SmallNets kind, long seed, Rounding rounding) {
        var net = kind.build(seed, rounding);
        var c = net.curvature();
        var v = net.direction();
        var all = new LinkedHashMap<String, Quantity>();
        all.put("loss", new Quantity(0, List.of(c.loss())));
        all.put("logits", new Quantity(0, List.of(c.logits())));
        all.put("gradient", new Quantity(1, c.gradient()));
        all.put("hvp", new Quantity(2, c.hvp(v)));
        all.put("gnvp", new Quantity(2, c.gnvp(v)));
        all.put("nmevp", new Quantity(2, c.nmevp(v)));
        all.put("rest of N", new Quantity(2, c.nmeRestVp(v)));
        all.put("vhv", new Quantity(2, List.of(c.vhv(v))));
        all.put("grad vhv", new Quantity(3, c.gradVhv(v)));
        all.put("grad vgv", new Quantity(3, c.gradVgv(v)));
        return new Problem(all, net.draw().values());
    }

    /**
     * A problem's quantities, each over all its tensors.
     *
     * @param by share of themselves by which inputs are off when the response is taken
     */
    public static List<Comparison> compare(Backend backend, Problem problem, double by, long seed) {
        var all = problem.nodes();
        var expected = GraphInterpreter.evaluate(all, problem.values);
        // several, for one may happen to leave a single number where it is
        var random = new SplittableRandom(seed);
        var shaken = new ArrayList<List<double[]>>();
        for (int i = 0; i < SHAKES; i++) shaken.add(GraphInterpreter.evaluate(all, problem.shaken(by, random)));
        var actual = run(backend, all, problem.values);
        var result = new ArrayList<Comparison>(List.of(repeated(actual)));
        int start = 0;
        for (var q : problem.quantities.entrySet()) {
            int end = start + q.getValue().nodes.size();
            var want = expected.subList(start, end);
            double response = 0;
            for (var s : shaken) response = Math.max(response, Errors.relative(s.subList(start, end), want, FLOOR));
            result.add(new Comparison(
                    q.getKey(),
                    q.getValue().order,
                    false,
                    Errors.relative(actual.values().subList(start, end), want, FLOOR),
                    response));
            start = end;
        }
        return result;
    }

    /** One case with fresh inputs, held to the precision's tolerances. */
    public static List<Finding> check(Backend backend, OpCase c, Rounding rounding, LongSupplier seeds) {
        long seed = seeds.getAsLong();
        return findings(c.name(), rounding, seed, compare(backend, c, rounding, seed));
    }

    /** One small net with fresh inputs, as {@link #check(Backend, String, Kind, Rounding, LongSupplier)}. */
    public static List<Finding> check(Backend backend, SmallNets net, Rounding rounding, LongSupplier seeds) {
        return check(backend, net.name(), (seed, r) -> products(net, seed, r), rounding, seeds);
    }

    /**
     * A problem with fresh inputs, held to the precision's tolerances. Inputs are drawn until the problem is smooth as far as they may be
     * off by rounding, and until that moves none of its quantities by half of what is allowed: a wrong result could else not be told from
     * a rounded one. Only the interpreter decides that.
     *
     * @param subject names it in findings
     * @throws IllegalStateException if there are no such inputs
     */
    public static List<Finding> check(
            Backend backend, String subject, Kind kind, Rounding rounding, LongSupplier seeds) {
        double by = SHARE * rounding.unit();
        for (int draw = 0; draw < DRAWS; draw++) {
            long seed = seeds.getAsLong();
            var problem = kind.draw(seed, rounding);
            if (isSteady(problem, rounding, seed, by)) {
                return findings(subject, rounding, seed, compare(backend, problem, by, seed));
            }
        }
        throw new IllegalStateException(DRAWS + " draws of " + subject
                + " are all too near a kink or too badly conditioned for " + rounding.word());
    }

    private static boolean isSteady(Problem problem, Rounding rounding, long seed, double by) {
        var all = problem.nodes();
        var here = Smoothness.evaluate(all, problem.values);
        var random = new SplittableRandom(seed);
        for (int i = 0; i < 2 * SHAKES; i++) {
            boolean far = i >= SHAKES;
            var there = Smoothness.evaluate(all, problem.shaken(far ? FAR * by : by, random));
            if (there.piece() != here.piece()) return false;
            if (far) continue;
            int start = 0;
            for (var q : problem.quantities.values()) {
                int end = start + q.nodes.size();
                double response = Errors.relative(
                        there.values().subList(start, end), here.values().subList(start, end), FLOOR);
                if (!(response <= rounding.allowed(q.order) / 2)) return false;
                start = end;
            }
        }
        return true;
    }

    private static List<Finding> findings(String subject, Rounding rounding, long seed, List<Comparison> all) {
        return all.stream()
                .map(c -> new Finding(
                        subject,
                        rounding,
                        c.quantity(),
                        c.order(),
                        c.error(),
                        c.exact() ? 0 : rounding.allowed(c.order()),
                        seed))
                .toList();
    }

    /** What a backend makes of a case and its derivatives. */
    static Outcome outcome(Backend backend, OpCase c, DType dtype, long seed) {
        var drawn = c.draw(seed, dtype);
        var values = new LinkedHashMap<>(drawn.values());
        var outputs = derivatives(drawn, values, seed, Rounding.of(dtype));
        return run(backend, outputs.values().stream().flatMap(List::stream).toList(), values);
    }
}
