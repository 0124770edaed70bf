package hesse.graph;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Dual;
import hesse.autodiff.Reverse;
import hesse.backend.reference.GraphInterpreter;
import hesse.backend.reference.NaiveOps;
import hesse.cases.Errors;
import hesse.cases.Seeds;
import hesse.plan.Computation;
import hesse.plan.Erasure;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Random expressions of the ops that have normal forms: whatever is merged, moved or opened, each node keeps the value its op was
 * applied for, and derivatives stay adjoint and commute.
 */
class RandomGraphsTest {
    private static final int GRAPHS = 150;
    private static final int OPS = 60;
    private static final List<ScalarFn> FUNCTIONS = List.of(
            Activations.named("tanh"), Activations.named("sigmoid"), Activations.named("identity"), ScalarFn.power(2));
    private static final double[] COEFFICIENTS = {1, 1, 1, -1, 2, 0.5, -3, 0.1};

    /** A graph under construction and, beside each node, the value that its ops have when nothing is normalised. */
    private static final class Expression {
        final Graph graph = new Graph();
        final SplittableRandom random;
        final Map<String, double[]> inputs = new LinkedHashMap<>();
        final List<Node> variables = new ArrayList<>();
        final List<Node> nodes = new ArrayList<>();
        final List<double[]> values = new ArrayList<>();

        Expression(long seed) {
            random = new SplittableRandom(seed);
            for (int[] dims : new int[][] {{3, 4}, {3, 4}, {3, 1}, {1, 4}, {4, 3}, {4, 4}, {12}, {1, 1}}) {
                Node x = input("x" + variables.size(), Shape.of(dims));
                variables.add(x);
                add(x, inputs.get("x" + (variables.size() - 1)));
            }
            for (double c : new double[] {0, 1, -0.5}) add(graph.constant(c, DType.F64, Shape.of(3, 4)), filled(c));
            for (int i = 0; i < OPS; i++) grow();
        }

        private static double[] filled(double c) {
            double[] values = new double[12];
            java.util.Arrays.fill(values, c);
            return values;
        }

        Node input(String name, Shape shape) {
            inputs.put(name, random.doubles(shape.size(), -1, 1).toArray());
            return graph.input(name, DType.F64, shape);
        }

        private void add(Node node, double[] value) {
            nodes.add(node);
            values.add(value);
        }

        private int pick() {
            // the latest more often, so that expressions grow deep
            return random.nextBoolean()
                    ? random.nextInt(nodes.size())
                    : nodes.size() - 1 - random.nextInt(Math.min(6, nodes.size()));
        }

        private List<Integer> pickLike(int first, int count) {
            var like = new ArrayList<Integer>(List.of(first));
            for (int tries = 0; tries < 50 && like.size() < count; tries++) {
                int other = pick();
                if (nodes.get(other).type().equals(nodes.get(first).type())) like.add(other);
            }
            return like;
        }

        private void grow() {
            int a = pick();
            Shape s = nodes.get(a).shape();
            switch (random.nextInt(12)) {
                case 0, 1 -> {
                    var terms = pickLike(a, random.nextInt(1, 4));
                    var coefficients = terms.stream()
                            .map(t -> COEFFICIENTS[random.nextInt(COEFFICIENTS.length)])
                            .toList();
                    apply(new Sum(coefficients), terms);
                }
                case 2, 3 -> apply(new Mul(), pickLike(a, random.nextInt(2, 4)));
                case 4 -> apply(new Apply(FUNCTIONS.get(random.nextInt(FUNCTIONS.size()))), List.of(a));
                case 5 -> apply(new ReduceSum(random.nextBoolean() ? List.of(0) : List.of(s.rank() - 1)), List.of(a));
                case 6, 7 -> {
                    if (s.rank() != 2) return;
                    int[] dims = {s.dim(0) == 1 ? 3 : s.dim(0), s.dim(1) == 1 ? 4 : s.dim(1)};
                    apply(new Broadcast(Shape.of(dims)), List.of(a));
                }
                case 8 -> {
                    if (s.rank() == 2) apply(new Transpose(List.of(1, 0)), List.of(a));
                }
                case 9 -> {
                    if (s.size() == 12)
                        apply(
                                new Reshape(List.of(Shape.of(3, 4), Shape.of(12), Shape.of(4, 3))
                                        .get(random.nextInt(3))),
                                List.of(a));
                }
                case 10 -> {
                    int b = pick();
                    boolean ta = random.nextBoolean();
                    boolean tb = random.nextBoolean();
                    Shape t = nodes.get(b).shape();
                    if (s.rank() == 2 && t.rank() == 2 && s.dim(ta ? 0 : 1) == t.dim(tb ? 1 : 0)) {
                        apply(new MatMul(ta, tb), List.of(a, b));
                    }
                }
                default -> {
                    if (s.equals(Shape.of(3, 4))) {
                        apply(new Slice(List.of(0, 0), List.of(3, 1), List.of(1, 1)), List.of(a));
                    } else if (s.equals(Shape.of(3, 1))) {
                        apply(new Pad(List.of(0, 1), List.of(0, 2), List.of(0, 0)), List.of(a));
                    }
                }
            }
        }

