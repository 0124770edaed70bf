package hesse.experiment.outcome;

import java.util.Locale;

/**
 * A mean over seeds.
 *
 * @param value NaN if any of the values is
 * @param error standard error; NaN for fewer than two values
 * @param n number of values
 */
public record Mean(double value, double error, int n) {
    public static Mean of(double... values) {
        int n = values.length;
        double sum = 0;
        for (double v : values) sum += v;
        double mean = n == 0 ? Double.NaN : sum / n;
        double squares = 0;
        for (double v : values) squares += (v - mean) * (v - mean);
        return new Mean(mean, n > 1 ? Math.sqrt(squares / (n - 1) / n) : Double.NaN, n);
    }

    /** The difference; its error is the root of the sum of squares, its number the smaller one. */
    public Mean minus(Mean other) {
        return new Mean(value - other.value, Math.hypot(error, other.error), Math.min(n, other.n));
    }

    /** For example {@code 0.8653 ± 0.0010 (5)}. */
    @Override
    public String toString() {
        return Double.isNaN(error)
                ? String.format(Locale.ROOT, "%.5g (%d)", value, n)
                : String.format(Locale.ROOT, "%.5g ± %.2g (%d)", value, error, n);
    }
}
