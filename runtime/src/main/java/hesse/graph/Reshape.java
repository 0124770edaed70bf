package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;

/** The same elements in row-major order under another shape. */
public record Reshape(Shape shape) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Node x = inputs.getFirst();
        if (x.shape().size() != shape.size()) {
            throw new ShapeException("a tensor of shape " + x.shape() + " ("
                    + x.shape().size() + " elements) cannot be reshaped to " + shape + " (" + shape.size() + ")");
        }
        return new Type(x.dtype(), shape);
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Node x = inputs.getFirst();
        if (x.shape().equals(shape)) return x;
        infer(inputs);
        Node moved = Constant.moved(g, x, shape);
        if (moved != null) return moved;
        Node scaled = x.dtype().isFloat() ? Linear.pullScale(this, g, inputs) : null;
        if (scaled != null) return scaled;
        return x.op() instanceof Reshape ? g.apply(this, x.inputs()) : g.intern(this, inputs);
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        return y.graph().apply(new Reshape(y.input(0).shape()), cotangent);
    }
}
