package hesse.curvature;

/**
 * A number found by sampling.
 *
 * @param stderr its standard error; 0 where it is exact, NaN from a single sample
 * @param probes random vectors used
 * @param products products with the operator, or quadratic forms
 */
public record Estimate(double estimate, double stderr, int probes, int products) {
    /** The mean of independent samples. */
    static Estimate of(Moments m, int products) {
        return new Estimate(m.mean(), m.stderr(), m.count(), products);
    }

    /** Running mean and variance (Welford). */
    static final class Moments {
        private int count;
        private double mean;
        private double squares;

        void add(double x) {
            count++;
            double d = x - mean;
            mean += d / count;
            squares += d * (x - mean);
        }

        int count() {
            return count;
        }

        double mean() {
            return mean;
        }

        double stderr() {
            return count < 2 ? Double.NaN : Math.sqrt(squares / (count - 1) / count);
        }
    }
}
