package hesse.graph;

import hesse.tensor.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Converts to another element type; linear between floating types, constant otherwise (true is 1). */
public record Cast(DType dtype) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        return new Type(dtype, inputs.getFirst().shape());
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Node x = inputs.getFirst();
        if (x.dtype() == dtype) return x;
        if (x.op() instanceof Constant c && dtype.isFloat()) return g.constant(c.value(), dtype, x.shape());
        if (x.op() instanceof Broadcast b) return g.apply(b, g.apply(this, x.input(0)));
        return g.intern(this, inputs);
    }

    @Override
    public boolean isLinearIn(int input) {
        return dtype.isFloat();
    }

    /** Nothing flows back into integers and booleans. */
    @Override
    public @Nullable Node vjp(Node y, Node cotangent, int input) {
        return isLinearIn(input) && y.input(0).dtype().isFloat() ? transpose(y, cotangent, input) : null;
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        return y.graph().apply(new Cast(y.input(0).dtype()), cotangent);
    }
}
