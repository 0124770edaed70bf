package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A tensor of one repeated value; equal by raw bits, so -0.0 is not 0.0. */
public record Constant(double value, Type type) implements ZeroDerivative {
    @Override
    public Type infer(List<Node> inputs) {
        return type;
    }

    static boolean isZero(Node n) {
        return n.op() instanceof Constant c && c.value == 0;
    }

    /** For ops that only move elements: the same constant under another shape, or null when x is no constant. */
    static @Nullable Node moved(Graph g, Node x, Shape shape) {
        return x.op() instanceof Constant c ? g.constant(c.value, x.dtype(), shape) : null;
    }
}
