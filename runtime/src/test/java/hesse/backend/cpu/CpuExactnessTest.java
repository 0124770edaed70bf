package hesse.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Curvature;
import hesse.backend.reference.GraphInterpreter;
import hesse.cases.Conformance;
import hesse.cases.Errors;
import hesse.cases.SmallNet;
import hesse.cases.SmallNet.Activation;
import hesse.cases.SmallNet.Builder;
import hesse.cases.SmallNets;
import hesse.graph.ConvGeometry;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Pooling;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * How exact the CPU backend is, in the figures it is documented with: the distance from the double-precision interpreter relative to
 * the norm of the whole vector. Seeds are fixed, for a random net may be as ill-conditioned as it likes; {@code ConformanceTest} has
 * fresh ones, and a tolerance that knows how each net is conditioned.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CpuExactnessTest {
    private final CpuBackend usual = new CpuBackend(2);
    /** Its kernels use vectors however small the tensors. */
    private final CpuBackend vectors = new CpuBackend(3, 0, 0);

    @AfterAll
    void close() {
        usual.close();
        vectors.close();
    }

    /** The largest error in f64 and in f32. */
    private record Limit(double f64, double f32) {
        double in(DType dtype) {
            return dtype == DType.F64 ? f64 : f32;
        }
    }

    /** Values, first and second derivatives. */
    private static final Limit PRODUCT = new Limit(1e-12, 1e-5);
    /** The parts of H v that φ″ divides, each of which may be small against what it is made of. */
    private static final Limit PART = new Limit(1e-12, 1e-4);
    /** Third derivatives. */
    private static final Limit THIRD = new Limit(1e-11, 1e-4);

    /** @param scale what a scalar is relative to, if it is not its own size: a product uᵀHv cancels, ‖u‖‖Hv‖ does not */
    private record Quantity(String name, Limit limit, List<Node> nodes, List<List<Node>> scale) {
        Quantity(String name, Limit limit, List<Node> nodes) {
            this(name, limit, nodes, List.of());
        }
    }

    private static List<Quantity> quantities(SmallNet net) {
        Curvature c = net.curvature();
        var v = net.direction();
        var hv = c.hvp(v);
        var gv = c.gnvp(v);
        var nv = c.nmevp(v);
        return List.of(
                new Quantity("loss", PRODUCT, List.of(c.loss())),
                new Quantity("logits", PRODUCT, List.of(c.logits())),
                new Quantity("J v", PRODUCT, List.of(c.jvp(v))),
                new Quantity("gradient", PRODUCT, c.gradient()),
                new Quantity("H v", PRODUCT, hv),
                new Quantity("G v", PRODUCT, gv),
                new Quantity("N v", PART, nv),
                new Quantity("part of N v through φ″", PART, c.nmeActivationVp(v)),
                new Quantity("rest of N v", PART, c.nmeRestVp(v)),
                new Quantity("vᵀHv", PRODUCT, List.of(c.vhv(v)), List.of(v, hv)),
                new Quantity("vᵀGv", PRODUCT, List.of(c.vgv(v)), List.of(v, gv)),
                new Quantity("vᵀNv", PART, List.of(c.vnv(v)), List.of(v, nv)),
                new Quantity("∇(vᵀHv)", THIRD, c.gradVhv(v)),
                new Quantity("∇(vᵀGv)", THIRD, c.gradVgv(v)));
    }

    private void check(SmallNet net, String what, DType dtype) {
        var quantities = quantities(net);
        var all = quantities.stream().flatMap(q -> q.nodes.stream()).toList();
        var values = net.draw().values();
        var expected = GraphInterpreter.evaluate(all, values);
        check(quantities, expected, Conformance.run(usual, all, values).values(), net, what, dtype);
        check(quantities, expected, Conformance.run(vectors, all, values).values(), net, what + ", all vectors", dtype);
    }

    private static void check(
            List<Quantity> quantities,
            List<double[]> expected,
            List<double[]> actual,
            SmallNet net,
            String what,
            DType dtype) {
        int start = 0;
        for (var q : quantities) {
            int end = start + q.nodes.size();
            var want = expected.subList(start, end);
            double size = Errors.norm(want);
            if (!q.scale.isEmpty()) {
                size = 1;
                for (var factor : q.scale)
                    size *= Errors.norm(
                            GraphInterpreter.evaluate(factor, net.draw().values()));
            }
            double error = Errors.distance(actual.subList(start, end), want);
            double allowed = q.limit.in(dtype) * size;
            assertTrue(error <= allowed, what + ": " + q.name + " is off by " + error / size + " in " + dtype);
            start = end;
        }
    }

    /** Wide enough for whole vectors and their tails at every width, and for sums over several tasks. */
    private static final Map<String, BiFunction<Long, DType, SmallNet>> WIDE = wide();

    private static Map<String, BiFunction<Long, DType, SmallNet>> wide() {
        var nets = new LinkedHashMap<String, BiFunction<Long, DType, SmallNet>>();
        nets.put("wide perceptron", (seed, dtype) -> {
            var b = new Builder(seed, Activation.of(Activations.named("gelu")), dtype);
            Node h = b.activate(b.layerNorm(b.linear(b.data(19, 21), 67)));
            return b.crossEntropy(b.linear(b.activate(b.linear(h, 37)), 10), 0.05);
        });
        nets.put("wide convolutions", (seed, dtype) -> {
            var b = new Builder(seed, Activation.of(Activations.named("silu")), dtype);
            Node h = b.activate(b.batchNorm(b.conv(b.data(3, 9, 8, 3), 19, 3, ConvGeometry.of(1, 1, 1, 1))));
            h = b.activate(b.conv(Ops.maxPool(h, new Pooling(2, 2, 2, 2)), 17, 3, ConvGeometry.of(2, 1, 1, 1)));
            return b.squaredError(b.linear(b.flatten(h), 3));
        });
        return nets;
    }

    @TestFactory
    Stream<DynamicTest> productsAreAsExactAsDocumented() {
        var tests = new ArrayList<DynamicTest>();
        for (var dtype : List.of(DType.F64, DType.F32)) {
            for (var kind : SmallNets.values()) {
                tests.add(DynamicTest.dynamicTest(
                        kind + " " + dtype, () -> check(kind.build(1, dtype), kind.name(), dtype)));
            }
            WIDE.forEach((name, make) -> tests.add(
                    DynamicTest.dynamicTest(name + " " + dtype, () -> check(make.apply(1L, dtype), name, dtype))));
        }
        return tests.stream();
    }
}
