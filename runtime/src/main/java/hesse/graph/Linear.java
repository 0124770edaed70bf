package hesse.graph;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ops linear in (all of) their floating inputs, indices and conditions aside. One rule serves all: a tangent goes through the op
 * itself, a cotangent through its transpose.
 */
public sealed interface Linear extends Op
        permits AllReduce,
                Broadcast,
                Cast,
                Concat,
                Gather,
                Mark,
                Pad,
                PutAlongAxis,
                ReduceSum,
                Reshape,
                ScatterAdd,
                Select,
                Slice,
                Sum,
                SumPool,
                SumPoolTranspose,
                TakeAlongAxis,
                Transpose {
    /** The transposed map applied to a cotangent, for one linear input. */
    Node transpose(Node y, Node cotangent, int input);

    /** False for inputs that select or index. */
    default boolean isLinearIn(int input) {
        return true;
    }

    @Override
    default @Nullable Node jvp(Node y, List<@Nullable Node> tangents) {
        boolean moves = false;
        var inputs = new ArrayList<>(y.inputs());
        for (int i = 0; i < inputs.size(); i++) {
            if (!isLinearIn(i)) continue;
            Node t = tangents.get(i);
            moves |= t != null;
            inputs.set(i, t != null ? t : y.graph().zeros(y.input(i).type()));
        }
        return moves ? y.graph().apply(this, inputs) : null;
    }

    @Override
    default @Nullable Node vjp(Node y, Node cotangent, int input) {
        return isLinearIn(input) ? transpose(y, cotangent, input) : null;
    }

    /** For normal forms of ops with one linear input: a scale passes through, a constant zero stays zero. */
    static @Nullable Node pullScale(Linear op, Graph g, List<Node> inputs) {
        Node x = inputs.getFirst();
        double c = Sum.scale(x);
        if (c == 1) return Constant.isZero(x) ? g.zeros(op.infer(inputs)) : null;
        var bare = new ArrayList<>(inputs);
        bare.set(0, Sum.unscaled(x));
        return Sum.of(g, c, g.apply(op, bare));
    }
}
