package hesse.nn;

import hesse.graph.Compare;
import hesse.graph.Graph;
import hesse.graph.Iota;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.ShapeException;
import hesse.graph.Type;
import hesse.tensor.DType;
import hesse.tensor.Shape;

/**
 * Multi-head attention as matrix products over [N·heads, T, d]. The division by the softmax's sum comes after the product with the
 * values, where there is less to divide; the subtracted row maximum is a constant to differentiation.
 */
final class Attention {
    /** Masked scores: so low that their exponential is 0 in every element type, yet finite. */
    private static final double MASKED = -1e30;

    private Attention() {}

    /**
     * softmax(q kᵀ/√d) v for each head.
     *
     * @param q queries [N, T, heads·d]; keys and values alike
     * @param causal whether a position sees only itself and those before it
     * @return [N, T, heads·d]
     */
    static Node apply(Node q, Node k, Node v, int heads, boolean causal) {
        int n = q.shape().dim(0);
        int t = q.shape().dim(1);
        int width = q.shape().dim(2);
        if (width % heads != 0) {
            throw new ShapeException("attention in " + heads + " heads does not divide a width of " + width);
        }
        int d = width / heads;
        Node scores = Ops.scale(1 / Math.sqrt(d), Ops.matmul(split(q, heads), split(k, heads), false, true));
        if (causal) {
            Graph g = q.graph();
            var square = new Type(DType.I64, Shape.of(t, t));
            Node visible = Ops.compare(Compare.Relation.GE, g.apply(new Iota(0, square)), g.apply(new Iota(1, square)));
            scores = Ops.select(visible, scores, g.constant(MASKED, q.dtype(), Shape.SCALAR));
        }
        Node e = Ops.exp(Ops.sub(scores, Ops.stopGradient(Ops.max(scores, -1))));
        Node mixed = Ops.div(Ops.matmul(e, split(v, heads)), Ops.sum(e, -1));
        return Ops.reshape(Ops.transpose(Ops.reshape(mixed, n, heads, t, d), 0, 2, 1, 3), n, t, width);
    }

    /** [N, T, heads·d] to [N·heads, T, d]. */
    private static Node split(Node x, int heads) {
        Shape s = x.shape();
        int d = s.dim(2) / heads;
        Node apart = Ops.transpose(Ops.reshape(x, s.dim(0), s.dim(1), heads, d), 0, 2, 1, 3);
        return Ops.reshape(apart, s.dim(0) * heads, s.dim(1), d);
    }
}
