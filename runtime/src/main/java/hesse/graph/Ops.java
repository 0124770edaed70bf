package hesse.graph;

import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The vocabulary for writing models: functions on nodes, composed of primitive ops. Binary elementwise functions broadcast as
 * NumPy does (trailing axes aligned). Axes may be negative.
 */
public final class Ops {
    private Ops() {}

    public static Node add(Node... terms) {
        return Sum.of(terms[0].graph(), broadcast(terms));
    }

    public static Node sub(Node a, Node b) {
        var ab = broadcast(a, b);
        return a.graph().apply(new Sum(List.of(1.0, -1.0)), ab);
    }

    public static Node neg(Node a) {
        return scale(-1, a);
    }

    /** c·a. */
    public static Node scale(double c, Node a) {
        return Sum.of(a.graph(), c, a);
    }

    public static Node mul(Node... factors) {
        return factors[0].graph().apply(new Mul(), broadcast(factors));
    }

    public static Node div(Node a, Node b) {
        return mul(a, apply(ScalarFn.reciprocal(), b));
    }

    public static Node square(Node a) {
        return mul(a, a);
    }

    /** a + c. */
    public static Node plus(Node a, double c) {
        return add(a, a.graph().constant(c, a.type()));
    }

    public static Node apply(ScalarFn fn, Node x) {
        return x.graph().apply(new Apply(fn), x);
    }

    public static Node exp(Node x) {
        return apply(ScalarFn.exp(), x);
    }

    public static Node log(Node x) {
        return apply(ScalarFn.log(), x);
    }

    public static Node sqrt(Node x) {
        return apply(ScalarFn.sqrt(), x);
    }

    public static Node rsqrt(Node x) {
        return apply(ScalarFn.rsqrt(), x);
    }

    public static Node compare(Compare.Relation relation, Node a, Node b) {
        return a.graph().apply(new Compare(relation), broadcast(a, b));
    }

    public static Node select(Node condition, Node a, Node b) {
        return a.graph().apply(new Select(), broadcast(condition, a, b));
    }

    public static Node and(Node a, Node b) {
        return select(a, b, a.graph().constant(0, b.type()));
    }

    public static Node cast(DType dtype, Node x) {
        return x.graph().apply(new Cast(dtype), x);
    }

    public static Node isFinite(Node x) {
        return x.graph().apply(new IsFinite(), x);
    }

    /** x as a node that derivatives can be taken with respect to, whatever it is made of. */
    public static Node mark(Node x) {
        return x.op() instanceof Input ? x : x.graph().apply(new Mark(), x);
    }

    public static Node stopGradient(Node x) {
        return x.graph().apply(new StopGradient(), x);
    }

    /** Σ over axes, which stay with extent 1. */
    public static Node sum(Node x, int... axes) {
        var list = Arrays.stream(axes)
                .map(a -> a < 0 ? a + x.shape().rank() : a)
                .boxed()
                .toList();
        return x.graph().apply(new ReduceSum(list), x);
    }

    /** Σ of all elements, a scalar of shape []. */
    public static Node sumAll(Node x) {
        return reshape(sum(x, IntStream.range(0, x.shape().rank()).toArray()), Shape.SCALAR);
    }

    public static Node mean(Node x, int... axes) {
        double n = 1;
        for (int a : axes) n *= x.shape().dim(a);
        return scale(1 / n, sum(x, axes));
    }

    /** ⟨a, b⟩ over all elements, a scalar. */
    public static Node dot(Node a, Node b) {
        return sumAll(mul(a, b));
    }

    /** Σᵢ ⟨aᵢ, bᵢ⟩ over lists of tensors, a scalar. */
    public static Node dot(List<Node> a, List<Node> b) {
        var terms = new ArrayList<Node>();
        for (int i = 0; i < a.size(); i++) terms.add(dot(a.get(i), b.get(i)));
        return Sum.of(a.getFirst().graph(), terms);
    }

    /** √Σᵢ‖aᵢ‖², a scalar. */
    public static Node norm(List<Node> a) {
        return sqrt(dot(a, a));
    }

    /** The largest element along an axis, kept with extent 1. */
    public static Node max(Node x, int axis) {
        return x.graph().apply(new ReduceMax(axis < 0 ? axis + x.shape().rank() : axis), x);
    }

    public static Node argMax(Node x, int axis) {
        return x.graph().apply(new ArgMax(axis < 0 ? axis + x.shape().rank() : axis), x);
    }

    public static Node reshape(Node x, Shape shape) {
        return x.graph().apply(new Reshape(shape), x);
    }

    public static Node reshape(Node x, int... dims) {
        return reshape(x, Shape.of(dims));
    }

    public static Node transpose(Node x, Integer... permutation) {
        return x.graph().apply(new Transpose(List.of(permutation)), x);
    }

