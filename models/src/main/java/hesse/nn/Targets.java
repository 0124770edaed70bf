package hesse.nn;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.ShapeException;
import hesse.tensor.Shape;
import java.util.Arrays;

/** Targets of a loss in the logits' shape and element type. */
final class Targets {
    private Targets() {}

    /** One-hot rows for integer classes, y itself otherwise. */
    static Node of(String loss, Node logits, Node y) {
        Shape z = logits.shape();
        if (z.rank() < 2) {
            throw new ShapeException(loss + " takes logits [N, K] or [N, T, K], got shape " + z);
        }
        Shape rows = Shape.of(Arrays.copyOf(z.dims(), z.rank() - 1));
        if (y.dtype().isInteger() && y.shape().equals(rows)) return Ops.oneHot(y, z.dim(-1), logits.dtype());
        if (y.dtype().isFloat() && y.shape().equals(z)) return Ops.cast(logits.dtype(), y);
        throw new ShapeException(loss + " of logits of shape " + z + " takes integer classes of shape " + rows
                + " or floating targets of shape " + z + ", got " + y.type());
    }
}
