package hesse.backend.reference;

import hesse.graph.Pad;
import hesse.graph.Slice;
import hesse.graph.Type;
import hesse.tensor.Shape;
import java.util.List;
import java.util.Objects;

/** The ops that move elements or look for them, plainly. */
final class NaiveIndexing {
    private NaiveIndexing() {}

    static double[] broadcast(Shape from, Shape to, double[] x) {
        return Grid.fill(to, at -> x[Grid.clampedIndex(from, at)]);
    }

    static double[] transpose(List<Integer> permutation, Shape from, Shape to, double[] x) {
        int[] source = new int[from.rank()];
        return Grid.fill(to, at -> {
            for (int i = 0; i < at.length; i++) source[permutation.get(i)] = at[i];
            return x[Grid.index(from, source)];
        });
    }

    static double[] slice(Slice slice, Shape from, Shape to, double[] x) {
        int[] source = new int[from.rank()];
        return Grid.fill(to, at -> {
            for (int i = 0; i < at.length; i++) {
                source[i] = slice.starts().get(i) + at[i] * slice.strides().get(i);
            }
            return x[Grid.index(from, source)];
        });
    }

    static double[] pad(Pad pad, Shape from, Shape to, double[] x) {
        double[] y = new double[Math.toIntExact(to.size())];
        int[] target = new int[to.rank()];
        Grid.visit(from, (at, i) -> {
            for (int a = 0; a < at.length; a++) {
                target[a] = pad.before().get(a) + at[a] * (pad.between().get(a) + 1);
            }
            y[Grid.index(to, target)] = x[i];
        });
        return y;
    }

    static double[] concat(int axis, List<Type> parts, Shape to, List<double[]> in) {
        double[] y = new double[Math.toIntExact(to.size())];
        int start = 0;
        for (int k = 0; k < in.size(); k++) {
            Shape from = parts.get(k).shape();
            double[] x = in.get(k);
            int shift = start;
            Grid.visit(from, (at, i) -> {
                int[] target = at.clone();
                target[axis] += shift;
                y[Grid.index(to, target)] = x[i];
            });
            start += from.dim(axis);
        }
        return y;
    }

    /** Index of the largest element along an axis, the first among equals; NaN is larger than all. */
    static double[] argMax(int axis, Shape from, Shape to, double[] x) {
        return Grid.fill(to, at -> {
            int[] here = at.clone();
            int best = 0;
            double largest = x[Grid.index(from, here)];
            for (int k = 1; k < from.dim(axis); k++) {
                here[axis] = k;
                double v = x[Grid.index(from, here)];
                if (isLarger(v, largest)) {
                    largest = v;
                    best = k;
                }
            }
            return best;
        });
    }

    static boolean isLarger(double a, double b) {
        return a > b || Double.isNaN(a) && !Double.isNaN(b);
    }

    static double[] maximum(int axis, Shape from, Shape to, double[] x) {
        return take(axis, from, to, x, argMax(axis, from, to, x));
    }

    static double[] take(int axis, Shape from, Shape to, double[] x, double[] indices) {
        double[] y = new double[Math.toIntExact(to.size())];
        Grid.visit(to, (at, i) -> {
            int[] source = at.clone();
            source[axis] = Objects.checkIndex((int) indices[i], from.dim(axis));
            y[i] = x[Grid.index(from, source)];
        });
        return y;
    }

    static double[] put(int axis, Shape from, Shape to, double[] updates, double[] indices) {
        double[] y = new double[Math.toIntExact(to.size())];
        Grid.visit(from, (at, i) -> {
            int[] target = at.clone();
            target[axis] = Objects.checkIndex((int) indices[i], to.dim(axis));
            y[Grid.index(to, target)] += updates[i];
        });
        return y;
    }

    static double[] gather(Shape table, double[] rows, double[] indices) {
        int width = Math.toIntExact(table.size() / Math.max(1, table.dim(0)));
        double[] y = new double[indices.length * width];
        for (int i = 0; i < indices.length; i++) {
            int row = Objects.checkIndex((int) indices[i], table.dim(0));
            System.arraycopy(rows, row * width, y, i * width, width);
        }
        return y;
    }

    static double[] scatterAdd(Shape table, double[] updates, double[] indices) {
        int width = Math.toIntExact(table.size() / Math.max(1, table.dim(0)));
        double[] y = new double[Math.toIntExact(table.size())];
        for (int i = 0; i < indices.length; i++) {
            int row = Objects.checkIndex((int) indices[i], table.dim(0));
            for (int j = 0; j < width; j++) y[row * width + j] += updates[i * width + j];
        }
        return y;
    }
}
