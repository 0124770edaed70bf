package hesse.graph;

import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

/** The elementwise product of tensors of one type, flat, in order of creation; powers are repeated factors. */
public record Mul() implements Multilinear {
    private static final int FACTORS_AT_MOST = 12;

    public static Node of(Graph g, Node... factors) {
        return g.apply(new Mul(), factors);
    }

    @Override
    public Type infer(List<Node> inputs) {
        Node first = inputs.getFirst();
        for (Node in : inputs) {
            if (!in.type().equals(first.type())) {
                throw new ShapeException("a product takes tensors of one type, got " + first.type() + " and "
                        + in.type() + "; broadcast or cast one of them");
            }
        }
        Checks.isFloat("the factors of a product", first);
        return first.type();
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Type type = infer(inputs);
        double c = 1;
        var factors = new ArrayList<Node>();
        var open = new ArrayList<>(inputs);
        for (int i = 0; i < open.size(); i++) {
            Node n = open.get(i);
            double s = Sum.scale(n);
            if (s != 1) {
                c *= s;
                open.add(Sum.unscaled(n));
            } else if (n.op() instanceof Constant k) {
                c *= k.value();
            } else if (n.op() instanceof Mul
                    && factors.size() + open.size() - i + n.inputs().size() <= FACTORS_AT_MOST) {
                open.addAll(n.inputs());
            } else {
                factors.add(n);
            }
        }
        if (c == 0) return g.zeros(type);
        factors = groupBroadcasts(g, factors);
        for (int i = 0; i < factors.size(); i++) {
            double s = Sum.scale(factors.get(i));
            if (s != 1) {
                c *= s;
                factors.set(i, Sum.unscaled(factors.get(i)));
            }
        }
        if (factors.isEmpty()) return g.constant(c, type);
        factors.sort((a, b) -> Integer.compare(a.index(), b.index()));
        Node product = factors.size() == 1 ? factors.getFirst() : g.intern(this, factors);
        return c == 1 ? product : Sum.of(g, c, product);
    }

    /** Multiplies before broadcasting: factors broadcast from one shape become one broadcast of their product. */
    private static ArrayList<Node> groupBroadcasts(Graph g, ArrayList<Node> factors) {
        var groups = new LinkedHashMap<Shape, List<Node>>();
        var out = new ArrayList<Node>();
        for (Node f : factors) {
            if (f.op() instanceof Broadcast) {
                groups.computeIfAbsent(f.input(0).shape(), s -> new ArrayList<>())
                        .add(f);
            } else {
                out.add(f);
            }
        }
        for (var group : groups.values()) {
            if (group.size() == 1) {
                out.add(group.getFirst());
            } else {
                Node inner =
                        g.apply(new Mul(), group.stream().map(f -> f.input(0)).toList());
                out.add(g.apply(group.getFirst().op(), inner));
            }
        }
        return out;
    }

    @Override
    public Node partial(Node y, Node cotangent, int input) {
        var others = new ArrayList<>(y.inputs());
        others.set(input, cotangent);
        return y.graph().apply(this, others);
    }
}
