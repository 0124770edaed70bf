package hesse.nn;

import hesse.graph.Node;

/** A network as a function: it declares its parameters through the {@link Forward} it is handed and returns the logits. */
@FunctionalInterface
public interface Model {
    /**
     * @param x images [N, H, W, C], features [N, D], or token ids [N, T] (integers)
     * @return logits [N, K], or [N, T, K] for sequences
     */
    Node apply(Forward f, Node x);
}
