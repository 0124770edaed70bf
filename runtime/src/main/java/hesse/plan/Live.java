package hesse.plan;

import hesse.graph.Graph;
import hesse.graph.Node;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;

/** Dead-node removal: what given outputs are computed from. */
public final class Live {
    private Live() {}

    /** The outputs and all they depend on, in order of creation. */
    public static List<Node> of(Collection<Node> outputs) {
        var marked = new BitSet();
        Graph g = null;
        for (Node n : outputs) {
            marked.set(n.index());
            g = n.graph();
        }
        var live = new ArrayList<Node>();
        if (g == null) return live;
        for (int i = marked.length() - 1; i >= 0; i = marked.previousSetBit(i - 1)) {
            for (Node in : g.node(i).inputs()) marked.set(in.index());
        }
        for (int i = marked.nextSetBit(0); i >= 0; i = marked.nextSetBit(i + 1)) live.add(g.node(i));
        return live;
    }
}
