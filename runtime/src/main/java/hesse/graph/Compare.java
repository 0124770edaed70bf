package hesse.graph;

import hesse.tensor.DType;
import java.util.List;

/** Elementwise comparison of two tensors of one type; booleans. NaN compares false except under {@code NE}. */
public record Compare(Relation relation) implements ZeroDerivative {
    /** The order asked for. */
    public enum Relation {
        LT,
        LE,
        GT,
        GE,
        EQ,
        NE
    }

    @Override
    public Type infer(List<Node> inputs) {
        Node a = inputs.get(0);
        Node b = inputs.get(1);
        if (!a.type().equals(b.type())) {
            throw new ShapeException("compare takes two tensors of one type, got " + a.type() + " and " + b.type());
        }
        return new Type(DType.BOOL, a.shape());
    }
}
