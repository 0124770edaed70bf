package hesse.graph;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ops linear in each input separately: products, matrix products, convolutions. One rule serves all tangents (Leibniz); each op
 * names the op that carries the cotangent to one input.
 */
public sealed interface Multilinear extends Op permits ConvFilterGradient, Conv2d, ConvInputGradient, MatMul, Mul {
    /** The cotangent's contribution to one input. */
    Node partial(Node y, Node cotangent, int input);

    @Override
    default @Nullable Node jvp(Node y, List<@Nullable Node> tangents) {
        var terms = new ArrayList<Node>();
        for (int i = 0; i < tangents.size(); i++) {
            Node t = tangents.get(i);
            if (t == null) continue;
            var inputs = new ArrayList<>(y.inputs());
            inputs.set(i, t);
            terms.add(y.graph().apply(this, inputs));
        }
        return terms.isEmpty() ? null : Sum.of(y.graph(), terms);
    }

    @Override
    default @Nullable Node vjp(Node y, Node cotangent, int input) {
        return partial(y, cotangent, input);
    }

    /** For normal forms of contractions: scales move outside, a constant zero makes the product zero. */
    static @Nullable Node pullScales(Multilinear op, Graph g, List<Node> inputs) {
        double c = 1;
        var bare = new ArrayList<Node>(inputs.size());
        for (Node in : inputs) {
            if (Constant.isZero(in)) return g.zeros(op.infer(inputs));
            double s = Sum.scale(in);
            c *= s;
            bare.add(s == 1 ? in : Sum.unscaled(in));
        }
        return c == 1 && bare.equals(inputs) ? null : Sum.of(g, c, g.apply(op, bare));
    }
}
