package hesse.curvature;

import hesse.scalar.Philox;
import java.util.ArrayList;
import java.util.List;

/** The largest eigenvalue of a symmetric operator by the Lanczos method, every new vector made orthogonal to all before. */
public final class Lanczos {
    private Lanczos() {}

    /** A symmetric operator on vectors of a fixed length. */
    @FunctionalInterface
    public interface Operator {
        /** Sets {@code out} to A v. */
        void apply(double[] v, double[] out);
    }

    /**
     * A largest eigenvalue.
     *
     * @param residual ‖A u − λ u‖ of its unit vector u: an eigenvalue lies within that of λ
     * @param products how many products it took
     */
    public record Largest(double value, double residual, int products) {}

    /**
     * The largest (most positive) eigenvalue.
     *
     * @param size length of vectors
     * @param seed keys the start vector
     * @param most products at most
     * @param tolerance residual, relative to the eigenvalue, at which it ends
     */
    public static Largest largest(int size, Operator a, long seed, int most, double tolerance) {
        var basis = new ArrayList<double[]>();
        var diagonal = new ArrayList<Double>();
        var beside = new ArrayList<Double>();
        double[] v = start(size, seed);
        var best = new Largest(0, 0, 0);
        for (int k = 0; k < Math.min(most, size); k++) {
            basis.add(v);
            double[] w = new double[size];
            a.apply(v, w);
            diagonal.add(dot(v, w));
            // twice is enough: the second pass removes what rounding left in the first
            for (int pass = 0; pass < 2; pass++) for (double[] u : basis) subtract(w, dot(u, w), u);
            double norm = Math.sqrt(dot(w, w));
            best = largest(diagonal, beside, norm);
            if (best.residual <= tolerance * Math.abs(best.value) || norm == 0) return best;
            beside.add(norm);
            for (int i = 0; i < size; i++) w[i] /= norm;
            v = w;
        }
        return best;
    }

    private static double[] start(int size, long seed) {
        long key = Philox.key(seed, "lanczos.start");
        double[] v = new double[size];
        for (int i = 0; i < size; i++) v[i] = Philox.of(key, 0, i).normal();
        double norm = Math.sqrt(dot(v, v));
        for (int i = 0; i < size; i++) v[i] /= norm;
        return v;
    }

    /** Of the tridiagonal matrix, with the residual that the next off-diagonal element gives. */
    private static Largest largest(List<Double> diagonal, List<Double> beside, double next) {
        int n = diagonal.size();
        double[][] t = new double[n][n];
        double[][] vectors = new double[n][n];
        for (int i = 0; i < n; i++) {
            t[i][i] = diagonal.get(i);
            vectors[i][i] = 1;
            if (i + 1 < n) {
                t[i][i + 1] = beside.get(i);
                t[i + 1][i] = beside.get(i);
            }
        }
        diagonalize(t, vectors);
        int top = 0;
        for (int i = 1; i < n; i++) if (t[i][i] > t[top][top]) top = i;
        return new Largest(t[top][top], Math.abs(next * vectors[n - 1][top]), n);
    }

    /** Jacobi's rotations: t becomes diagonal, the columns of {@code vectors} its eigenvectors. */
    private static void diagonalize(double[][] t, double[][] vectors) {
        int n = t.length;
        for (int sweep = 0; sweep < 50; sweep++) {
            double off = 0;
            double all = 0;
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    all += t[i][j] * t[i][j];
                    if (i != j) off += t[i][j] * t[i][j];
                }
            }
            if (off <= 1e-30 * all) return;
            for (int p = 0; p < n; p++) for (int q = p + 1; q < n; q++) rotate(t, vectors, p, q);
        }
    }

    private static void rotate(double[][] t, double[][] vectors, int p, int q) {
        if (t[p][q] == 0) return;
        double theta = (t[q][q] - t[p][p]) / (2 * t[p][q]);
        double tan = Math.copySign(1, theta) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        double cos = 1 / Math.sqrt(tan * tan + 1);
        double sin = tan * cos;
        for (int i = 0; i < t.length; i++) {
            double ip = t[i][p];
            double iq = t[i][q];
            t[i][p] = cos * ip - sin * iq;
            t[i][q] = sin * ip + cos * iq;
        }
        for (int i = 0; i < t.length; i++) {
            double pi = t[p][i];
            double qi = t[q][i];
            t[p][i] = cos * pi - sin * qi;
            t[q][i] = sin * pi + cos * qi;
            double vp = vectors[i][p];
            double vq = vectors[i][q];
            vectors[i][p] = cos * vp - sin * vq;
            vectors[i][q] = sin * vp + cos * vq;
        }
    }

    private static double dot(double[] a, double[] b) {
        double s = 0;
        for (int i = 0; i < a.length; i++) s += a[i] * b[i];
        return s;
    }

    private static void subtract(double[] w, double c, double[] u) {
        for (int i = 0; i < w.length; i++) w[i] -= c * u[i];
    }
}
