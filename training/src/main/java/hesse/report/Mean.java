package hesse.report;

import java.util.Arrays;
import java.util.Locale;

/**
 * A mean and its standard error.
 *
 * @param value NaN of no numbers
 * @param error NaN of fewer than two
 */
record Mean(double value, double error, int count) {
    static Mean of(double[] values) {
        int n = values.length;
        double mean = n == 0 ? Double.NaN : Arrays.stream(values).sum() / n;
        double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
        return new Mean(mean, n > 1 ? Math.sqrt(squares / (n - 1) / n) : Double.NaN, n);
    }

    /** As text, with its error where there is one that is not zero; empty of no numbers. */
    String text() {
        if (Double.isNaN(value)) return "";
        return !(error > 0) ? number(value) : number(value) + " ± " + String.format(Locale.ROOT, "%.2g", error);
    }

    /** Four significant digits, without trailing zeros. */
    static String number(double v) {
        if (!Double.isFinite(v)) return Double.toString(v);
        if (v == Math.rint(v) && Math.abs(v) < 1e7) return Long.toString((long) v);
        double size = Math.abs(v);
        if (size < 1e-3 || size >= 1e7) return String.format(Locale.ROOT, "%.3e", v);
        var text =
                new java.math.BigDecimal(v).round(new java.math.MathContext(4)).stripTrailingZeros();
        return text.toPlainString();
    }
}