        private void apply(Op op, List<Integer> on) {
            var in = on.stream().map(nodes::get).toList();
            Type type = op.infer(in);
            double[] value = NaiveOps.evaluate(
                    op,
                    type,
                    in.stream().map(Node::type).toList(),
                    on.stream().map(values::get).toList());
            for (double v : value) if (!(Math.abs(v) < 100)) return;
            add(graph.apply(op, in), value);
        }

        /** Σ of products of all results with fixed random weights: a scalar that depends on everything. */
        Node scalar() {
            var terms = new ArrayList<Node>();
            for (Node n : nodes.subList(nodes.size() - 10, nodes.size())) {
                terms.add(Ops.dot(n, input("weight " + terms.size(), n.shape())));
            }
            return Ops.add(terms.toArray(Node[]::new));
        }
    }

    @Test
    void normalFormsKeepValues() {
        for (int i = 0; i < GRAPHS; i++) {
            Seeds.each(seed -> {
                var e = new Expression(seed);
                var values = GraphInterpreter.evaluate(e.nodes, e.inputs);
                compare(e, values, "in normal form");
                var named = new LinkedHashMap<String, Node>();
                for (Node n : e.nodes) named.put("output " + named.size(), n);
                compare(
                        e,
                        GraphInterpreter.evaluate(
                                Erasure.erase(Computation.of(named)).nodes(), e.inputs),
                        "erased");
            });
        }
    }

    private static void compare(Expression e, List<double[]> actual, String how) {
        for (int k = 0; k < e.nodes.size(); k++) {
            assertTrue(e.nodes.get(k).shape().size() == actual.get(k).length);
            double distance = Errors.distance(List.of(actual.get(k)), List.of(e.values.get(k)));
            assertTrue(distance < 1e-9, e.nodes.get(k) + " is off by " + distance + " " + how);
        }
    }

    @Test
    void derivativesOfRandomGraphsCommute() {
        for (int i = 0; i < GRAPHS; i++) {
            Seeds.each(seed -> {
                var e = new Expression(seed);
                Node y = e.scalar();
                var seeds = new LinkedHashMap<Node, Node>();
                for (Node x : e.variables) seeds.put(x, e.input("v" + x.index(), x.shape()));
                var directions = List.copyOf(seeds.values());
                var gradient = Reverse.gradient(y, e.variables);
                Node first = Dual.tangent(y, seeds);
                Node second = Dual.tangent(first, seeds);
                var hvp = Dual.tangents(gradient, seeds);
                var reverse = Reverse.gradient(first, e.variables);
                agree(e, first, Ops.dot(gradient, directions), "first");
                agree(e, second, Ops.dot(hvp, directions), "second");
                for (int k = 0; k < hvp.size(); k++)
                    agree(e, Ops.sumAll(hvp.get(k)), Ops.sumAll(reverse.get(k)), "hvp");
                Node third = Dual.tangent(second, seeds);
                agree(e, third, Ops.dot(Reverse.gradient(second, e.variables), directions), "third");
                agree(e, third, Ops.dot(Dual.tangents(hvp, seeds), directions), "third, forward");
            });
        }
    }

    private static void agree(Expression e, Node a, Node b, String what) {
        var both = GraphInterpreter.evaluate(List.of(a, b), e.inputs);
        double x = both.get(0)[0];
        double y = both.get(1)[0];
        assertTrue(Math.abs(x - y) <= 1e-9 * (1 + Math.abs(x)), what + ": " + x + " and " + y);
    }
}
