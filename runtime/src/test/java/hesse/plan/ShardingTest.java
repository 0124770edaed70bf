package hesse.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Dual;
import hesse.backend.Backend;
import hesse.backend.Evaluation;
import hesse.backend.cpu.CpuBackend;
import hesse.backend.reference.GraphInterpreter;
import hesse.backend.reference.ReferenceBackend;
import hesse.cases.Errors;
import hesse.cases.Seeds;
import hesse.cases.SmallNet;
import hesse.cases.SmallNet.Activation;
import hesse.cases.SmallNet.Builder;
import hesse.cases.SmallNets;
import hesse.collective.Collective;
import hesse.collective.InProcess;
import hesse.graph.AllReduce;
import hesse.graph.ConvGeometry;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Pooling;
import hesse.graph.Random;
import hesse.graph.Type;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** A computation divided among ranks by examples gives on each of them what one machine gives for the whole batch. */
class ShardingTest {
    private static final double EXACT = 1e-12;

    @TestFactory
    Stream<DynamicTest> derivativesOfTheWholeBatchComeOutOnEveryRank() {
        return Stream.of(SmallNets.values())
                .filter(kind -> kind != SmallNets.CNN_WITH_DILATION_GROUPS_AND_AVERAGE_POOL)
                .map(kind -> DynamicTest.dynamicTest(
                        kind.name().toLowerCase(java.util.Locale.ROOT),
                        () -> Seeds.each(seed -> {
                            var net = kind.build(seed);
                            for (int size = 2; size <= batch(net); size++) {
                                agrees(net, products(net), size, ReferenceBackend::new);
                                agrees(net, products(net), size, c -> new CpuBackend(1, c));
                            }
                        })));
    }

    @Test
    void unequalPartsAreWeighedRightly() {
        Seeds.each(seed -> {
            var net = convolutional(seed, 11);
            agrees(net, products(net), 3, ReferenceBackend::new);
            agrees(net, products(net), 4, c -> new CpuBackend(2, c));
        });
    }

    /** Every derivative that methods are made of. */
    private static Map<String, Node> products(SmallNet net) {
        var c = net.curvature();
        var v = net.direction();
        var outputs = new LinkedHashMap<String, Node>();
        outputs.put("loss", c.loss());
        outputs.put("logits", c.logits());
        var g = c.gradient();
        put(outputs, "gradient", g);
        put(outputs, "hvp", c.hvp(v));
        put(outputs, "gnvp", c.gnvp(v));
        put(outputs, "grad_vhv", c.gradVhv(v));
        outputs.put("vhv", c.vhv(v));
        Node inverse = Ops.div(g.getFirst().graph().constant(1, DType.F64, Shape.SCALAR), Ops.norm(g));
        var unit = g.stream().map(x -> Ops.stopGradient(Ops.mul(inverse, x))).toList();
        put(outputs, "h_unit", c.hvp(unit));
        return outputs;
    }

    private static void put(Map<String, Node> outputs, String name, List<Node> nodes) {
        for (int i = 0; i < nodes.size(); i++) outputs.put(name + "." + i, nodes.get(i));
    }

    private static SmallNet convolutional(long seed, int n) {
        var b = new Builder(seed, Activation.of(Activations.named("gelu")));
        Node h = b.activate(b.batchNorm(b.conv(b.data(n, 6, 6, 2), 4, 3, ConvGeometry.of(1, 1, 1, 1))));
        h = b.activate(b.batchNorm(b.conv(h, 3, 3, ConvGeometry.of(2, 1, 1, 1))));
        h = Ops.avgPool(h, new Pooling(3, 3, 3, 3));
        return b.crossEntropy(b.linear(b.flatten(h), 4), 0.1);
    }

    private static int batch(SmallNet net) {
        return net.logits().shape().dim(0) == 6 ? 2 : net.logits().shape().dim(0);
    }

    /** Data and targets: all inputs that are neither parameters nor directions. */
    private static Set<String> examples(SmallNet net) {
        return net.draw().values().keySet().stream()
                .filter(name -> name.startsWith("data") || name.startsWith("i"))
                .collect(Collectors.toSet());
    }

