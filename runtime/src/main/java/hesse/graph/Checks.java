package hesse.graph;

import hesse.tensor.Shape;

/** Shape checks shared by several ops. */
final class Checks {
    private Checks() {}

    static Shape reduced(String what, Shape shape, int axis) {
        if (axis < 0 || axis >= shape.rank()) {
            throw new ShapeException(what + " along axis " + axis + " of a tensor of shape " + shape);
        }
        if (shape.dim(axis) == 0)
            throw new ShapeException(what + " along an empty axis " + axis + " of shape " + shape);
        return shape.with(axis, 1);
    }

    static void rank(String what, Node x, int rank, String layout) {
        if (x.shape().rank() != rank) {
            throw new ShapeException(what + " must have shape " + layout + ", got " + x.shape());
        }
    }

    static void isFloat(String what, Node x) {
        if (!x.dtype().isFloat())
            throw new ShapeException(what + " must be floating, got " + x.type() + "; cast it first");
    }

    static void sameType(String what, Node a, Node b) {
        if (a.dtype() != b.dtype()) {
            throw new ShapeException(
                    what + " takes operands of one element type, got " + a.type() + " and " + b.type());
        }
    }
}
