package hesse.autodiff;

import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Sum;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reverse mode as a function on graphs: cotangents of some nodes are carried back to others. Applied to a scalar it gives the
 * gradient; applied to a tangent's scalar (a quadratic form) the gradient of that.
 */
public final class Reverse {
    private Reverse() {}

    /** ∂scalar/∂w for each w, in one sweep. */
    public static List<Node> gradient(Node scalar, List<Node> wrt) {
        if (scalar.shape().size() != 1) {
            throw new IllegalArgumentException("a gradient is taken of a scalar, got shape " + scalar.shape());
        }
        return vjp(Map.of(scalar, scalar.graph().constant(1, scalar.type())), wrt);
    }

    /**
     * Σ over the given nodes of Jᵀ·cotangent, for each of {@code wrt}; zeros where nothing flows. All cotangents share one sweep.
     * Nodes in {@code wrt} may lie upstream of each other: each gets its full cotangent.
     */
    public static List<Node> vjp(Map<Node, Node> cotangents, List<Node> wrt) {
        Graph g = wrt.getFirst().graph();
        var between = Reach.dependents(g, wrt, Reach.ancestors(cotangents.keySet()));
        Map<Integer, List<Node>> contributions = new LinkedHashMap<>();
        cotangents.forEach((n, c) -> {
            if (!n.type().equals(c.type())) {
                throw new IllegalArgumentException("cotangent " + c.type() + " given for a node of type " + n.type());
            }
            contributions.computeIfAbsent(n.index(), i -> new ArrayList<>()).add(c);
        });
        var totals = new Node[between.length()];
        for (int i = between.length() - 1; i >= 0; i = between.previousSetBit(i - 1)) {
            var parts = contributions.remove(i);
            if (parts == null) continue;
            Node n = g.node(i);
            Node total = Sum.of(g, parts);
            totals[i] = total;
            for (int k = 0; k < n.inputs().size(); k++) {
                Node in = n.input(k);
                if (!between.get(in.index())) continue;
                Node c = n.op().vjp(n, total, k);
                if (c != null) {
                    contributions
                            .computeIfAbsent(in.index(), j -> new ArrayList<>())
                            .add(c);
                }
            }
        }
        var out = new ArrayList<Node>(wrt.size());
        for (Node w : wrt) {
            @Nullable Node total = w.index() < totals.length ? totals[w.index()] : null;
            out.add(total != null ? total : g.zeros(w.type()));
        }
        return out;
    }
}
