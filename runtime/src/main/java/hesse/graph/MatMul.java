package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Batched matrix product op(A)·op(B) over the last two axes; leading axes are equal. {@code transposeA} reads A as [k, m],
 * {@code transposeB} reads B as [n, k].
 */
public record MatMul(boolean transposeA, boolean transposeB) implements Multilinear {
    @Override
    public Type infer(List<Node> inputs) {
        Node a = inputs.get(0);
        Node b = inputs.get(1);
        Checks.sameType("a matrix product", a, b);
        Shape s = a.shape();
        Shape t = b.shape();
        boolean fits = s.rank() >= 2 && s.rank() == t.rank();
        for (int i = 0; fits && i < s.rank() - 2; i++) fits = s.dim(i) == t.dim(i);
        if (!fits || s.dim(transposeA ? -2 : -1) != t.dim(transposeB ? -1 : -2)) {
            throw new ShapeException("matrix product of shapes " + s + (transposeA ? " transposed" : "") + " and " + t
                    + (transposeB ? " transposed" : "") + ": inner or leading extents differ");
        }
        int[] dims = s.dims();
        dims[dims.length - 2] = s.dim(transposeA ? -1 : -2);
        dims[dims.length - 1] = t.dim(transposeB ? -2 : -1);
        return new Type(a.dtype(), Shape.of(dims));
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        infer(inputs);
        Node scaled = Multilinear.pullScales(this, g, inputs);
        if (scaled != null) return scaled;
        Node a = inputs.get(0);
        Node b = inputs.get(1);
        if (swapsLastAxes(a)) return g.apply(new MatMul(!transposeA, transposeB), a.input(0), b);
        if (swapsLastAxes(b)) return g.apply(new MatMul(transposeA, !transposeB), a, b.input(0));
        return g.intern(this, inputs);
    }

    private static boolean swapsLastAxes(Node n) {
        if (!(n.op() instanceof Transpose t)) return false;
        int r = t.permutation().size();
        return IntStream.range(0, r - 2).allMatch(i -> t.permutation().get(i) == i)
                && t.permutation().get(r - 1) == r - 2;
    }

    @Override
    public Node partial(Node y, Node c, int input) {
        Graph g = y.graph();
        Node a = y.input(0);
        Node b = y.input(1);
        if (input == 0) {
            return transposeA
                    ? g.apply(new MatMul(transposeB, true), b, c)
                    : g.apply(new MatMul(false, !transposeB), c, b);
        }
        return transposeB ? g.apply(new MatMul(true, transposeA), c, a) : g.apply(new MatMul(!transposeA, false), a, c);
    }
}
