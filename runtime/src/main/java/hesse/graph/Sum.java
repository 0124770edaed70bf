package hesse.graph;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A linear combination Σ cᵢ·xᵢ of tensors of one type, in order of creation, equal terms collected; scales and signs live
 * only here. A nested sum is opened when one of its terms meets its like outside (so that (x″w + x′v) + x′v becomes
 * x″w + 2x′v) and kept closed otherwise, so that a residual stream does not grow quadratically.
 */
public record Sum(List<Double> coefficients) implements Linear {
    private static final int OPENED_AT_MOST = 64;

    public Sum {
        coefficients = List.copyOf(coefficients);
    }

    /** Σ of the nodes. */
    public static Node of(Graph g, List<Node> terms) {
        return g.apply(new Sum(terms.stream().map(t -> 1.0).toList()), terms);
    }

    /** c·x. */
    public static Node of(Graph g, double c, Node x) {
        return g.apply(new Sum(List.of(c)), List.of(x));
    }

    /** The factor of a pure scale c·x, also of one that is broadcast; 1 for anything else. */
    public static double scale(Node n) {
        Node x = n.op() instanceof Broadcast ? n.input(0) : n;
        return x.op() instanceof Sum s && s.coefficients.size() == 1 ? s.coefficients.getFirst() : 1;
    }

    /** A pure scale without its factor. */
    public static Node unscaled(Node n) {
        return n.op() instanceof Broadcast b ? n.graph().apply(b, n.input(0).input(0)) : n.input(0);
    }

    @Override
    public Type infer(List<Node> inputs) {
        Node first = inputs.getFirst();
        for (Node in : inputs) {
            if (!in.type().equals(first.type())) {
                throw new ShapeException("a sum takes tensors of one type, got " + first.type() + " and " + in.type()
                        + "; broadcast or cast one of them");
            }
        }
        Checks.isFloat("the terms of a sum", first);
        return first.type();
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Type type = infer(inputs);
        var terms = new LinkedHashMap<Node, Coefficient>();
        for (int i = 0; i < inputs.size(); i++) collect(terms, coefficients.get(i), inputs.get(i));
        openLikeTerms(terms);

        double constant = 0;
        var kept = new ArrayList<Map.Entry<Node, Double>>();
        for (var term : terms.entrySet()) {
            Coefficient c = term.getValue();
            if (term.getKey().op() instanceof Constant k) constant += c.value() * k.value();
            else if (!c.cancels()) kept.add(Map.entry(term.getKey(), c.value()));
        }
        kept = groupBroadcasts(g, kept);
        if (constant != 0) kept.add(Map.entry(g.constant(constant, type), 1.0));
        if (kept.isEmpty()) return g.zeros(type);
        if (kept.size() == 1 && kept.getFirst().getValue() == 1)
            return kept.getFirst().getKey();
        kept.sort((a, b) -> Integer.compare(a.getKey().index(), b.getKey().index()));
        return g.intern(
                new Sum(kept.stream().map(Map.Entry::getValue).toList()),
                kept.stream().map(Map.Entry::getKey).toList());
    }

    /** The sum of like terms' coefficients, and of their absolute values. */
    private record Coefficient(double value, double magnitude) {
        Coefficient plus(Coefficient other) {
            return new Coefficient(value + other.value, magnitude + other.magnitude);
        }

        /** Like terms that cancel up to the rounding of their coefficients are structurally zero. */
        boolean cancels() {
            return Math.abs(value) <= 4e-16 * magnitude;
        }
    }

    private static void collect(Map<Node, Coefficient> terms, double c, Node n) {
        for (double s = scale(n); s != 1; s = scale(n)) {
            c *= s;
            n = unscaled(n);
        }
        terms.merge(n, new Coefficient(c, Math.abs(c)), Coefficient::plus);
    }

    /** Opens nested sums while one of their terms has its like among the other terms. */
    private static void openLikeTerms(LinkedHashMap<Node, Coefficient> terms) {
        for (boolean changed = true; changed && terms.size() < OPENED_AT_MOST; ) {
            changed = false;
            var seen = new LinkedHashMap<Node, Node>();
            Node first = null;
            Node second = null;
            for (Node t : terms.keySet()) {
                for (Node part : t.op() instanceof Sum ? t.inputs() : List.of(t)) {
                    Node other = seen.putIfAbsent(part, t);
                    if (other != null && other != t) {
                        first = other;
                        second = t;
                        break;
                    }
                }
                if (first != null) break;
            }
            if (first != null && second != null) {
                changed = open(terms, first) | open(terms, second);
            }
        }
    }

    private static boolean open(Map<Node, Coefficient> terms, Node n) {
        if (!(n.op() instanceof Sum s)) return false;
        double c = terms.getOrDefault(n, new Coefficient(0, 0)).value();
        terms.remove(n);
        for (int i = 0; i < n.inputs().size(); i++) collect(terms, c * s.coefficients.get(i), n.input(i));
        return true;
    }

    /** Adds before broadcasting: terms broadcast from one shape become one broadcast of their sum; scales stand inside. */
    private static ArrayList<Map.Entry<Node, Double>> groupBroadcasts(
            Graph g, ArrayList<Map.Entry<Node, Double>> terms) {
        var groups = new LinkedHashMap<hesse.tensor.Shape, List<Map.Entry<Node, Double>>>();
        for (var t : terms) {
            if (t.getKey().op() instanceof Broadcast) {
                groups.computeIfAbsent(t.getKey().input(0).shape(), s -> new ArrayList<>())
                        .add(t);
            }
        }
        var out = new ArrayList<Map.Entry<Node, Double>>();
        for (var t : terms) if (!(t.getKey().op() instanceof Broadcast)) out.add(t);
        for (var group : groups.values()) {
            var first = group.getFirst();
            Node inner = g.apply(
                    new Sum(group.stream().map(Map.Entry::getValue).toList()),
                    group.stream().map(e -> e.getKey().input(0)).toList());
            Node b = g.apply(first.getKey().op(), inner);
            if (b.op() instanceof Constant) {
                if (!Constant.isZero(b)) out.add(Map.entry(b, 1.0));
            } else {
                out.add(Map.entry(b, 1.0));
            }
        }
        return out;
    }

    @Override
    public @Nullable Node jvp(Node y, List<@Nullable Node> tangents) {
        var cs = new ArrayList<Double>();
        var ts = new ArrayList<Node>();
        for (int i = 0; i < tangents.size(); i++) {
            Node t = tangents.get(i);
            if (t == null) continue;
            cs.add(coefficients.get(i));
            ts.add(t);
        }
        return ts.isEmpty() ? null : y.graph().apply(new Sum(cs), ts);
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        return of(y.graph(), coefficients.get(input), cotangent);
    }
}