    private static void agrees(
            SmallNet net, Map<String, Node> outputs, int size, Function<Collective, Backend> backends) {
        var computation = Computation.of(outputs);
        var expected = GraphInterpreter.evaluate(
                List.copyOf(outputs.values()), net.draw().values());
        var results = onRanks(size, collective -> {
            var rows = Rows.of(batch(net), collective.rank(), size);
            var part = Sharding.of(computation, examples(net), Set.of(), rows);
            try (var backend = backends.apply(collective)) {
                return Evaluation.run(backend, part, inputs(part, net.draw().values(), examples(net), rows));
            }
        });
        for (int r = 0; r < size; r++) {
            int i = 0;
            var kinds = new LinkedHashMap<String, List<List<double[]>>>();
            for (var name : outputs.keySet()) {
                double[] actual = results.get(r).get(name).toDoubleArray();
                var pair = kinds.computeIfAbsent(
                        name.replaceAll("\\.\\d+$", ""), k -> List.of(new ArrayList<>(), new ArrayList<>()));
                pair.get(0).add(actual);
                pair.get(1).add(expected.get(i++));
            }
            for (var kind : kinds.entrySet()) {
                double error =
                        Errors.relative(kind.getValue().get(0), kind.getValue().get(1));
                assertTrue(
                        error <= EXACT,
                        kind.getKey() + " on rank " + r + " of " + size + " is off by " + error + " for a batch of "
                                + batch(net));
            }
        }
    }

    private static Map<String, Tensor> inputs(
            Computation part, Map<String, double[]> values, Set<String> examples, Rows rows) {
        var given = new LinkedHashMap<String, Tensor>();
        part.inputs().forEach((name, node) -> {
            double[] all = values.get(name);
            if (examples.contains(name)) {
                int each = all.length / rows.of();
                all = java.util.Arrays.copyOfRange(all, rows.from() * each, (rows.from() + rows.count()) * each);
            }
            given.put(name, Tensor.of(node.dtype(), node.shape(), all));
        });
        return given;
    }

