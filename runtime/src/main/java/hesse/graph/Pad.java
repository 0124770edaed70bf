package hesse.graph;

import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Surrounds with zeros: per axis, {@code before}, {@code after} and {@code between} neighbours; the transpose of {@link Slice}. */
public record Pad(List<Integer> before, List<Integer> after, List<Integer> between) implements Linear {
    public Pad {
        before = List.copyOf(before);
        after = List.copyOf(after);
        between = List.copyOf(between);
    }

    @Override
    public Type infer(List<Node> inputs) {
        Shape s = inputs.getFirst().shape();
        if (s.rank() != before.size() || s.rank() != after.size() || s.rank() != between.size()) {
            throw new ShapeException("padding " + before + ", " + after + " does not fit shape " + s);
        }
        int[] dims = s.dims();
        for (int i = 0; i < dims.length; i++) {
            dims[i] = dims[i] + Math.max(0, dims[i] - 1) * between.get(i) + before.get(i) + after.get(i);
        }
        return new Type(inputs.getFirst().dtype(), Shape.of(dims));
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Type type = infer(inputs);
        Node x = inputs.getFirst();
        if (type.shape().equals(x.shape())) return x;
        Node scaled = Linear.pullScale(this, g, inputs);
        return scaled != null ? scaled : g.intern(this, inputs);
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        Shape s = y.input(0).shape();
        var sizes = new ArrayList<Integer>();
        var strides = new ArrayList<Integer>();
        for (int i = 0; i < s.rank(); i++) {
            sizes.add(s.dim(i));
            strides.add(between.get(i) + 1);
        }
        return y.graph().apply(new Slice(before, sizes, strides), cotangent);
    }
}
