package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;

/** The transpose of {@link TakeAlongAxis}: elements added up, in order, at their indices along one axis of the given extent. */
public record PutAlongAxis(int axis, int extent) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Shape u = inputs.get(0).shape();
        if (!inputs.get(1).dtype().isInteger() || !u.equals(inputs.get(1).shape()) || axis < 0 || axis >= u.rank()) {
            throw new ShapeException("put along axis " + axis + " of "
                    + inputs.get(0).type() + " at indices " + inputs.get(1).type() + ": shapes must be equal");
        }
        return new Type(inputs.get(0).dtype(), u.with(axis, extent));
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Node scaled = Linear.pullScale(this, g, inputs);
        return scaled != null ? scaled : g.intern(this, inputs);
    }

    @Override
    public boolean isLinearIn(int input) {
        return input == 0;
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        return y.graph().apply(new TakeAlongAxis(axis), cotangent, y.input(1));
    }
}
