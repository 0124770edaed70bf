package hesse.graph;

import hesse.tensor.DType;
import java.util.List;

/** The index of the largest element along one axis (kept with extent 1), the first among equals; i32. NaN counts as largest. */
public record ArgMax(int axis) implements ZeroDerivative {
    @Override
    public Type infer(List<Node> inputs) {
        return new Type(DType.I32, Checks.reduced("argmax", inputs.getFirst().shape(), axis));
    }
}
