package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;

/** Elements of x at indices along one axis; indices have x's shape but for that axis. */
public record TakeAlongAxis(int axis) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Shape x = inputs.get(0).shape();
        Shape at = inputs.get(1).shape();
        if (!inputs.get(1).dtype().isInteger()
                || x.rank() != at.rank()
                || axis < 0
                || axis >= x.rank()
                || !x.with(axis, 1).equals(at.with(axis, 1))) {
            throw new ShapeException("take along axis " + axis + " of shape " + x + " at indices "
                    + inputs.get(1).type() + ": the other extents must agree");
        }
        return new Type(inputs.get(0).dtype(), at);
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
        return y.graph().apply(new PutAlongAxis(axis, y.input(0).shape().dim(axis)), cotangent, y.input(1));
    }
}
