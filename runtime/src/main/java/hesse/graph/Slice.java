package hesse.graph;

import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** A box of elements: per axis, {@code size} of them from {@code start} on, {@code stride} apart. */
public record Slice(List<Integer> starts, List<Integer> sizes, List<Integer> strides) implements Linear {
    public Slice {
        starts = List.copyOf(starts);
        sizes = List.copyOf(sizes);
        strides = List.copyOf(strides);
    }

    /** A contiguous range along one axis. */
    static Node along(Node x, int axis, int start, int size) {
        if (axis < 0 || axis >= x.shape().rank()) {
            throw new ShapeException("slice along axis " + axis + " of a tensor of shape " + x.shape())
                    .among(x.graph(), List.of(x));
        }
        var starts = new ArrayList<Integer>();
        var sizes = new ArrayList<Integer>();
        var strides = new ArrayList<Integer>();
        for (int i = 0; i < x.shape().rank(); i++) {
            starts.add(i == axis ? start : 0);
            sizes.add(i == axis ? size : x.shape().dim(i));
            strides.add(1);
        }
        return x.graph().apply(new Slice(starts, sizes, strides), x);
    }

    @Override
    public Type infer(List<Node> inputs) {
        Shape s = inputs.getFirst().shape();
        boolean fits = s.rank() == starts.size();
        for (int i = 0; fits && i < s.rank(); i++) {
            int last = starts.get(i) + (sizes.get(i) - 1) * strides.get(i);
            fits = starts.get(i) >= 0 && sizes.get(i) >= 1 && strides.get(i) >= 1 && last < s.dim(i);
        }
        if (!fits) {
            throw new ShapeException(
                    "slice from " + starts + " of sizes " + sizes + ", strides " + strides + " leaves shape " + s);
        }
        return new Type(
                inputs.getFirst().dtype(),
                Shape.of(sizes.stream().mapToInt(n -> n).toArray()));
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Type type = infer(inputs);
        Node x = inputs.getFirst();
        if (type.shape().equals(x.shape())) return x;
        Node moved = Constant.moved(g, x, type.shape());
        if (moved != null) return moved;
        Node scaled = Linear.pullScale(this, g, inputs);
        return scaled != null ? scaled : g.intern(this, inputs);
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        Shape s = y.input(0).shape();
        var after = new ArrayList<Integer>();
        var between = new ArrayList<Integer>();
        for (int i = 0; i < s.rank(); i++) {
            after.add(s.dim(i) - 1 - starts.get(i) - (sizes.get(i) - 1) * strides.get(i));
            between.add(strides.get(i) - 1);
        }
        return y.graph().apply(new Pad(starts, after, between), cotangent);
    }
}
