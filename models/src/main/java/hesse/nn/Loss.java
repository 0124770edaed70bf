package hesse.nn;

import hesse.graph.Node;

/** A loss ℓ(z, y) as a graph; its derivatives in the logits come from the graph. */
@FunctionalInterface
public interface Loss {
    /**
     * @param logits z, [N, K] or [N, T, K]
     * @param y integer classes [N] or [N, T], or floating targets of the logits' shape
     * @return a scalar of shape []
     */
    Node apply(Node logits, Node y);
}
