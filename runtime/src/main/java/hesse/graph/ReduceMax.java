package hesse.graph;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The largest element along one axis (kept with extent 1); its derivative is the gather at {@link ArgMax}. */
public record ReduceMax(int axis) implements Elementwise {
    @Override
    public Type infer(List<Node> inputs) {
        Checks.isFloat("the argument of a maximum", inputs.getFirst());
        return new Type(
                inputs.getFirst().dtype(),
                Checks.reduced("maximum", inputs.getFirst().shape(), axis));
    }

    @Override
    public @Nullable Node jvp(Node y, List<@Nullable Node> tangents) {
        return y.graph().apply(new TakeAlongAxis(axis), Objects.requireNonNull(tangents.getFirst()), chosen(y));
    }

    @Override
    public @Nullable Node vjp(Node y, Node cotangent, int input) {
        return y.graph().apply(new PutAlongAxis(axis, y.input(0).shape().dim(axis)), cotangent, chosen(y));
    }

    private Node chosen(Node y) {
        return y.graph().apply(new ArgMax(axis), y.input(0));
    }
}
