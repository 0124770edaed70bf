package hesse.curvature;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Estimators by random vectors on matrices with known spectra: unbiased, with honest standard errors. */
class TraceTest {
    private static final long SEED = System.nanoTime();

    /** Q diag(λ) Qᵀ with a random rotation. */
    private static double[][] matrix(double[] eigenvalues, SplittableRandom random) {
        int n = eigenvalues.length;
        var columns = new java.util.ArrayList<double[]>();
        for (int i = 0; i < n; i++) columns.add(Vectors.normal(n, random));
        var q = Vectors.Orthonormal.of(columns, random).q();
        double[][] m = new double[n][n];
        for (int k = 0; k < n; k++) {
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) m[i][j] += eigenvalues[k] * q.get(k)[i] * q.get(k)[j];
            }
        }
        return m;
    }

    private static double[] decaying(int n, double rate) {
        double[] e = new double[n];
        for (int i = 0; i < n; i++) e[i] = Math.pow(rate, i);
        return e;
    }

    private static double sum(double[] a) {
        return Arrays.stream(a).sum();
    }

    /**
     * In at least 99 % of 1,000 trials. The dominant eigenvalue skews the samples, so that of 400 normal probes some 99.4 % are within; of 1,000
     * enough that the count of a thousand trials stays above its bound.
     */
    @Test
    void hutchinsonIsWithinThreeStandardErrors() {
        var random = new SplittableRandom(SEED);
        double[] e = {10, 1, -1, 0.5, 0.2, 0.1, 0, 0, -0.3, 2};
        var a = LinearOperator.dense(matrix(e, random));
        for (var distribution : Trace.Distribution.values()) {
            int within = 0;
            for (int trial = 0; trial < 1000; trial++) {
                var t = Trace.hutchinson(a, 1000, 0, distribution, random.nextLong());
                if (Math.abs(t.estimate() - sum(e)) <= 3 * t.stderr()) within++;
            }
            int count = within;
            assertTrue(count >= 990, () -> distribution + ": " + count + " of 1000, seed " + SEED);
        }
    }

    @Test
    void stopRuleEndsWhenTheStandardErrorIsSmall() {
        var a = LinearOperator.dense(matrix(decaying(40, 0.95), new SplittableRandom(SEED)));
        var t = Trace.hutchinson(a, 100_000, 0.02, Trace.Distribution.NORMAL, SEED + 1);
        assertTrue(t.probes() >= 10 && t.probes() < 100_000, t + " seed " + SEED);
        assertTrue(t.stderr() <= 0.02 * t.estimate(), t + " seed " + SEED);
    }

    @Test
    void sketchesBeatHutchinsonOnAFastDecayingSpectrum() {
        var random = new SplittableRandom(SEED);
        double[] e = decaying(100, 0.7);
        var a = LinearOperator.dense(matrix(e, random));
        int products = 30;
        double[] plain = new double[200];
        double[] hpp = new double[200];
        double[] x = new double[200];
        for (int i = 0; i < 200; i++) {
            plain[i] = Math.abs(Trace.hutchinson(a, products, 0, Trace.Distribution.RADEMACHER, random.nextLong())
                            .estimate()
                    - sum(e));
            hpp[i] =
                    Math.abs(Trace.hutchPlusPlus(a, products, random.nextLong()).estimate() - sum(e));
            x[i] = Math.abs(Trace.xTrace(a, products, random.nextLong()).estimate() - sum(e));
        }
        assertTrue(median(hpp) <= median(plain), median(hpp) + " against " + median(plain) + ", seed " + SEED);
        assertTrue(median(x) <= median(plain), median(x) + " against " + median(plain) + ", seed " + SEED);
    }

    private static double median(double[] a) {
        double[] s = a.clone();
        Arrays.sort(s);
        return s[s.length / 2];
    }

    @Test
    void sketchesAreUnbiased() {
        var random = new SplittableRandom(SEED);
        double[] e = decaying(30, 0.9);
        e[3] = -0.5;
        var a = LinearOperator.dense(matrix(e, random));
        var hpp = new Estimate.Moments();
        var x = new Estimate.Moments();
        for (int i = 0; i < 2000; i++) {
            hpp.add(Trace.hutchPlusPlus(a, 12, random.nextLong()).estimate());
            x.add(Trace.xTrace(a, 12, random.nextLong()).estimate());
        }
        for (var m : new Estimate.Moments[] {hpp, x}) {
            assertTrue(m.stderr() <= 0.01 * sum(e), m.stderr() + " is too large to tell");
            assertEquals(sum(e), m.mean(), 5 * m.stderr(), "seed " + SEED);
        }
    }

    @Test
    void lowRankIsExactForXTrace() {
        var random = new SplittableRandom(SEED);
        double[] e = new double[50];
        e[0] = 3;
        e[1] = -2;
        e[2] = 0.5;
        var a = LinearOperator.dense(matrix(e, random));
        assertEquals(1.5, Trace.xTrace(a, 20, random.nextLong()).estimate(), 1e-9, "seed " + SEED);
        assertEquals(1.5, Trace.hutchPlusPlus(a, 20, random.nextLong()).estimate(), 1e-9, "seed " + SEED);
    }

    @Test
    void asManyProductsAsDimensionsAreExact() {
        double[][] m = matrix(decaying(7, 0.5), new SplittableRandom(SEED));
        var a = LinearOperator.dense(m);
        assertEquals(sum(decaying(7, 0.5)), Trace.xTrace(a, 7, 1).estimate(), 1e-12);
        assertEquals(0, Trace.hutchPlusPlus(a, 9, 1).stderr());
        var d = Trace.diagonal(a, 7, 1).estimate();
        for (int i = 0; i < 7; i++) assertEquals(m[i][i], d[i], 1e-12);
    }

    @Test
    void diagonalAndFrobeniusNormAreWithinTheirErrors() {
        var random = new SplittableRandom(SEED);
        double[][] m = matrix(decaying(30, 0.9), random);
        for (int i = 0; i < 30; i++) m[i][i] += i;
        var a = LinearOperator.dense(m);
        var f = Trace.frobenius(a, 2000, Trace.Distribution.NORMAL, SEED + 1);
        double squares = 0;
        for (double[] row : m) squares += Vectors.dot(row, row);
        assertEquals(Math.sqrt(squares), f.estimate(), 5 * f.stderr(), "seed " + SEED);
        var d = Trace.diagonal(LinearOperator.dense(pad(m, 2500)), 2000, SEED + 1);
        for (int i = 0; i < 30; i++) {
            assertEquals(m[i][i], d.estimate()[i], 6 * d.stderr()[i] + 1e-12, i + ", seed " + SEED);
        }
    }

    private static double[][] pad(double[][] m, int n) {
        double[][] out = new double[n][n];
        for (int i = 0; i < m.length; i++) System.arraycopy(m[i], 0, out[i], 0, m.length);
        return out;
    }

    /** Each of 250 estimates of each of the first four moments, one with 200 probes, at the confidence that three standard errors stand for. */
    @Test
    void quadratureHasTheMomentsOfTheSpectrumWithinThreeStandardErrors() {
        var random = new SplittableRandom(SEED);
        double[] e = new double[24];
        for (int i = 0; i < e.length; i++) e[i] = random.nextGaussian() + (i == 0 ? 8 : 0);
        var a = LinearOperator.dense(matrix(e, random));
        int trials = 250;
        int[] within = new int[5];
        for (int t = 0; t < trials; t++) {
            var density = SpectralDensity.of(a, 6, 200, random.nextLong());
            for (int power = 1; power <= 4; power++) {
                int k = power;
                double exact = Arrays.stream(e).map(x -> Math.pow(x, k)).sum();
                var moment = density.sum(x -> Math.pow(x, k));
                if (Math.abs(exact - moment.estimate()) <= 3 * moment.stderr()) within[k]++;
            }
            for (double[] w : density.weights()) assertEquals(1, sum(w), 1e-12);
        }
        for (int k = 1; k <= 4; k++) {
            assertTrue(within[k] >= 0.97 * trials, "moment " + k + ": " + within[k] + ", seed " + SEED);
        }
    }

    @Test
    void sketchesAreRepeatedUntilTheirErrorIsSmall() {
        var random = new SplittableRandom(SEED);
        double[] e = decaying(400, 0.95);
        var a = LinearOperator.dense(matrix(e, random));
        Trace.BySketch[] sketches = {Trace::hutchPlusPlus, Trace::xTrace};
        for (var sketch : sketches) {
            var t = Trace.until(sketch, a, 300, 0.03, random.nextLong());
            assertTrue(t.products() <= 300 && t.products() >= 24, t + " seed " + SEED);
            assertTrue(t.stderr() <= 0.03 * t.estimate(), t + " seed " + SEED);
            assertEquals(sum(e), t.estimate(), 6 * t.stderr(), "seed " + SEED);
            assertEquals(24, Trace.until(sketch, a, 40, 1e-9, 1).products(), "a further round would not fit");
        }
    }

    @Test
    void whatIsStoppedKeepsWhatItHas() {
        var a = LinearOperator.dense(matrix(decaying(40, 0.95), new SplittableRandom(SEED)));
        var t = Trace.hutchinson(a, 1000, 0, Trace.Distribution.NORMAL, SEED, () -> true);
        assertEquals(16, t.probes());
        assertEquals(sum(decaying(40, 0.95)), t.estimate(), 8 * t.stderr(), "seed " + SEED);
        assertEquals(1, SpectralDensity.of(a, 5, 10, SEED, () -> true).nodes().length);
    }

    @Test
    void densitiesIntegrateToOne() {
        var a = LinearOperator.dense(matrix(decaying(40, 0.8), new SplittableRandom(SEED)));
        var density = SpectralDensity.of(a, 40, 5, 1);
        for (var curve :
                new SpectralDensity.Curve[] {density.linear(4000, 0.01), density.logarithmic(true, 1e-8, 4000, 0.05)}) {
            double step = curve.grid()[1] - curve.grid()[0];
            assertEquals(1, sum(curve.values()) * step, 0.01, "seed " + SEED);
        }
    }

    @Test
    void effectiveDimensionCountsDirectionsAboveThePrior() {
        double[] e = {100, 50, 2, 1, 0.1, 0, 0, -1};
        var a = LinearOperator.dense(matrix(e, new SplittableRandom(SEED)));
        double exact = Arrays.stream(e).map(x -> x > 0 ? x / (x + 1) : 0).sum();
        var d = SpectralDensity.of(a, 8, 3000, SEED + 1).effectiveDimension(1);
        assertEquals(exact, d.estimate(), 4.5 * d.stderr(), "seed " + SEED);
        assertThrows(
                IllegalArgumentException.class,
                () -> SpectralDensity.of(a, 8, 1, SEED).effectiveDimension(0));
    }
}
