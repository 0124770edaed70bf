package hesse.nn;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Curvature;
import hesse.backend.DeviceBuffer;
import hesse.backend.reference.GraphInterpreter;
import hesse.backend.reference.ReferenceBackend;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Attention in chunks of queries, whose scores its plan makes again in each pass, is attention. */
class AttentionTest {
    private static final int LENGTH = 530;
    private static final int WIDTH = 4;
    private static final int HEADS = 2;

    private static Map<String, Node> products(int chunks, boolean causal) {
        var g = new Graph();
        var f = Forward.declaring(g, DType.F64, Mode.TRAIN);
        Node x = g.input("x", DType.F64, Shape.of(1, LENGTH, WIDTH));
        Node q = Layers.linear(f.in("query"), x, WIDTH);
        Node k = Layers.linear(f.in("key"), x, WIDTH);
        Node v = Layers.linear(f.in("value"), x, WIDTH);
        Node z = Ops.reshape(Attention.apply(q, k, v, HEADS, causal, chunks), LENGTH, WIDTH);
        Node y = g.input("y", DType.I64, Shape.of(LENGTH));
        var c = Curvature.of(List.copyOf(f.parameterNodes().values()), z, l -> new CrossEntropy().apply(l, y));
        var direction = new ArrayList<Node>();
        for (var p : f.parameters()) direction.add(g.input("v." + p.name(), DType.F64, p.shape()));
        var gradient = c.gradient();
        Node norm = Ops.norm(gradient);
        var ascent = gradient.stream().map(n -> Ops.mark(Ops.div(n, norm))).toList();
        var out = new LinkedHashMap<String, Node>();
        out.put("logits", z);
        put(out, "gradient", gradient);
        put(out, "psam", c.hvp(ascent));
        put(out, "rest", c.nmeRestVp(direction));
        put(out, "third", c.gradVhv(direction));
        return out;
    }

    private static void put(Map<String, Node> out, String name, List<Node> nodes) {
        for (int i = 0; i < nodes.size(); i++) out.put(name + i, nodes.get(i));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void chunksGiveTheSameToThirdOrder(boolean causal) {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        var whole = products(1, causal);
        var given = new HashMap<String, double[]>();
        Computation.of(whole).inputs().forEach((name, n) -> {
            double[] values = new double[(int) n.shape().size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = n.dtype() == DType.I64 ? random.nextInt(WIDTH) : random.nextGaussian();
            }
            given.put(name, values);
        });
        var expected = GraphInterpreter.evaluate(new ArrayList<>(whole.values()), given);
        var actual = executed(Computation.of(products(3, causal)), given);
        var errors = new LinkedHashMap<String, double[]>();
        int i = 0;
        for (var name : whole.keySet()) {
            double[] want = expected.get(i++);
            double[] got = actual.get(name);
            // of a quantity's tensors, the whole vector counts: the key's bias has derivative zero
            var of = errors.computeIfAbsent(name.replaceAll("\\d+$", ""), n -> new double[2]);
            for (int k = 0; k < want.length; k++) {
                of[0] += (got[k] - want[k]) * (got[k] - want[k]);
                of[1] += want[k] * want[k];
            }
        }
        errors.forEach((name, of) -> {
            double error = Math.sqrt(of[0] / of[1]);
            assertTrue(error < 1e-12, () -> name + ": relative error " + error + ", seed " + seed);
        });
    }

    private static Map<String, double[]> executed(Computation computation, Map<String, double[]> given) {
        try (var backend = new ReferenceBackend();
                var executable = backend.compile(computation)) {
            assertTrue(executable.plan().buffers().stream().anyMatch(b -> b.occurrence() > 0), "nothing is made again");
            var results = new HashMap<String, DeviceBuffer>();
            for (var b : executable.plan().buffers()) {
                if (b.place() == Plan.Place.SLAB) continue;
                var buffer = backend.allocate(b.dtype(), b.shape());
                if (b.place() == Plan.Place.INPUT) buffer.write(Tensor.of(b.dtype(), b.shape(), given.get(b.name())));
                else results.put(b.name(), buffer);
                executable.bind(b.name(), buffer);
            }
            executable.run();
            var values = new HashMap<String, double[]>();
            results.forEach((name, b) -> values.put(name, b.read().toDoubleArray()));
            return values;
        }
    }
}
