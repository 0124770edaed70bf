package hesse.cases;

import java.util.List;

/** Measures of disagreement. */
public final class Errors {
    /** The floor of a tensor's own norm, as a share of the norm of all. */
    private static final double FLOOR = 1e-3;

    private Errors() {}

    /**
     * Relative error of a product: over the whole of all tensors and for each by itself, whose norm counts as at least a thousandth of the
     * whole norm (some derivatives are exactly zero); the largest of these.
     */
    public static double relative(List<double[]> actual, List<double[]> expected) {
        return relative(actual, expected, FLOOR);
    }

    /** As {@link #relative(List, List)} with another share of the whole norm in place of a thousandth. */
    public static double relative(List<double[]> actual, List<double[]> expected, double floor) {
        double whole = norm(expected);
        double worst = distance(actual, expected) / whole;
        for (int i = 0; i < actual.size(); i++) {
            double own = Math.max(norm(List.of(expected.get(i))), floor * whole);
            worst = Math.max(worst, distance(List.of(actual.get(i)), List.of(expected.get(i))) / own);
        }
        return whole == 0 && norm(actual) == 0 ? 0 : worst;
    }

    /** √Σ(aᵢ − bᵢ)². */
    public static double distance(List<double[]> a, List<double[]> b) {
        if (a.size() != b.size()) throw new IllegalArgumentException(a.size() + " tensors against " + b.size());
        double sum = 0;
        for (int i = 0; i < a.size(); i++) {
            double[] x = a.get(i);
            double[] y = b.get(i);
            if (x.length != y.length) throw new IllegalArgumentException(x.length + " elements against " + y.length);
            for (int k = 0; k < x.length; k++) sum += (x[k] - y[k]) * (x[k] - y[k]);
        }
        return Math.sqrt(sum);
    }

    public static double norm(List<double[]> a) {
        return Math.sqrt(dot(a, a));
    }

    public static double dot(List<double[]> a, List<double[]> b) {
        double sum = 0;
        for (int i = 0; i < a.size(); i++) {
            for (int k = 0; k < a.get(i).length; k++) sum += a.get(i)[k] * b.get(i)[k];
        }
        return sum;
    }

    /** Relative to the larger of the two and {@code scale}. */
    public static double relative(double a, double b, double scale) {
        double size = Math.max(scale, Math.max(Math.abs(a), Math.abs(b)));
        return a == b ? 0 : Math.abs(a - b) / size;
    }
}
