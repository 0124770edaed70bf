package hesse.autodiff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.reference.GraphInterpreter;
import hesse.cases.Differences;
import hesse.cases.Draw;
import hesse.cases.Errors;
import hesse.cases.OpCase;
import hesse.cases.OpCases;
import hesse.cases.Seeds;
import hesse.graph.Constant;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.graph.Op;
import hesse.graph.Ops;
import hesse.graph.StopGradient;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds the two derivative rules of every op to each other and to differences, up to third order. */
class OpDerivativesTest {
    static List<OpCase> cases() {
        return OpCases.all();
    }

    static List<OpCase> differentiable() {
        return cases().stream()
                .filter(c -> {
                    var drawn = c.draw(0, DType.F64);
                    return drawn.output().dtype().isFloat()
                            && !drawn.variables().isEmpty();
                })
                .toList();
    }

    /** Adding an op without a case fails here. */
    @Test
    void everyOpHasACase() {
        var missing = new HashSet<Class<?>>();
        leaves(Op.class).forEach(missing::add);
        missing.remove(Input.class);
        // has no derivative by intent; ShardingTest sums with it
        missing.remove(hesse.graph.AllReduce.class);
        for (OpCase c : cases()) {
            var graph = c.draw(0, DType.F64).graph();
            assertTrue(
                    graph.nodes().stream().anyMatch(n -> c.op().isInstance(n.op())),
                    c + " does not hold its op " + c.op().getSimpleName());
            missing.remove(c.op());
        }
        assertEquals(new HashSet<>(), missing);
    }

    private static Stream<Class<?>> leaves(Class<?> type) {
        return type.isSealed()
                ? Stream.of(type.getPermittedSubclasses()).flatMap(OpDerivativesTest::leaves)
                : Stream.of(type);
    }

    /** A case with a direction for its inputs, a cotangent for its output, and their values. */
    private static final class Trial {
        final OpCase.Drawn drawn;
        final Map<String, double[]> values;
        final Map<String, double[]> direction = new LinkedHashMap<>();
        final Map<Node, Node> seeds = new LinkedHashMap<>();
        final Node cotangent;

        Trial(OpCase c, long seed) {
            drawn = c.draw(seed, DType.F64);
            values = new LinkedHashMap<>(drawn.values());
            var random = new SplittableRandom(seed + 1);
            for (Node x : drawn.variables()) {
                String name = Draw.name(x);
                Node v = input("direction of " + name, x, random);
                direction.put(name, values.get("direction of " + name));
                seeds.put(x, v);
            }
            cotangent = input("cotangent", drawn.output(), random);
        }

        private Node input(String name, Node like, SplittableRandom random) {
            double[] value =
                    random.doubles(like.shape().size()).map(u -> 2 * u - 1).toArray();
            values.put(name, value);
            return drawn.graph().input(name, like.dtype(), like.shape());
        }

        Node output() {
            return drawn.output();
        }

        List<Node> inputs() {
            return List.copyOf(seeds.keySet());
        }

        /** ⟨cotangent, y⟩. */
        Node paired(Node y) {
            return Ops.dot(cotangent, y);
        }

        /** Σ ⟨x̄, direction⟩. */
        Node paired(List<Node> cotangents) {
            return Ops.dot(cotangents, List.copyOf(seeds.values()));
        }

        double scale(Node... nodes) {
            double norm = 1;
            for (double[] v : GraphInterpreter.evaluate(List.of(nodes), values)) norm *= Errors.norm(List.of(v));
            return norm;
        }

        void equal(Node a, Node b, double scale, String what) {
            var both = GraphInterpreter.evaluate(List.of(a, b), values);
            double error = Errors.relative(both.get(0)[0], both.get(1)[0], scale);
            assertTrue(error < 1e-12, what + ": " + both.get(0)[0] + " and " + both.get(1)[0] + ", relative " + error);
        }
    }

    /** ⟨ȳ, J x′⟩ = ⟨Jᵀ ȳ, x′⟩; for linear ops this is the test of their transposes. */
    @ParameterizedTest
    @MethodSource("differentiable")
    void forwardAndReverseAreAdjoint(OpCase c) {
        Seeds.each(seed -> {
            var t = new Trial(c, seed);
            Node tangent = Dual.tangent(t.output(), t.seeds);
            var cotangents = Reverse.vjp(Map.of(t.output(), t.cotangent), t.inputs());
            t.equal(t.paired(tangent), t.paired(cotangents), t.scale(t.cotangent, tangent), "adjoint");
        });
    }

