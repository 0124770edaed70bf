package hesse.curvature;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleUnaryOperator;

/**
 * The spectrum as a distribution of n eigenvalues, by stochastic Lanczos quadrature: for each random vector a few nodes with weights that
 * give its moments exactly up to twice the number of steps (Ghorbani, Krishnan, Xiao 2019).
 *
 * <pre>{@code
 * try (var hessian = CurvatureOperator.of(problem, Operator.HESSIAN)) {
 *     var density = SpectralDensity.of(hessian, 80, 5, 0);
 *     var linear = density.linear(500, 0.01);
 *     var positive = density.logarithmic(true, 1e-6, 500, 0.05);
 *     var dimension = density.effectiveDimension(1e-3);
 *     var fourth = density.sum(x -> x * x * x * x); // Σ λ⁴
 * }
 * }</pre>
 *
 * @param nodes of each probe, in descending order
 * @param weights of each probe, summing up to 1
 * @param size n, the number of eigenvalues
 * @param products with the operator
 */
public record SpectralDensity(double[][] nodes, double[][] weights, int size, int products) {
    /** A curve: density at the grid's points, smoothed by Gaussians. */
    public record Curve(double[] grid, double[] values, double width) {}

    /**
     * @param steps of Lanczos for each probe, kept orthogonal in full
     * @param probes random vectors
     */
    public static SpectralDensity of(LinearOperator operator, int steps, int probes, long seed) {
        return of(operator, steps, probes, seed, () -> false);
    }

    /** As above; {@code stop} is asked before each further probe, true ends it with those that are done. */
    public static SpectralDensity of(LinearOperator operator, int steps, int probes, long seed, BooleanSupplier stop) {
        int n = operator.columns();
        if (probes < 1 || steps < 1) throw new IllegalArgumentException("at least one probe and one step");
        var random = new SplittableRandom(seed);
        double[][] nodes = new double[probes][];
        double[][] weights = new double[probes][];
        int products = 0;
        int done = 0;
        for (int p = 0; p < probes && (p == 0 || !stop.getAsBoolean()); p++, done++) {
            double[] v = Vectors.normal(n, random);
            Vectors.scale(1 / Vectors.norm(v), v);
            var basis = new ArrayList<double[]>();
            var alpha = new ArrayList<Double>();
            var beta = new ArrayList<Double>();
            double largest = 0;
            while (basis.size() < Math.min(steps, n)) {
                basis.add(v);
                double[] w = operator.apply(v).clone();
                products++;
                double[] h = Vectors.orthogonalize(w, basis);
                alpha.add(h[h.length - 1]);
                double left = Vectors.norm(w);
                largest = Math.max(largest, Math.max(Math.abs(h[h.length - 1]), left));
                if (left <= 1e-13 * largest) break;
                beta.add(left);
                Vectors.scale(1 / left, w);
                Vectors.orthogonalize(w, basis);
                Vectors.scale(1 / Vectors.norm(w), w);
                v = w;
            }
            int m = alpha.size();
            double[][] t = new double[m][m];
            for (int i = 0; i < m; i++) {
                t[i][i] = alpha.get(i);
                if (i + 1 < m) t[i][i + 1] = t[i + 1][i] = beta.get(i);
            }
            var eigen = SymmetricEigen.of(t);
            nodes[p] = eigen.values();
            weights[p] = new double[m];
            for (int i = 0; i < m; i++) weights[p][i] = eigen.vectors()[i][0] * eigen.vectors()[i][0];
        }
        return new SpectralDensity(Arrays.copyOf(nodes, done), Arrays.copyOf(weights, done), n, products);
    }

    /** tr f(A), with the standard error over probes. */
    public Estimate sum(DoubleUnaryOperator f) {
        var moments = new Estimate.Moments();
        for (int p = 0; p < nodes.length; p++) {
            double s = 0;
            for (int i = 0; i < nodes[p].length; i++) s += weights[p][i] * f.applyAsDouble(nodes[p][i]);
            moments.add(size * s);
        }
        return Estimate.of(moments, products);
    }

    /** tr A(A + λI)⁻¹ over the positive part of the spectrum: how many directions the data determine against a prior of strength λ. */
    public Estimate effectiveDimension(double lambda) {
        if (!(lambda > 0)) throw new IllegalArgumentException("λ is positive, got " + lambda);
        return sum(x -> x > 0 ? x / (x + lambda) : 0);
    }

    /**
     * The density per unit of eigenvalue.
     *
     * @param points of the grid, evenly from the smallest to the largest node with 5 % at each side
     * @param width of the Gaussians as a share of the range
     */
    public Curve linear(int points, double width) {
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        for (double[] p : nodes) {
            low = Math.min(low, p[p.length - 1]);
            high = Math.max(high, p[0]);
        }
        double range = high > low ? high - low : Math.max(1e-12, Math.abs(high));
        return curve(low - 0.05 * range, high + 0.05 * range, points, width * range, x -> x);
    }

    /**
     * The density of log₁₀|λ| per decade, of the eigenvalues of one sign.
     *
     * @param positive which sign
     * @param floor smaller magnitudes are left out
     * @param width of the Gaussians in decades
     */
    public Curve logarithmic(boolean positive, double floor, int points, double width) {
        if (!(floor > 0)) throw new IllegalArgumentException("the smallest magnitude is positive, got " + floor);
        double high = floor;
        for (double[] p : nodes) for (double x : p) if (x > 0 == positive) high = Math.max(high, Math.abs(x));
        return curve(
                Math.log10(floor),
                Math.log10(high) + 0.5,
                points,
                width,
                x -> x != 0 && x > 0 == positive && Math.abs(x) >= floor ? Math.log10(Math.abs(x)) : Double.NaN);
    }

    private Curve curve(double low, double high, int points, double width, DoubleUnaryOperator place) {
        double[] grid = new double[points];
        double[] values = new double[points];
        double norm = 1 / (width * Math.sqrt(2 * Math.PI) * nodes.length);
        for (int g = 0; g < points; g++) {
            grid[g] = points == 1 ? low : low + (high - low) * g / (points - 1);
            double sum = 0;
            for (int p = 0; p < nodes.length; p++) {
                for (int i = 0; i < nodes[p].length; i++) {
                    double d = (grid[g] - place.applyAsDouble(nodes[p][i])) / width;
                    if (Math.abs(d) < 40) sum += weights[p][i] * Math.exp(-d * d / 2);
                }
            }
            values[g] = sum * norm;
        }
        return new Curve(grid, values, width);
    }
}
