package hesse.nn;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.ShapeException;
import hesse.tensor.Shape;
import java.util.Arrays;

/** Logits and targets of a loss, one row for each example or position. */
final class Targets {
    private Targets() {}

    /** Logits [N, T, K] as [N·T, K]. */
    static Node rows(Node logits) {
        int classes = logits.shape().dim(-1);
        return Ops.reshape(logits, Math.toIntExact(logits.shape().size() / Math.max(1, classes)), classes);
    }

    /** One-hot rows for integer classes, y itself otherwise, in the logits' element type. */
    static Node of(String loss, Node logits, Node y) {
        Shape z = logits.shape();
        if (z.rank() < 2) {
            throw new ShapeException(loss + " takes logits [N, K] or [N, T, K], got shape " + z);
        }
        Shape rows = Shape.of(Arrays.copyOf(z.dims(), z.rank() - 1));
        if (y.dtype().isInteger() && y.shape().equals(rows)) {
            return Ops.oneHot(Ops.reshape(y, Math.toIntExact(rows.size())), z.dim(-1), logits.dtype());
        }
        if (y.dtype().isFloat() && y.shape().equals(z)) return Ops.cast(logits.dtype(), rows(y));
        throw new ShapeException(loss + " of logits of shape " + z + " takes integer classes of shape " + rows
                + " or floating targets of shape " + z + ", got " + y.type());
    }
}
