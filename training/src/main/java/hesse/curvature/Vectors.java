package hesse.curvature;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Vectors in double precision: sums in a fixed order, so that equal runs have equal bits. */
final class Vectors {
    /** Numbers are added in blocks of this length, and the blocks' sums after that. */
    private static final int BLOCK = 1024;

    private Vectors() {}

    static double dot(double[] a, double[] b) {
        if (a.length != b.length) {
            throw new IllegalArgumentException("vectors of lengths " + a.length + " and " + b.length);
        }
        double sum = 0;
        for (int from = 0; from < a.length; from += BLOCK) {
            int to = Math.min(a.length, from + BLOCK);
            double block = 0;
            for (int i = from; i < to; i++) block += a[i] * b[i];
            sum += block;
        }
        return sum;
    }

    static double norm(double[] a) {
        return Math.sqrt(dot(a, a));
    }

    /** y += c·x. */
    static void add(double c, double[] x, double[] y) {
        for (int i = 0; i < y.length; i++) y[i] += c * x[i];
    }

    static void scale(double c, double[] x) {
        for (int i = 0; i < x.length; i++) x[i] *= c;
    }

    /** a ⊙ b. */
    static double[] times(double[] a, double[] b) {
        double[] out = new double[a.length];
        for (int i = 0; i < out.length; i++) out[i] = a[i] * b[i];
        return out;
    }

    /** Σ cⱼ·vⱼ over the first columns. */
    static double[] combine(List<double[]> vectors, double[] c) {
        double[] out = new double[vectors.getFirst().length];
        for (int j = 0; j < c.length; j++) if (c[j] != 0) add(c[j], vectors.get(j), out);
        return out;
    }

    static double[] normal(int n, SplittableRandom random) {
        double[] v = new double[n];
        for (int i = 0; i < n; i++) v[i] = random.nextGaussian();
        return v;
    }

    static double[] rademacher(int n, SplittableRandom random) {
        double[] v = new double[n];
        for (int i = 0; i < n; i++) v[i] = random.nextInt() < 0 ? -1 : 1;
        return v;
    }

    /** Takes out of v what lies along orthonormal vectors, twice; returns the coefficients. */
    static double[] orthogonalize(double[] v, List<double[]> basis) {
        double[] c = new double[basis.size()];
        for (int pass = 0; pass < 2; pass++) {
            for (int j = 0; j < c.length; j++) {
                double h = dot(basis.get(j), v);
                add(-h, basis.get(j), v);
                c[j] += h;
            }
        }
        return c;
    }

    /** A random unit vector orthogonal to an orthonormal basis that does not span everything. */
    static double[] fresh(int n, List<double[]> basis, SplittableRandom random) {
        for (int attempt = 0; attempt < 20; attempt++) {
            double[] v = normal(n, random);
            scale(1 / norm(v), v);
            orthogonalize(v, basis);
            double left = norm(v);
            if (left > 1e-8) {
                scale(1 / left, v);
                orthogonalize(v, basis);
                scale(1 / norm(v), v);
                return v;
            }
        }
        throw new IllegalStateException("no direction is left beside " + basis.size() + " of " + n);
    }

    /** Orthonormal columns Q and upper triangular R (by columns) with QR the given ones; dependent ones get directions of their own. */
    record Orthonormal(List<double[]> q, double[][] r) {
        static Orthonormal of(List<double[]> columns, SplittableRandom random) {
            int k = columns.size();
            var q = new ArrayList<double[]>();
            double[][] r = new double[k][k];
            double largest = 0;
            for (var c : columns) largest = Math.max(largest, norm(c));
            for (int j = 0; j < k; j++) {
                double[] v = columns.get(j).clone();
                double[] c = orthogonalize(v, q);
                System.arraycopy(c, 0, r[j], 0, j);
                double left = norm(v);
                if (left > 1e-14 * largest && left > 0) {
                    scale(1 / left, v);
                    orthogonalize(v, q);
                    scale(1 / norm(v), v);
                    q.add(v);
                } else {
                    q.add(fresh(v.length, q, random));
                }
                r[j][j] = left;
            }
            return new Orthonormal(q, r);
        }
    }

    /** @throws UserException if a number is not finite */
    static void requireFinite(String what, double[] v) {
        for (double x : v) {
            if (!Double.isFinite(x)) {
                throw new UserException(
                        Kind.RUNTIME,
                        what,
                        "a product is not finite: the network or its derivatives overflow on these examples",
                        "Use --precision f64, or look at the weights and inputs");
            }
        }
    }
}
