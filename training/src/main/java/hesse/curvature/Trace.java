package hesse.curvature;

import hesse.curvature.Estimate.Moments;
import hesse.curvature.Vectors.Orthonormal;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/**
 * Traces and other sums over a symmetric operator's spectrum by random vectors: Hutchinson's estimator, Hutch++ (Meyer, Musco, Musco,
 * Woodruff 2021), XTrace (Epperly, Tropp, Webber 2024), the diagonal and the Frobenius norm.
 *
 * <pre>{@code
 * try (var hessian = CurvatureOperator.of(problem, Operator.HESSIAN)) {
 *     var plain = Trace.hutchinson(hessian, 1000, 0.05, Trace.Distribution.RADEMACHER, 0);
 *     var sketched = Trace.until(Trace::xTrace, hessian, 1000, 0.01, 0);
 *     double[] diagonal = Trace.diagonal(hessian, 200, 0).estimate();
 *     var norm = Trace.frobenius(hessian, 200, Trace.Distribution.NORMAL, 0);
 *     String trace = sketched.estimate() + " ± " + sketched.stderr();
 * }
 * }</pre>
 */
public final class Trace {
    /** How probes are drawn; E[v vᵀ] = I. */
    public enum Distribution {
        NORMAL,
        RADEMACHER
    }

    /** Products are asked for in groups of at most this many, so that streamed data are read once a group. */
    private static final int GROUP = 16;

    private static final int FEWEST = 10;

    private static final int FIRST_ROUND = 24;

    private Trace() {}

    static double[] draw(Distribution distribution, int n, SplittableRandom random) {
        return distribution == Distribution.NORMAL ? Vectors.normal(n, random) : Vectors.rademacher(n, random);
    }

    /**
     * Mean of vᵀA v over probes.
     *
     * @param probes at most
     * @param relative stops (after at least 10) when the standard error is below this times the estimate; 0 never does
     */
    public static Estimate hutchinson(
            LinearOperator operator, int probes, double relative, Distribution distribution, long seed) {
        return hutchinson(operator, probes, relative, distribution, seed, () -> false);
    }

    /** As above; {@code stop} is asked between groups of products, true ends it with what was found so far. */
    public static Estimate hutchinson(
            LinearOperator operator,
            int probes,
            double relative,
            Distribution distribution,
            long seed,
            BooleanSupplier stop) {
        var random = new SplittableRandom(seed);
        var moments = new Moments();
        while (moments.count() < probes && !enough(moments, relative)) {
            if (moments.count() > 1 && stop.getAsBoolean()) break;
            var v = draws(operator.columns(), Math.min(GROUP, probes - moments.count()), distribution, random);
            var images = operator.apply(v);
            for (int i = 0; i < v.size(); i++) moments.add(Vectors.dot(v.get(i), images.get(i)));
        }
        return Estimate.of(moments, moments.count());
    }

    static boolean enough(Moments m, double relative) {
        return m.count() >= FEWEST && relative > 0 && m.stderr() <= relative * Math.abs(m.mean());
    }

    private static List<double[]> draws(int n, int count, Distribution distribution, SplittableRandom random) {
        var out = new ArrayList<double[]>();
        for (int i = 0; i < count; i++) out.add(draw(distribution, n, random));
        return out;
    }

    /** From n products with unit vectors. */
    private static Estimate exact(LinearOperator operator) {
        int n = operator.columns();
        double trace = 0;
        for (int from = 0; from < n; from += GROUP) {
            var units = new ArrayList<double[]>();
            for (int i = from; i < Math.min(n, from + GROUP); i++) {
                double[] e = new double[n];
                e[i] = 1;
                units.add(e);
            }
            var images = operator.apply(units);
            for (int i = 0; i < images.size(); i++) trace += images.get(i)[from + i];
        }
        return new Estimate(trace, 0, 0, n);
    }

    /**
     * A third of the products finds where the operator is large, a third takes the trace there exactly, the rest estimates what is left
     * by Hutchinson. With n products or more the trace is exact.
     */
    public static Estimate hutchPlusPlus(LinearOperator operator, int products, long seed) {
        int n = operator.columns();
        if (products >= n) return exact(operator);
        if (products < 6) throw new IllegalArgumentException("Hutch++ takes at least 6 products, got " + products);
        var random = new SplittableRandom(seed);
        int sketch = products / 3;
        var images = operator.apply(draws(n, sketch, Distribution.RADEMACHER, random));
        var q = Orthonormal.of(images, random).q();
        var onQ = operator.apply(q);
        double large = 0;
        for (int i = 0; i < sketch; i++) large += Vectors.dot(q.get(i), onQ.get(i));
        var rest = new Moments();
        int left = products - 2 * sketch;
        while (rest.count() < left) {
            var v = draws(n, Math.min(GROUP, left - rest.count()), Distribution.RADEMACHER, random);
            v.forEach(x -> Vectors.orthogonalize(x, q));
            var w = operator.apply(v);
            for (int i = 0; i < v.size(); i++) rest.add(Vectors.dot(v.get(i), w.get(i)));
        }
        return new Estimate(large + rest.mean(), rest.stderr(), sketch + left, products);
    }

