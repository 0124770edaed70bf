package hesse.graph;

import hesse.tensor.DType;
import java.util.List;

/** True where an element is neither infinite nor NaN. */
public record IsFinite() implements ZeroDerivative {
    @Override
    public Type infer(List<Node> inputs) {
        return new Type(DType.BOOL, inputs.getFirst().shape());
    }
}
