package hesse.autodiff;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Dual.ActivationCurvature;
import hesse.cases.Errors;
import hesse.cases.Seeds;
import hesse.cases.SmallNet;
import hesse.cases.SmallNets;
import hesse.graph.Apply;
import hesse.graph.Mark;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.StopGradient;
import hesse.plan.Computation;
import hesse.plan.Erasure;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What must hold among the quantities of any net, whatever the numbers. */
class IdentitiesTest {
    private static final double ROUNDING = 1e-12;

    private static double norm(SmallNet net, List<Node> nodes) {
        return Errors.norm(net.evaluate(nodes));
    }

    private static void equal(String what, SmallNet net, List<Node> a, List<Node> b, double scale) {
        double error = Errors.distance(net.evaluate(a), net.evaluate(b)) / scale;
        assertTrue(error < ROUNDING, what + " is off by " + error);
    }

    private static List<Node> sum(List<Node> a, List<Node> b) {
        return IntStream.range(0, a.size())
                .mapToObj(i -> Ops.add(a.get(i), b.get(i)))
                .toList();
    }

    @ParameterizedTest
    @EnumSource
    void hessianIsGaussNewtonPlusNme(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(seed);
            Curvature c = net.curvature();
            var v = net.direction();
            var g = c.gnvp(v);
            var n = c.nmevp(v);
            double scale = norm(net, g) + norm(net, n);
            equal("H v", net, c.hvp(v), sum(g, n), scale);
            scale *= norm(net, v);
            equal("vᵀH v", net, List.of(c.vhv(v)), List.of(Ops.dot(v, c.hvp(v))), scale);
            equal("vᵀG v", net, List.of(c.vgv(v)), List.of(Ops.dot(v, g)), scale);
            equal("vᵀN v", net, List.of(c.vnv(v)), List.of(Ops.dot(v, n)), scale);
            Node rest = c.vnv(v, ActivationCurvature.DROP);
            equal("vᵀN v without activation", net, List.of(rest), List.of(Ops.dot(v, c.nmeRestVp(v))), scale);
            double third = norm(net, c.gradVhv(v)) + norm(net, c.gradVgv(v));
            var ofNme = Reverse.gradient(c.vnv(v), net.parameters());
            equal("∇ vᵀH v", net, c.gradVhv(v), sum(c.gradVgv(v), ofNme), third);
        });
    }

    /**
     * The activation part of N v is what comes back from the loss when nothing moves but the activations' slopes, each by φ″ times the
     * tangent of its argument. Measured on the net in which each activation is a line whose slope is an input.
     */
    @ParameterizedTest
    @EnumSource
    void activationPartIsTheMotionOfTheSlopes(SmallNets kind) {
        ScalarFn fn = kind.activation();
        Seeds.each(seed -> {
            var net = kind.build(seed);
            Curvature c = net.curvature();
            var v = net.direction();
            var seeds = new LinkedHashMap<Node, Node>();
            for (int i = 0; i < v.size(); i++) seeds.put(net.parameters().get(i), v.get(i));
            var at = net.evaluate(net.preactivations());
            var tangents = net.evaluate(Dual.tangents(net.preactivations(), seeds));

            var slopes = new ArrayList<Node>();
            var lines = kind.build(seed, (x, place) -> {
                Node slope = x.graph().input("slope " + place, x.dtype(), x.shape());
                slopes.add(slope);
                Node from = x.graph().input("at " + place, x.dtype(), x.shape());
                Node value = x.graph().input("value " + place, x.dtype(), x.shape());
                return Ops.add(value, Ops.mul(slope, Ops.sub(x, from)));
            });
            var motion = new LinkedHashMap<Node, Node>();
            for (int place = 0; place < at.size(); place++) {
                double[] x = at.get(place);
                double[] t = tangents.get(place);
                double[] bend = IntStream.range(0, x.length)
                        .mapToDouble(i -> fn.derivative(2).apply(x[i]) * t[i])
                        .toArray();
                lines.draw().values().put("at " + place, x);
                lines.draw()
                        .values()
                        .put("value " + place, Arrays.stream(x).map(fn::apply).toArray());
                lines.draw()
                        .values()
                        .put(
                                "slope " + place,
                                Arrays.stream(x).map(fn.derivative()::apply).toArray());
                motion.put(
                        slopes.get(place),
                        lines.draw().given("bend " + place, slopes.get(place).shape(), bend));
            }
            Node held = Ops.stopGradient(lines.curvature().logitGradient());
            var back = Reverse.vjp(Map.of(lines.logits(), held), lines.parameters());
            var expected = lines.evaluate(Dual.tangents(back, motion));
            double scale = norm(net, c.nmevp(v)) + norm(net, c.nmeRestVp(v));
            double error = Errors.distance(net.evaluate(c.nmeActivationVp(v)), expected) / scale;
            assertTrue(error < ROUNDING, "activation part is off by " + error);
            equal("N = its parts", net, c.nmevp(v), sum(c.nmeActivationVp(v), c.nmeRestVp(v)), scale);
        });
    }

    @ParameterizedTest
    @EnumSource
    void productsAreSymmetric(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(seed);
            Curvature c = net.curvature();
            var v = net.direction();
            var u = net.anotherDirection("u");
            symmetric("H", net, u, v, c.hvp(u), c.hvp(v));
            symmetric("G", net, u, v, c.gnvp(u), c.gnvp(v));
            symmetric("N", net, u, v, c.nmevp(u), c.nmevp(v));
        });
    }

    private static void symmetric(String what, SmallNet net, List<Node> u, List<Node> v, List<Node> au, List<Node> av) {
        double scale = norm(net, u) * norm(net, av) + norm(net, v) * norm(net, au);
        equal(what + " is symmetric", net, List.of(Ops.dot(u, av)), List.of(Ops.dot(v, au)), scale);
    }

    /** Both losses are convex in the logits. */
    @ParameterizedTest
    @EnumSource
    void gaussNewtonIsNotNegative(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(seed);
            assertTrue(net.evaluate(net.curvature().vgv(net.direction())) >= 0);
        });
    }

    @ParameterizedTest
    @EnumSource
    void nmeVanishesAtZeroResidual(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(seed);
            double[] z = net.evaluate(List.of(net.logits())).getFirst();
            Node targets = net.draw().given("exact targets", net.logits().shape(), z);
            var c = Curvature.of(net.parameters(), net.logits(), y -> Ops.sumAll(Ops.square(Ops.sub(y, targets))));
            var v = net.direction();
            assertEquals(0, norm(net, c.gradient()));
            assertEquals(0, norm(net, c.nmevp(v)));
            assertTrue(norm(net, c.gnvp(v)) > 0);
            equal("H = G at zero residual", net, c.hvp(v), c.gnvp(v), norm(net, c.gnvp(v)));

            double[] p = net.evaluate(List.of(Ops.softmax(net.logits()))).getFirst();
            Node soft = net.draw().given("exact probabilities", net.logits().shape(), p);
            var e = Curvature.of(net.parameters(), net.logits(), y -> Ops.neg(Ops.dot(soft, Ops.logSoftmax(y))));
            assertTrue(norm(net, e.nmevp(v)) < 1e-12 * norm(net, e.gnvp(v)));
        });
    }

    @Test
    void linearModelsHaveNoNme() {
        Seeds.each(seed -> {
            for (boolean squared : new boolean[] {false, true}) {
                var b = new SmallNet.Builder(seed, SmallNet.Activation.of(Activations.named("identity")));
                Node z = b.activate(b.linear(b.data(4, 5), 3));
                var net = squared ? b.squaredError(z) : b.crossEntropy(z, 0.1);
                Curvature c = net.curvature();
                var v = net.direction();
                assertEquals(0, norm(net, c.nmevp(v)));
                assertEquals(0, net.evaluate(c.vnv(v)));
                equal("H = G", net, c.hvp(v), c.gnvp(v), norm(net, c.gnvp(v)));
            }
        });
    }

    @ParameterizedTest
    @EnumSource
    void ordersOfDifferentiationCommute(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(seed);
            Curvature c = net.curvature();
            var v = net.direction();
            var seeds = new LinkedHashMap<Node, Node>();
            for (int i = 0; i < v.size(); i++) seeds.put(net.parameters().get(i), v.get(i));
            var hvp = c.hvp(v);
            double scale = norm(net, c.gnvp(v)) + norm(net, c.nmevp(v));
            Node slope = Dual.tangent(net.loss(), seeds);
            equal("reverse over forward", net, Reverse.gradient(slope, net.parameters()), hvp, scale);
            var twice = Reverse.gradient(Ops.dot(c.gradient(), v), net.parameters());
            equal("reverse over reverse", net, twice, hvp, scale);
            scale = norm(net, c.gradVhv(v)) + norm(net, c.gradVgv(v));
            equal("forward over hvp", net, Dual.tangents(hvp, seeds), c.gradVhv(v), scale);
            Node second = Dual.tangent(slope, seeds);
            equal("reverse over second tangent", net, Reverse.gradient(second, net.parameters()), c.gradVhv(v), scale);
        });
    }

    /** Whatever φ″ is replaced by, value, gradient and Gauss-Newton product keep their bits, and their erased graphs are the same. */
    @ParameterizedTest
    @EnumSource
    void replacedSecondDerivativesLeaveValueAndGradient(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(seed);
            var gaussian = Activations.secondDerivative("gaussian", Map.of("beta", 2.0));
            for (ScalarFn second : List.of(Activations.parseSecondDerivative("zero"), gaussian)) {
                var other = kind.build(seed, kind.activation().withSecondDerivative(second));
                var values = net.evaluate(firstOrder(net));
                var others = other.evaluate(firstOrder(other));
                for (int i = 0; i < values.size(); i++) assertArrayEquals(values.get(i), others.get(i));
                assertEquals(erased(firstOrder(net)), erased(firstOrder(other)));
                assertNotEquals(
                        second.isZero() && isPiecewiseLinear(kind.activation()),
                        !erased(net.curvature().hvp(net.direction()))
                                .equals(erased(other.curvature().hvp(other.direction()))),
                        "the Hessian product sees the replacement");
            }
        });
    }

    private static boolean isPiecewiseLinear(ScalarFn activation) {
        return activation.derivative(2).isZero();
    }

    private static List<Node> firstOrder(SmallNet net) {
        var all = new ArrayList<Node>(List.of(net.loss(), net.logits()));
        all.addAll(net.curvature().gradient());
        all.addAll(net.curvature().gnvp(net.direction()));
        return all;
    }

    private static List<String> erased(List<Node> nodes) {
        var named = new LinkedHashMap<String, Node>();
        for (Node n : nodes) named.put("output " + named.size(), n);
        var graph = Erasure.erase(Computation.of(named)).graph();
        // names of functions are for reading only
        return graph.nodes().stream()
                .map(n -> n.op() instanceof Apply a ? n.inputs() + " " + a.fn().program() : n.toString())
                .toList();
    }

    /** What only matters while differentiating is gone from erased graphs, and nothing else. */
    @ParameterizedTest
    @EnumSource
    void erasureKeepsValues(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(
                    seed, kind.activation().withSecondDerivative(Activations.parseSecondDerivative("cos(x)")));
            Curvature c = net.curvature();
            var v = net.direction();
            var nodes = new ArrayList<Node>(List.of(net.loss(), c.vhv(v)));
            nodes.addAll(c.hvp(v));
            nodes.addAll(c.nmeActivationVp(v));
            nodes.addAll(c.gradVhv(v));
            var named = new LinkedHashMap<String, Node>();
            for (Node n : nodes) named.put("output " + named.size(), n);
            var erased = Erasure.erase(Computation.of(named));
            for (Node n : erased.graph().nodes()) {
                assertTrue(!(n.op() instanceof Mark) && !(n.op() instanceof StopGradient), n.toString());
                assertTrue(!(n.op() instanceof Apply a) || a.fn().equals(a.fn().erased()), n.toString());
            }
            double error = Errors.relative(net.evaluate(erased.nodes()), net.evaluate(nodes));
            assertTrue(error < ROUNDING, "erased values are off by " + error);
        });
    }

    /** The direction of PSAM is computed from θ, and a constant to every derivative. */
    @ParameterizedTest
    @EnumSource
    void directionsAreConstants(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(seed);
            Curvature c = net.curvature();
            var g = c.gradient();
            Node inverse = Ops.apply(ScalarFn.reciprocal(), Ops.norm(g));
            var unit = g.stream().map(n -> Ops.mul(n, inverse)).toList();
            var values = net.evaluate(unit);
            var given = new ArrayList<Node>();
            for (int i = 0; i < unit.size(); i++) {
                given.add(net.draw().given("unit " + i, unit.get(i).shape(), values.get(i)));
            }
            same("hvp", net, c.hvp(unit), c.hvp(given));
            same("gnvp", net, c.gnvp(unit), c.gnvp(given));
            same("nmevp", net, c.nmevp(unit), c.nmevp(given));
            same("vhv", net, List.of(c.vhv(unit)), List.of(c.vhv(given)));
            same("grad vhv", net, c.gradVhv(unit), c.gradVhv(given));
            same("grad vgv", net, c.gradVgv(unit), c.gradVgv(given));
            var parameters = net.parameters();
            var asParameters = new ArrayList<Node>();
            for (int i = 0; i < parameters.size(); i++) {
                double[] theta = net.evaluate(List.of(parameters.get(i))).getFirst();
                asParameters.add(
                        net.draw().given("theta " + i, parameters.get(i).shape(), theta));
            }
            same("grad θᵀHθ", net, c.gradVhv(parameters), c.gradVhv(asParameters));
        });
    }

    private static void same(String what, SmallNet net, List<Node> a, List<Node> b) {
        equal(what, net, a, b, norm(net, b));
    }

    @Test
    void lossesThatGoRoundTheLogitsAreRefused() {
        var net = SmallNets.MLP.build(1);
        Node unmarked = net.logits().input(0);
        assertThrows(
                IllegalArgumentException.class,
                () -> new Curvature(net.parameters(), unmarked, net.lossOf().apply(unmarked)));
        Node marked = Ops.mark(Ops.scale(2, unmarked));
        var e = assertThrows(
                IllegalArgumentException.class,
                () -> new Curvature(net.parameters(), marked, net.lossOf().apply(unmarked)));
        assertTrue(e.getMessage().contains("other ways than through the logits"), e.getMessage());
    }
}