    /**
     * Each probe in turn is the one that estimates what the others left over; all estimates are averaged. With n products or more the
     * trace is exact.
     */
    public static Estimate xTrace(LinearOperator operator, int products, long seed) {
        int n = operator.columns();
        if (products >= n) return exact(operator);
        int l = products / 2;
        if (l < 2) throw new IllegalArgumentException("XTrace takes at least 4 products, got " + products);
        var random = new SplittableRandom(seed);
        var omega = draws(n, l, Distribution.NORMAL, random);
        var y = operator.apply(omega);
        var qr = Orthonormal.of(y, random);
        var z = operator.apply(qr.q());
        double[][] t = new double[l][l];
        for (int i = 0; i < l; i++)
            for (int j = 0; j < l; j++) t[i][j] = Vectors.dot(qr.q().get(i), z.get(j));
        double trace = 0;
        for (int i = 0; i < l; i++) trace += t[i][i];
        var moments = new Moments();
        for (int i = 0; i < l; i++) {
            double[] s = leftOut(qr.r(), i);
            double[] w = new double[l];
            for (int j = 0; j < l; j++) w[j] = Vectors.dot(qr.q().get(j), omega.get(i));
            double along = Vectors.dot(s, w);
            double[] u = w.clone();
            Vectors.add(-along, s, u);
            // r = ω − Q u lies outside the span of the others' images
            double rr = Vectors.dot(omega.get(i), omega.get(i)) - Vectors.dot(u, u);
            double rar = Vectors.dot(omega.get(i), y.get(i)) - 2 * Vectors.dot(u, qr.r()[i]) + form(t, u);
            moments.add(trace - form(t, s) + (n - l + 1) * rar / rr);
        }
        return Estimate.of(moments, 2 * l);
    }

    /** A trace by a number of products. */
    public interface BySketch {
        /** {@link #hutchPlusPlus} or {@link #xTrace}. */
        Estimate of(LinearOperator operator, int products, long seed);
    }

    /**
     * Hutch++ or XTrace with as many products as a standard error needs: 24, then twice as many as before, with probes of their own, until it is
     * below {@code relative} times the estimate or the next round would exceed the budget.
     *
     * @param most products in all
     * @return the last round's estimate, with all products counted
     */
    public static Estimate until(BySketch sketch, LinearOperator operator, int most, double relative, long seed) {
        if (!(relative > 0)) throw new IllegalArgumentException("a relative error above 0, got " + relative);
        int used = 0;
        int round = Math.min(FIRST_ROUND, most);
        var random = new SplittableRandom(seed);
        while (true) {
            var e = sketch.of(operator, round, random.nextLong());
            used += e.products();
            boolean good = e.stderr() <= relative * Math.abs(e.estimate());
            if (good || used + 2 * round > most) return new Estimate(e.estimate(), e.stderr(), e.probes(), used);
            round *= 2;
        }
    }

    /** The unit vector s with range(Q without column i's share) = Q(I − s sᵀ): R⁻ᵀeᵢ, normalised; R by columns. */
    private static double[] leftOut(double[][] r, int i) {
        int l = r.length;
        double largest = 0;
        for (int j = 0; j < l; j++) largest = Math.max(largest, r[j][j]);
        double[] s = new double[l];
        for (int j = i; j < l; j++) {
            double x = j == i ? 1 : 0;
            for (int k = i; k < j; k++) x -= r[j][k] * s[k];
            s[j] = x / Math.max(r[j][j], 1e-14 * Math.max(largest, Double.MIN_NORMAL));
            // a tiny pivot would overflow what follows
            double size = Math.abs(s[j]);
            if (size > 1e100) for (int k = i; k <= j; k++) s[k] /= size;
        }
        Vectors.scale(1 / Vectors.norm(s), s);
        return s;
    }

    private static double form(double[][] t, double[] u) {
        double sum = 0;
        for (int i = 0; i < u.length; i++) sum += u[i] * Vectors.dot(t[i], u);
        return sum;
    }

    /**
     * The diagonal as the mean of v ⊙ A v over Rademacher probes (Bekas, Kokiopoulou, Saad 2007).
     *
     * @param stderr of each element
     */
    public record Diagonal(double[] estimate, double[] stderr, int probes) {}

    /** See {@link Diagonal}; with n probes or more it is exact. */
    public static Diagonal diagonal(LinearOperator operator, int probes, long seed) {
        int n = operator.columns();
        if (probes >= n) return exactDiagonal(operator);
        var random = new SplittableRandom(seed);
        double[] mean = new double[n];
        double[] squares = new double[n];
        int count = 0;
        while (count < probes) {
            var v = draws(n, Math.min(GROUP, probes - count), Distribution.RADEMACHER, random);
            var images = operator.apply(v);
            for (int j = 0; j < v.size(); j++) {
                count++;
                for (int i = 0; i < n; i++) {
                    double x = v.get(j)[i] * images.get(j)[i];
                    double d = x - mean[i];
                    mean[i] += d / count;
                    squares[i] += d * (x - mean[i]);
                }
            }
        }
        double[] stderr = new double[n];
        for (int i = 0; i < n; i++) stderr[i] = count < 2 ? Double.NaN : Math.sqrt(squares[i] / (count - 1) / count);
        return new Diagonal(mean, stderr, count);
    }

    private static Diagonal exactDiagonal(LinearOperator operator) {
        int n = operator.columns();
        double[] d = new double[n];
        for (int i = 0; i < n; i++) {
            double[] e = new double[n];
            e[i] = 1;
            d[i] = operator.apply(e)[i];
        }
        return new Diagonal(d, new double[n], n);
    }

    /** ‖A‖_F, from the mean of ‖A v‖² over probes. */
    public static Estimate frobenius(LinearOperator operator, int probes, Distribution distribution, long seed) {
        var random = new SplittableRandom(seed);
        var moments = new Moments();
        while (moments.count() < probes) {
            var v = draws(operator.columns(), Math.min(GROUP, probes - moments.count()), distribution, random);
            for (double[] image : operator.apply(v)) moments.add(Vectors.dot(image, image));
        }
        double norm = Math.sqrt(moments.mean());
        return new Estimate(norm, norm == 0 ? 0 : moments.stderr() / (2 * norm), moments.count(), moments.count());
    }
}
