package hesse.graph;

import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Repeats a tensor along the axes where its extent is 1; the rank stays. */
public record Broadcast(Shape shape) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Shape from = inputs.getFirst().shape();
        boolean fits = from.rank() == shape.rank();
        for (int i = 0; fits && i < from.rank(); i++) fits = from.dim(i) == shape.dim(i) || from.dim(i) == 1;
        if (!fits) throw new ShapeException("shape " + from + " does not broadcast to " + shape);
        return new Type(inputs.getFirst().dtype(), shape);
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Node x = inputs.getFirst();
        if (x.shape().equals(shape)) return x;
        infer(inputs);
        Node moved = Constant.moved(g, x, shape);
        if (moved != null) return moved;
        // a scale stays inside, where there is less to multiply
        return x.op() instanceof Broadcast ? g.intern(this, x.inputs()) : g.intern(this, inputs);
    }

    /** The axes along which {@code x} is repeated. */
    List<Integer> repeated(Node x) {
        var axes = new ArrayList<Integer>();
        for (int i = 0; i < shape.rank(); i++) if (x.shape().dim(i) == 1 && shape.dim(i) != 1) axes.add(i);
        return axes;
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        return y.graph().apply(new ReduceSum(repeated(y.input(0))), cotangent);
    }
}
