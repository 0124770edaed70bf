package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;
import java.util.stream.IntStream;

/** The transpose of {@link Gather}: rows I + […] added up, in order of the indices I, into a table [rows, …]. */
public record ScatterAdd(int rows) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Shape u = inputs.get(0).shape();
        Shape at = inputs.get(1).shape();
        boolean fits = inputs.get(1).dtype().isInteger() && u.rank() >= at.rank();
        for (int i = 0; fits && i < at.rank(); i++) fits = u.dim(i) == at.dim(i);
        if (!fits) {
            throw new ShapeException("scatter-add takes rows and an integer index for each, got "
                    + inputs.get(0).type() + " and " + inputs.get(1).type() + ": leading extents must be equal");
        }
        int[] dims = IntStream.concat(IntStream.of(rows), IntStream.of(u.dims()).skip(at.rank()))
                .toArray();
        return new Type(inputs.get(0).dtype(), Shape.of(dims));
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
        return y.graph().apply(new Gather(), cotangent, y.input(1));
    }
}