    private static <T> List<T> onRanks(int size, Function<Collective, T> work) {
        try (var threads = Executors.newFixedThreadPool(size)) {
            var tasks = InProcess.group(size).stream()
                    .map(c -> (Callable<T>) () -> work.apply(c))
                    .toList();
            var results = new ArrayList<T>();
            for (var f : threads.invokeAll(tasks)) results.add(f.get());
            return results;
        } catch (InterruptedException | java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private static long exchanges(SmallNet net, Map<String, Node> outputs) {
        var plan =
                Planner.plan(Sharding.of(Computation.of(outputs), examples(net), Set.of(), Rows.of(batch(net), 0, 2)));
        return plan.steps().stream().filter(s -> s instanceof Plan.Exchange).count();
    }

    /** One call for a gradient with its loss; a second for what depends on the gradient's norm; no third. */
    @Test
    void fewCallsAreMade() {
        var b = new Builder(1, Activation.of(Activations.named("tanh")));
        Node h = b.activate(b.linear(b.data(8, 5), 6));
        var net = b.crossEntropy(b.linear(b.activate(b.linear(h, 6)), 3), 0);
        var all = products(net);
        all.keySet().removeIf(name -> name.startsWith("h_unit") || name.equals("logits"));
        assertEquals(1, exchanges(net, all), "gradient, HVP, ∇(vᵀHv) and loss");
        all = products(net);
        all.keySet().removeIf(name -> !name.startsWith("h_unit") && !name.equals("loss"));
        assertEquals(2, exchanges(net, all), "H g/‖g‖");
    }

    /** Mean and variance travel together, and so do the sums of a backward pass; each layer's waits for the one before it. */
    @Test
    void aNormalisationIsOneExchangeForwardAndOneBack() {
        for (int depth = 1; depth <= 4; depth++) {
            var net = Nets.cnn(depth, 4, 6, 5, false, "gelu");
            var outputs = new LinkedHashMap<String, Node>();
            outputs.put("loss", net.loss());
            put(outputs, "gradient", net.curvature().gradient());
            var plan = Planner.plan(Sharding.of(Computation.of(outputs), Set.of("x", "y"), Set.of(), Rows.of(6, 0, 2)));
            // the first filter's gradient is the last sum
            assertEquals(
                    2 * depth + 1,
                    plan.steps().stream()
                            .filter(s -> s instanceof Plan.Exchange)
                            .count());
        }
    }

    /** In f32, with a mean of a thousand deviations that is another on each rank. */
    @Test
    void aVarianceOfManyRanksDoesNotCancel() {
        Seeds.each(seed -> {
            int n = 60;
            var g = new Graph();
            Node x = g.input("x", DType.F32, Shape.of(n, 2));
            Node centred = Ops.sub(x, Ops.mean(x, 0));
            var computation = Computation.of(Map.of("variance", Ops.mean(Ops.square(centred), 0)));
            var random = new java.util.Random(seed);
            var values = new double[2 * n];
            for (int i = 0; i < values.length; i++) values[i] = (float) (1000 + 2.0 * (i / 40) + random.nextGaussian());
            double[] expected = new double[2];
            for (int c = 0; c < 2; c++) {
                double mean = 0;
                for (int i = c; i < values.length; i += 2) mean += values[i] / n;
                for (int i = c; i < values.length; i += 2) expected[c] += (values[i] - mean) * (values[i] - mean) / n;
            }
            for (int size : new int[] {2, 3, 7}) {
                for (var result : onRanks(size, collective -> {
                    var rows = Rows.of(n, collective.rank(), size);
                    var part = Sharding.of(computation, Set.of("x"), Set.of(), rows);
                    try (var backend = new CpuBackend(1, collective)) {
                        return Evaluation.run(backend, part, inputs(part, Map.of("x", values), Set.of("x"), rows));
                    }
                })) {
                    double[] actual = result.get("variance").toDoubleArray();
                    for (int c = 0; c < 2; c++) assertEquals(expected[c], actual[c], 1e-3 * expected[c]);
                }
            }
        });
    }

    /** The same exchanges in the same order on all ranks, however unequal their parts. */
    @Test
    void ranksExchangeTheSame() {
        var net = convolutional(3, 7);
        var seen = new java.util.HashSet<List<String>>();
        for (int r = 0; r < 5; r++) {
            var plan =
                    Planner.plan(Sharding.of(Computation.of(products(net)), examples(net), Set.of(), Rows.of(7, r, 5)));
            seen.add(plan.steps().stream()
                    .filter(s -> s instanceof Plan.Exchange)
                    .map(s -> (Plan.Exchange) s)
                    .map(e -> e.round()
                            + e.inputs().stream()
                                    .map(i -> plan.buffer(i).shape().toString())
                                    .collect(Collectors.joining(" ")))
                    .toList());
        }
        assertEquals(1, seen.size(), () -> "" + seen);
    }

    /** An example's draws are those of one machine, whichever rank it is on. */
    @Test
    void drawsDoNotDependOnTheNumberOfRanks() {
        var g = new Graph();
        var scalar = new Type(DType.I64, Shape.SCALAR);
        Node x = g.input("x", DType.F64, Shape.of(9, 4));
        Node draws = g.apply(
                new Random(Random.Distribution.NORMAL, "noise", x.type()),
                g.input("seed", scalar.dtype(), scalar.shape()),
                g.input("step", scalar.dtype(), scalar.shape()),
                g.constant(0, DType.I64, Shape.SCALAR));
        var computation = Computation.of(Map.of("noisy", Ops.add(x, draws)));
        var values = Map.of("x", new double[36], "seed", new double[] {5}, "step", new double[] {7});
        double[] expected =
                GraphInterpreter.evaluate(computation.nodes(), values).getFirst();
        for (int size : new int[] {2, 4, 9}) {
            for (var result : onRanks(size, collective -> {
                var rows = Rows.of(9, collective.rank(), size);
                var part = Sharding.of(computation, Set.of("x"), Set.of(), rows);
                try (var backend = new ReferenceBackend(collective)) {
                    return Evaluation.run(backend, part, inputs(part, values, Set.of("x"), rows));
                }
            })) {
                org.junit.jupiter.api.Assertions.assertArrayEquals(
                        expected, result.get("noisy").toDoubleArray());
            }
        }
    }

    @Test
    void aSumOverRanksIsNotDifferentiated() {
        var g = new Graph();
        Node x = g.input("x", DType.F64, Shape.of(3));
        Node y = g.apply(new AllReduce(1, 0), x);
        assertThrows(IllegalStateException.class, () -> Dual.tangent(y, Map.of(x, x)));
    }

    @Test
    void fewerExamplesThanRanksAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> Rows.of(3, 0, 4));
    }

    @Test
    void membersThatAskForDifferentThingsAreToldApart() {
        var failed = onRanks(2, c -> {
            var t = Tensor.allocate(DType.F64, Shape.of(4));
            MemorySegment at = t.data();
            try {
                c.sum(at.address(), c.rank() == 0 ? 4 : 3, DType.F64);
                return false;
            } catch (RuntimeException e) {
                return true;
            } finally {
                java.lang.ref.Reference.reachabilityFence(t);
            }
        });
        assertTrue(failed.stream().anyMatch(f -> f));
    }
}
