package hesse.autodiff;

import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.ZeroDerivative;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;

/** Which nodes lie between what is given and what is asked for; iterative, by creation order. */
final class Reach {
    private Reach() {}

    /** The outputs and everything they are computed from. */
    static BitSet ancestors(Collection<Node> outputs) {
        var marked = new BitSet();
        Graph g = null;
        for (Node n : outputs) {
            marked.set(n.index());
            g = n.graph();
        }
        if (g == null) return marked;
        for (int i = marked.length() - 1; i >= 0; i = marked.previousSetBit(i - 1)) {
            for (Node in : g.node(i).inputs()) marked.set(in.index());
        }
        return marked;
    }

    /** Those of {@code within} that are sources or computed from them. */
    static BitSet dependents(Graph g, Collection<Node> sources, BitSet within) {
        var marked = new BitSet();
        for (Node s : sources) marked.set(s.index());
        for (int i = within.nextSetBit(0); i >= 0; i = within.nextSetBit(i + 1)) {
            if (marked.get(i)) continue;
            for (Node in : g.node(i).inputs()) {
                if (marked.get(in.index())) {
                    marked.set(i);
                    break;
                }
            }
        }
        marked.and(within);
        return marked;
    }

    /** Whether a tangent of the sources could reach the target if {@code node} stood still. */
    static boolean movesWithout(Node node, Collection<Node> sources, Node target) {
        Graph g = target.graph();
        var moving = new BitSet();
        for (Node s : sources) moving.set(s.index());
        var within = ancestors(List.of(target));
        for (int i = within.nextSetBit(0); i >= 0; i = within.nextSetBit(i + 1)) {
            Node n = g.node(i);
            boolean still =
                    n == node || n.op() instanceof ZeroDerivative || !n.dtype().isFloat();
            if (!still && n.inputs().stream().anyMatch(in -> moving.get(in.index()))) moving.set(i);
        }
        return target != node && moving.get(target.index());
    }
}
