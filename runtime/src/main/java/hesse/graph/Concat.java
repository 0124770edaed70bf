package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;

/** Tensors side by side along one axis. */
public record Concat(int axis) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Shape first = inputs.getFirst().shape();
        int total = 0;
        for (Node in : inputs) {
            Shape s = in.shape();
            if (s.rank() != first.rank()
                    || axis < 0
                    || axis >= s.rank()
                    || !s.with(axis, 1).equals(first.with(axis, 1))) {
                throw new ShapeException("concat along axis " + axis + " of shapes " + first + " and " + s);
            }
            total += s.dim(axis);
        }
        return new Type(inputs.getFirst().dtype(), first.with(axis, total));
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        return inputs.size() == 1 ? inputs.getFirst() : g.intern(this, inputs);
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        int start = 0;
        for (int i = 0; i < input; i++) start += y.input(i).shape().dim(axis);
        return Slice.along(cotangent, axis, start, y.input(input).shape().dim(axis));
    }
}
