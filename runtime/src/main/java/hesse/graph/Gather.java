package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;
import java.util.stream.IntStream;

/** Rows of a table: data [V, …] at indices of any shape I gives I + […]. Indices outside 0…V−1 are an error of the caller. */
public record Gather() implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Node data = inputs.get(0);
        Node at = inputs.get(1);
        if (data.shape().rank() < 1 || !at.dtype().isInteger()) {
            throw new ShapeException(
                    "gather takes a table and integer indices, got " + data.type() + " and " + at.type());
        }
        int[] dims = IntStream.concat(
                        IntStream.of(at.shape().dims()),
                        IntStream.of(data.shape().dims()).skip(1))
                .toArray();
        return new Type(data.dtype(), Shape.of(dims));
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
        return y.graph().apply(new ScatterAdd(y.input(0).shape().dim(0)), cotangent, y.input(1));
    }
}