    /** ⟨ȳ, y″⟩ by forward over forward, by reverse over forward and by forward over reverse, and the same one order up. */
    @ParameterizedTest
    @MethodSource("differentiable")
    void derivativesCommute(OpCase c) {
        Seeds.each(seed -> {
            var t = new Trial(c, seed);
            Node first = Dual.tangent(t.output(), t.seeds);
            Node second = Dual.tangent(first, t.seeds);
            Node third = Dual.tangent(second, t.seeds);
            var back = Reverse.vjp(Map.of(t.output(), t.cotangent), t.inputs());
            double scale = t.scale(t.cotangent, second);
            t.equal(
                    t.paired(second),
                    t.paired(Reverse.gradient(t.paired(first), t.inputs())),
                    scale,
                    "reverse over forward");
            t.equal(t.paired(second), t.paired(Dual.tangents(back, t.seeds)), scale, "forward over reverse");
            var twice = Reverse.gradient(t.paired(back), t.inputs());
            t.equal(t.paired(second), t.paired(twice), scale, "reverse over reverse");
            scale = t.scale(t.cotangent, third);
            t.equal(
                    t.paired(third),
                    t.paired(Reverse.gradient(t.paired(second), t.inputs())),
                    scale,
                    "third, reverse last");
            t.equal(t.paired(third), t.paired(Dual.tangents(twice, t.seeds)), scale, "third, forward last");
        });
    }

    /** Differences see through a stopped gradient. */
    static List<OpCase> withoutStops() {
        return differentiable().stream()
                .filter(c -> c.op() != StopGradient.class)
                .toList();
    }

    @Test
    void stoppedGradientsStandStill() {
        var draw = new Draw(System.nanoTime(), DType.F64);
        Node x = draw.normal(5);
        Node held = Ops.stopGradient(Ops.exp(x));
        assertSame(
                held, Reverse.gradient(Ops.sumAll(Ops.mul(x, held)), List.of(x)).getFirst());
        assertSame(held, Dual.tangent(Ops.mul(x, held), Map.of(x, draw.graph().constant(1, x.type()))));
    }

    /** Each tangent against differences of the one below it. */
    @ParameterizedTest
    @MethodSource("withoutStops")
    void tangentsAgreeWithDifferences(OpCase c) {
        Seeds.fresh(seed -> {
            var t = new Trial(c, seed);
            var orders = new ArrayList<Node>(List.of(t.output()));
            for (int k = 0; k < 3; k++) orders.add(Dual.tangent(orders.getLast(), t.seeds));
            var exact = GraphInterpreter.evaluate(orders, t.values);
            var differences =
                    Differences.of(orders.subList(0, 3), t.values, 2e-3).along(t.direction);
            if (differences.isEmpty()) return false;
            for (int k = 1; k <= 3; k++) {
                var expected = List.of(differences.get().get(k - 1));
                double scale = Errors.norm(List.of(exact.get(k - 1))) + Errors.norm(expected);
                double error = Errors.distance(List.of(exact.get(k)), expected) / scale;
                assertTrue(error < 1e-8 || scale == 0, "order " + k + " is off by " + error);
            }
            return true;
        });
    }

    /** Tangents that are structurally zero are zero nodes, not arithmetic. */
    @Test
    void piecewiseConstantOpsHaveZeroTangents() {
        for (OpCase c : cases()) {
            var drawn = c.draw(1, DType.F64);
            if (drawn.output().dtype().isFloat() || drawn.variables().isEmpty()) continue;
            Node x = drawn.variables().getFirst();
            Node zero = Dual.tangent(Ops.cast(DType.F64, drawn.output()), Map.of(x, x));
            assertTrue(zero.op() instanceof Constant k && k.value() == 0, c.name());
            Node back = Reverse.gradient(Ops.sumAll(Ops.cast(DType.F64, drawn.output())), List.of(x))
                    .getFirst();
            assertTrue(back.op() instanceof Constant k && k.value() == 0, c.name());
        }
    }
}
