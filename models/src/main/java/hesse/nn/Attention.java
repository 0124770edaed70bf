package hesse.nn;

import hesse.graph.Compare;
import hesse.graph.Concat;
import hesse.graph.Graph;
import hesse.graph.Iota;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.ShapeException;
import hesse.graph.Type;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;

/**
 * Multi-head attention as matrix products over [N·heads, T, d]. The division by the softmax's sum comes after the product with the
 * values, where there is less to divide; the subtracted row maximum is a constant to differentiation. Long sequences are cut into chunks
 * of queries, whose scores a plan makes again in each pass instead of keeping them, so that memory grows with T and not with T².
 */
final class Attention {
    /** Masked scores: so low that their exponential is 0 in every element type, yet finite. */
    private static final double MASKED = -1e30;
    /** Sequences up to this length are one chunk. */
    private static final int SHORT = 512;
    /** About how many scores of one head are held at a time. */
    private static final int SCORES = 1 << 18;
    /** Smaller chunks would make slow matrix products. */
    private static final int ROWS_AT_LEAST = 64;

    private Attention() {}

    /**
     * softmax(q kᵀ/√d) v for each head.
     *
     * @param q queries [N, T, heads·d]; keys and values alike
     * @param causal whether a position sees only itself and those before it
     * @return [N, T, heads·d]
     */
    static Node apply(Node q, Node k, Node v, int heads, boolean causal) {
        if (q.shape().rank() != 3 || !k.shape().equals(q.shape()) || !v.shape().equals(q.shape())) {
            throw new ShapeException("attention takes queries, keys and values of one shape [N, T, D], got " + q.shape()
                    + ", " + k.shape() + " and " + v.shape());
        }
        int t = q.shape().dim(1);
        if (heads < 1 || q.shape().dim(2) % heads != 0) {
            throw new ShapeException("attention in " + heads + " heads does not divide a width of "
                    + q.shape().dim(2) + ", that of queries " + q.shape());
        }
        // a plan makes products again that are at least twice as large each way as their inner dimension
        int rows = Math.max(Math.max(ROWS_AT_LEAST, SCORES / t), 2 * (q.shape().dim(2) / heads));
        return apply(q, k, v, heads, causal, t <= SHORT ? 1 : Math.max(1, t / rows));
    }

    /** The same in a number of chunks of queries. */
    static Node apply(Node q, Node k, Node v, int heads, boolean causal, int chunks) {
        int n = q.shape().dim(0);
        int t = q.shape().dim(1);
        int d = q.shape().dim(2) / heads;
        Node queries = split(q, heads);
        Node keys = split(k, heads);
        Node values = split(v, heads);
        var mixed = new ArrayList<Node>(chunks);
        for (int c = 0; c < chunks; c++) {
            int from = (int) ((long) t * c / chunks);
            int rows = (int) ((long) t * (c + 1) / chunks) - from;
            mixed.add(mixed(Ops.slice(queries, 1, from, rows), keys, values, causal, from));
        }
        Node all = q.graph().apply(new Concat(1), mixed);
        return Ops.reshape(Ops.transpose(Ops.reshape(all, n, heads, t, d), 0, 2, 1, 3), n, t, heads * d);
    }

    /**
     * What some queries make of the values.
     *
     * @param q [N·heads, R, d]
     * @param k [N·heads, T, d]; values alike
     * @param from place of the first query in the sequence
     */
    private static Node mixed(Node q, Node k, Node v, boolean causal, int from) {
        int rows = q.shape().dim(1);
        Node scores = Ops.scale(1 / Math.sqrt(q.shape().dim(2)), Ops.matmul(q, k, false, true));
        if (causal) {
            Node visible = rows == k.shape().dim(1) ? triangle(q.graph(), rows) : visible(scores, from);
            scores = Ops.select(visible, scores, q.graph().constant(MASKED, q.dtype(), Shape.SCALAR));
        }
        Node e = Ops.exp(Ops.sub(scores, Ops.stopGradient(Ops.max(scores, -1))));
        return Ops.div(Ops.matmul(e, v), Ops.sum(e, -1));
    }

    /** Which of all keys each of all queries sees, [T, T]. */
    private static Node triangle(Graph g, int t) {
        var square = new Type(DType.I64, Shape.of(t, t));
        return Ops.compare(Compare.Relation.GE, g.apply(new Iota(0, square)), g.apply(new Iota(1, square)));
    }

    /** The same of a chunk's queries; of the scores' whole shape, lest [R, T] be kept for each chunk. */
    private static Node visible(Node scores, int from) {
        Graph g = scores.graph();
        int rows = scores.shape().dim(1);
        int t = scores.shape().dim(2);
        // sliced, so that the place of a chunk is data and all chunks share their kernels
        Node places = Ops.slice(g.apply(new Iota(0, new Type(DType.I64, Shape.of(t, 1)))), 0, from, rows);
        return Ops.compare(
                Compare.Relation.GE,
                Ops.broadcastTo(places, scores.shape()),
                g.apply(new Iota(2, new Type(DType.I64, scores.shape()))));
    }

    /** [N, T, heads·d] to [N·heads, T, d]. */
    private static Node split(Node x, int heads) {
        Shape s = x.shape();
        int d = s.dim(2) / heads;
        Node apart = Ops.transpose(Ops.reshape(x, s.dim(0), s.dim(1), heads, d), 0, 2, 1, 3);
        return Ops.reshape(apart, s.dim(0) * heads, s.dim(1), d);
    }
}
