package hesse.graph;

import hesse.tensor.DType;
import java.util.List;

/** Elementwise choice: where the condition holds the second operand, else the third; the other never leaks, not even as NaN. */
public record Select() implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Node c = inputs.get(0);
        Node a = inputs.get(1);
        Node b = inputs.get(2);
        if (c.dtype() != DType.BOOL || !c.shape().equals(a.shape()) || !a.type().equals(b.type())) {
            throw new ShapeException("select takes a boolean and two tensors of its shape and one type, got " + c.type()
                    + ", " + a.type() + ", " + b.type());
        }
        return a.type();
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        return inputs.get(1) == inputs.get(2) ? inputs.get(1) : g.intern(this, inputs);
    }

    @Override
    public boolean isLinearIn(int input) {
        return input > 0;
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        Node zero = y.graph().zeros(y.type());
        Node c = y.input(0);
        return input == 1
                ? y.graph().apply(this, c, cotangent, zero)
                : y.graph().apply(this, c, zero, cotangent);
    }
}
