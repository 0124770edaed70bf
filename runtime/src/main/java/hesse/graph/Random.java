package hesse.graph;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;

/**
 * Counter-based random numbers (Philox 4×32-10), keyed by (seed, step, use, element). The use is a path name such as
 * {@code method.probe.3}, so two draws are two nodes and one draw in two passes is one. Inputs are i64 scalars: seed, step,
 * and the number of elements that precede this tensor's first in the global batch.
 */
public record Random(Distribution distribution, String use, Type type) implements ZeroDerivative {
    /** What is drawn: N(0, 1) (made in f64, then rounded), ±1 with equal odds, or uniform in the open interval (0, 1). */
    public enum Distribution {
        NORMAL,
        RADEMACHER,
        UNIFORM
    }

    @Override
    public Type infer(List<Node> inputs) {
        for (Node in : inputs) {
            if (!in.type().equals(new Type(DType.I64, Shape.SCALAR))) {
                throw new ShapeException("a random draw takes seed, step and offset as i64 scalars, got " + in.type());
            }
        }
        return type;
    }
}
