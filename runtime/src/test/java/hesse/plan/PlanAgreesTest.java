package hesse.plan;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Curvature;
import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.backend.cpu.CpuBackend;
import hesse.backend.reference.GraphInterpreter;
import hesse.backend.reference.ReferenceBackend;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.plan.Nets.Net;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What a plan computes, with its slab, fused kernels and recomputation, is what the graph says node by node. */
class PlanAgreesTest {
    private static void check(String what, Map<String, Node> outputs, long seed) {
        try (var reference = new ReferenceBackend();
                var cpu = new CpuBackend(2);
                var vectors = new CpuBackend(3, 0, 0)) {
            check(reference, what, outputs, seed);
            check(cpu, what, outputs, seed);
            check(vectors, what, outputs, seed);
        }
    }

    private static void check(Backend backend, String what, Map<String, Node> outputs, long seed) {
        var random = new Random(seed);
        var given = new HashMap<String, double[]>();
        var computation = Computation.of(outputs);
        computation.inputs().forEach((name, n) -> {
            double[] values = new double[(int) n.shape().size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = n.dtype() == DType.I64
                        ? random.nextInt(3)
                        : random.nextGaussian() * (name.startsWith("w") ? 0.3 : 1);
            }
            given.put(name, values);
        });
        var expected = GraphInterpreter.evaluate(new ArrayList<>(outputs.values()), given);
        try (var executable = backend.compile(computation)) {
            var buffers = new HashMap<String, DeviceBuffer>();
            for (var b : executable.plan().buffers()) {
                if (b.place() == Plan.Place.SLAB) continue;
                var buffer = backend.allocate(b.dtype(), b.shape());
                if (b.place() == Plan.Place.INPUT) buffer.write(Tensor.of(b.dtype(), b.shape(), given.get(b.name())));
                buffers.put(b.name(), buffer);
                executable.bind(b.name(), buffer);
            }
            executable.run();
            // of a quantity's tensors, the whole vector counts: one of them may be zero by cancellation
            var errors = new HashMap<String, double[]>();
            int i = 0;
            for (var name : outputs.keySet()) {
                double[] got = buffers.get(name).read().toDoubleArray();
                double[] want = expected.get(i++);
                var of = errors.computeIfAbsent(name.replaceAll("\\d+$", ""), k -> new double[2]);
                for (int k = 0; k < want.length; k++) {
                    of[0] += (got[k] - want[k]) * (got[k] - want[k]);
                    of[1] += want[k] * want[k];
                }
            }
            errors.forEach((name, of) -> {
                double limit = name.startsWith("grad") && !name.equals("gradient") ? 1e-11 : 1e-12;
                double error = Math.sqrt(of[0]);
                assertTrue(
                        error <= limit * Math.sqrt(of[1]) + 1e-13,
                        backend.name() + " " + what + " " + name + ": error " + error + " of " + Math.sqrt(of[1])
                                + ", seed " + seed);
            });
        }
    }

    private static Map<String, Node> everything(Net net) {
        Curvature c = net.curvature();
        var v = net.direction("v");
        Map<String, Node> out = new LinkedHashMap<>();
        out.put("loss", c.loss());
        out.put("logits", c.logits());
        out.put("jvp", c.jvp(v));
        put(out, "gradient", c.gradient());
        put(out, "hvp", c.hvp(v));
        put(out, "gnvp", c.gnvp(v));
        put(out, "nmevp", c.nmevp(v));
        put(out, "nmeRest", c.nmeRestVp(v));
        out.put("vhv", c.vhv(v));
        put(out, "gradVhv", c.gradVhv(v));
        put(out, "gradVgv", c.gradVgv(v));
        return out;
    }

    private static void put(Map<String, Node> out, String name, List<Node> nodes) {
        for (int i = 0; i < nodes.size(); i++) out.put(name + i, nodes.get(i));
    }

    @TestFactory
    Stream<DynamicTest> plansComputeWhatTheirGraphsSay() {
        long seed = new Random().nextLong();
        var nets = new LinkedHashMap<String, Net>();
        nets.put("mlp", Nets.mlp(3, 5, 4, "gelu"));
        nets.put("deep mlp", Nets.mlp(9, 3, 5, "tanh"));
        nets.put("relu mlp", Nets.mlp(3, 4, 3, "relu"));
        nets.put("cnn", Nets.cnn(2, 3, 2, 4, false, "silu"));
        nets.put("residual", Nets.cnn(6, 2, 2, 3, true, "softplus"));
        return nets.entrySet().stream()
                .map(e -> DynamicTest.dynamicTest(e.getKey(), () -> check(e.getKey(), everything(e.getValue()), seed)));
    }

    @Test
    void inputsAreReplacedAfterTheirLastReader() {
        long seed = new Random().nextLong();
        Net net = Nets.mlp(3, 5, 4, "gelu");
        var g = net.curvature().gradient();
        Map<String, Node> out = new LinkedHashMap<>();
        for (int i = 0; i < g.size(); i++) {
            Node p = net.parameters().get(i);
            Node momentum = net.graph().input("m" + i, p.dtype(), p.shape());
            Node next = Ops.add(Ops.scale(0.9, momentum), g.get(i));
            out.put("m" + i, next);
            out.put(((hesse.graph.Input) p.op()).name(), Ops.sub(p, Ops.scale(0.1, next)));
        }
        out.put("loss", net.loss());
        check("momentum", out, seed);
    }
}
