package hesse.backend.reference;

import hesse.tensor.Shape;
import java.util.function.ToDoubleFunction;

/** Walks over the elements of a shape in row-major order, and finds elements by their coordinates. */
final class Grid {
    private Grid() {}

    /** Sees the coordinates of an element, valid during the call only, and its place in row-major order. */
    interface Visitor {
        void visit(int[] at, int index);
    }

    static void visit(Shape shape, Visitor visitor) {
        int[] at = new int[shape.rank()];
        int size = Math.toIntExact(shape.size());
        for (int i = 0; i < size; i++) {
            visitor.visit(at, i);
            for (int axis = at.length - 1; axis >= 0 && ++at[axis] == shape.dim(axis); axis--) at[axis] = 0;
        }
    }

    /** A tensor of the given shape, each element a function of its coordinates. */
    static double[] fill(Shape shape, ToDoubleFunction<int[]> element) {
        double[] y = new double[Math.toIntExact(shape.size())];
        visit(shape, (at, i) -> y[i] = element.applyAsDouble(at));
        return y;
    }

    /** Where the element at the given coordinates stands. */
    static int index(Shape shape, int... at) {
        int index = 0;
        for (int axis = 0; axis < at.length; axis++) index = index * shape.dim(axis) + at[axis];
        return index;
    }

    /** As {@link #index}, for coordinates of a larger shape that this one is broadcast to: 0 along axes of extent 1. */
    static int clampedIndex(Shape shape, int[] at) {
        int index = 0;
        for (int axis = 0; axis < at.length; axis++) {
            index = index * shape.dim(axis) + (shape.dim(axis) == 1 ? 0 : at[axis]);
        }
        return index;
    }
}
