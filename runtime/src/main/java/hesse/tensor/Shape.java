package hesse.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;

/** The extents of a tensor, outermost first; row-major (last dimension contiguous). Immutable; rank 0 is a scalar. */
public final class Shape {
    /** The shape of a scalar. */
    public static final Shape SCALAR = new Shape(new int[0]);

    private final int[] dims;

    private Shape(int[] dims) {
        this.dims = dims;
    }

    /** @throws IllegalArgumentException if an extent is negative */
    public static Shape of(int... dims) {
        for (int d : dims) {
            if (d < 0) throw new IllegalArgumentException("negative extent in shape " + Arrays.toString(dims));
        }
        return dims.length == 0 ? SCALAR : new Shape(dims.clone());
    }

    public int rank() {
        return dims.length;
    }

    /** Extent of one axis; negative axes count from the end. */
    public int dim(int axis) {
        return dims[axis < 0 ? axis + dims.length : axis];
    }

    /** All extents, a copy. */
    public int[] dims() {
        return dims.clone();
    }

    /** Number of elements. */
    public long size() {
        long n = 1;
        for (int d : dims) n = Math.multiplyExact(n, (long) d);
        return n;
    }

    /** This shape with one extent replaced. */
    public Shape with(int axis, int extent) {
        int[] copy = dims.clone();
        copy[axis < 0 ? axis + dims.length : axis] = extent;
        return of(copy);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shape s && Arrays.equals(dims, s.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /** For example {@code [128, 28, 28, 1]}. */
    @Override
    public String toString() {
        return Arrays.stream(dims).mapToObj(Integer::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
