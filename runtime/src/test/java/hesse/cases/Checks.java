package hesse.cases;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.Backend;
import hesse.cases.Conformance.Comparison;
import hesse.graph.Node;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** {@link Conformance} as tests ask for it: tighter than users' machines have to be, and in bits between ways of one backend. */
public final class Checks {
    private static final double F64 = 1e-12;
    private static final double F32 = 1e-5;

    private Checks() {}

    /** One case: the value, and what first and second derivatives make of it. */
    public static void check(Backend backend, OpCase c, DType dtype, long seed) {
        boolean single = c.draw(seed, dtype).graph().nodes().stream().anyMatch(n -> n.dtype() == DType.F32);
        for (var q : Conformance.compare(backend, c, Rounding.of(dtype), seed)) {
            assertWithin(q, q.exact() ? 0 : single ? F32 : F64, c + " in " + dtype);
        }
    }

    /** A whole net: all products up to third order, as near as the rounding of the net's inputs lets them be. */
    public static void check(Backend backend, SmallNets kind, DType dtype, long seed) {
        double by = 64 * Rounding.of(dtype).unit();
        var problem = Conformance.products(kind, seed, Rounding.of(dtype));
        for (var q : Conformance.compare(backend, problem, by, seed)) {
            assertWithin(q, q.exact() ? 0 : by + 10 * q.response(), kind + " in " + dtype);
        }
    }

    private static void assertWithin(Comparison q, double allowed, String what) {
        assertTrue(
                q.error() <= allowed,
                () -> what + ": " + q.quantity() + " is off by " + q.error() + ", allowed " + allowed);
    }

    /** The same bits from two backends: the value of a case and its derivatives. */
    public static void same(Backend one, Backend other, OpCase c, DType dtype, long seed) {
        same(
                Conformance.outcome(one, c, dtype, seed).values(),
                Conformance.outcome(other, c, dtype, seed).values(),
                c + " in " + dtype);
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
        same(
                Conformance.run(one, all, values).values(),
                Conformance.run(other, all, values).values(),
                kind + " in " + dtype);
    }

    private static void same(List<double[]> one, List<double[]> other, String what) {
        for (int i = 0; i < one.size(); i++) {
            assertTrue(Arrays.equals(one.get(i), other.get(i)), what + ": output " + i + " has other bits");
        }
    }
}
