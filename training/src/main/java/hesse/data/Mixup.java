package hesse.data;

import hesse.scalar.Philox;

/**
 * Mixtures of pairs of a batch (Zhang et al. 2018): the example at place i with the one at place n−1−i, by shares λ and 1−λ of inputs and
 * of one-hot targets; one λ ~ Beta(α, α) for each batch, a function of (seed, epoch, place in the epoch) alone.
 */
final class Mixup {
    private static final int TRIES = 64;

    private final double alpha;
    private final long[] keys = new long[2 * TRIES];

    Mixup(double alpha, long seed) {
        this.alpha = alpha;
        for (int t = 0; t < keys.length; t++) keys[t] = Philox.key(seed, "data.augment.mixup." + t);
    }

    /** The share of the batch's own order. */
    double share(long epoch, long index) {
        double a = gamma(0, epoch, index);
        double b = gamma(TRIES, epoch, index);
        // two that are both too small for a double: one of them takes all
        if (!(a + b > 0)) return Philox.of(keys[0], epoch, index).w0() < 0 ? 1 : 0;
        return a / (a + b);
    }

    /**
     * Gamma(α, 1) after Marsaglia and Tsang 2000, for α below 1 from that of α + 1; that none of 32 tries is taken has a chance below
     * 10⁻³⁰, and then the mode stands in.
     */
    private double gamma(int from, long epoch, long index) {
        double shape = alpha < 1 ? alpha + 1 : alpha;
        double d = shape - 1.0 / 3;
        double c = 1 / Math.sqrt(9 * d);
        double found = d;
        double boost = 1;
        for (int t = 0; t < TRIES / 2; t++) {
            double x = Philox.of(keys[from + 2 * t], epoch, index).normal();
            var second = Philox.of(keys[from + 2 * t + 1], epoch, index);
            double v = 1 + c * x;
            v = v * v * v;
            if (v <= 0) continue;
            if (StrictMath.log(second.uniform()) < 0.5 * x * x + d - d * v + d * StrictMath.log(v)) {
                found = d * v;
                boost = second.secondUniform();
                break;
            }
        }
        return alpha < 1 ? found * StrictMath.pow(boost, 1 / alpha) : found;
    }

    /** Mixes rows i and n−1−i of numbers, for all i. */
    static void pairs(Rows rows, int n, int row, double share) {
        for (int i = 0; i < n / 2; i++) {
            long a = (long) i * row;
            long b = (long) (n - 1 - i) * row;
            for (int e = 0; e < row; e++) {
                double p = rows.get(a + e);
                double q = rows.get(b + e);
                rows.set(a + e, share * p + (1 - share) * q);
                rows.set(b + e, share * q + (1 - share) * p);
            }
        }
    }

    /** Numbers of a batch by index. */
    interface Rows {
        double get(long index);

        void set(long index, double value);
    }
}
