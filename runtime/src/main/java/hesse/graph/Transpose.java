package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;
import java.util.stream.IntStream;

/** Reorders axes: axis i of the result is axis {@code permutation[i]} of the input. */
public record Transpose(List<Integer> permutation) implements Linear {
    public Transpose {
        permutation = List.copyOf(permutation);
    }

    @Override
    public Type infer(List<Node> inputs) {
        Shape s = inputs.getFirst().shape();
        if (!IntStream.range(0, s.rank())
                .boxed()
                .toList()
                .equals(permutation.stream().sorted().toList())) {
            throw new ShapeException("permutation " + permutation + " does not fit shape " + s);
        }
        return new Type(
                inputs.getFirst().dtype(),
                Shape.of(permutation.stream().mapToInt(s::dim).toArray()));
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Node x = inputs.getFirst();
        Type type = infer(inputs);
        if (IntStream.range(0, permutation.size()).allMatch(i -> permutation.get(i) == i)) return x;
        Node moved = Constant.moved(g, x, type.shape());
        if (moved != null) return moved;
        Node scaled = Linear.pullScale(this, g, inputs);
        if (scaled != null) return scaled;
        if (x.op() instanceof Transpose t) {
            return g.apply(
                    new Transpose(permutation.stream().map(t.permutation::get).toList()), x.inputs());
        }
        return g.intern(this, inputs);
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        var inverse = IntStream.range(0, permutation.size())
                .map(permutation::indexOf)
                .boxed()
                .toList();
        return y.graph().apply(new Transpose(inverse), cotangent);
    }
}