    public static Node slice(Node x, int axis, int start, int size) {
        return Slice.along(x, axis < 0 ? axis + x.shape().rank() : axis, start, size);
    }

    public static Node concat(int axis, Node... parts) {
        int rank = parts[0].shape().rank();
        return parts[0].graph().apply(new Concat(axis < 0 ? axis + rank : axis), parts);
    }

    public static Node matmul(Node a, Node b) {
        return matmul(a, b, false, false);
    }

    public static Node matmul(Node a, Node b, boolean transposeA, boolean transposeB) {
        return a.graph().apply(new MatMul(transposeA, transposeB), a, b);
    }

    public static Node conv2d(Node images, Node filters, ConvGeometry geometry) {
        return images.graph().apply(new Conv2d(geometry), images, filters);
    }

    public static Node gather(Node table, Node indices) {
        return table.graph().apply(new Gather(), table, indices);
    }

    public static Node takeAlongAxis(Node x, Node indices, int axis) {
        return x.graph().apply(new TakeAlongAxis(axis < 0 ? axis + x.shape().rank() : axis), x, indices);
    }

    /** Maxima over pooling windows of images [N, H, W, C]. */
    public static Node maxPool(Node x, Pooling window) {
        Graph g = x.graph();
        Node at = g.apply(new ArgMaxPool(window), x);
        Shape s = x.shape();
        Shape o = at.shape();
        Node flat = reshape(x, s.dim(0), s.dim(1) * s.dim(2), s.dim(3));
        Node picked = takeAlongAxis(flat, reshape(at, o.dim(0), o.dim(1) * o.dim(2), o.dim(3)), 1);
        return reshape(picked, o);
    }

    /** Means over pooling windows of images [N, H, W, C]. */
    public static Node avgPool(Node x, Pooling window) {
        return scale(1.0 / (window.height() * window.width()), x.graph().apply(new SumPool(window), x));
    }

    /** Integer classes to 0/1 rows: labels of shape S to S + [classes]. */
    public static Node oneHot(Node labels, int classes, DType dtype) {
        int[] dims = Arrays.copyOf(labels.shape().dims(), labels.shape().rank() + 1);
        dims[dims.length - 1] = 1;
        Node column = reshape(labels, Shape.of(dims));
        Shape wide = Shape.of(dims).with(-1, classes);
        Node iota = labels.graph().apply(new Iota(dims.length - 1, new Type(labels.dtype(), wide)));
        return cast(dtype, compare(Compare.Relation.EQ, broadcastTo(column, wide), iota));
    }

    /** log softmax along the last axis; the subtracted maximum is a constant to differentiation. */
    public static Node logSoftmax(Node z) {
        Node shifted = sub(z, stopGradient(max(z, -1)));
        return sub(shifted, log(sum(exp(shifted), -1)));
    }

    /** softmax along the last axis. */
    public static Node softmax(Node z) {
        Node e = exp(sub(z, stopGradient(max(z, -1))));
        return div(e, sum(e, -1));
    }

    /** Repeats x to a larger shape, aligning trailing axes. */
    public static Node broadcastTo(Node x, Shape shape) {
        int missing = shape.rank() - x.shape().rank();
        if (missing < 0) {
            throw new ShapeException("shape " + x.shape() + " does not broadcast to " + shape)
                    .among(x.graph(), List.of(x));
        }
        if (missing > 0) {
            var dims = new ArrayList<>(Collections.nCopies(missing, 1));
            for (int d : x.shape().dims()) dims.add(d);
            x = reshape(x, Shape.of(dims.stream().mapToInt(d -> d).toArray()));
        }
        return x.graph().apply(new Broadcast(shape), x);
    }

    private static List<Node> broadcast(Node... nodes) {
        int rank = 0;
        for (Node n : nodes) rank = Math.max(rank, n.shape().rank());
        int[] dims = new int[rank];
        Arrays.fill(dims, 1);
        for (Node n : nodes) {
            int shift = rank - n.shape().rank();
            for (int i = 0; i < n.shape().rank(); i++) {
                int d = n.shape().dim(i);
                if (d == 1 || d == dims[shift + i]) continue;
                if (dims[shift + i] != 1) {
                    var shapes =
                            Arrays.stream(nodes).map(m -> m.shape().toString()).toList();
                    throw new ShapeException("shapes " + shapes + " do not broadcast: extents of an axis, counted"
                                    + " from the last, are to be equal or 1")
                            .among(nodes[0].graph(), List.of(nodes));
                }
                dims[shift + i] = d;
            }
        }
        Shape shape = Shape.of(dims);
        return Arrays.stream(nodes).map(n -> broadcastTo(n, shape)).toList();
    }
}
