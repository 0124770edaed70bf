package hesse.data;

import hesse.data.DataConfig.Normalize;
import java.util.Arrays;

/** From raw values to inputs: (raw / divisor − mean) / deviation, the mean per element, the deviation per channel. Immutable. */
public final class Normalization {
    private final double divisor;
    private final double[] mean;
    private final double[] deviation;
    private final int channelSize;

    private Normalization(double divisor, double[] mean, double[] deviation, int channelSize) {
        this.divisor = divisor;
        this.mean = mean;
        this.deviation = deviation;
        this.channelSize = channelSize;
    }

    /**
     * Learns it from a training set.
     *
     * @param train all of it, whatever part is trained on, so that a limit or a validation set changes nothing
     * @param batch how many examples, from the first on, the mean image is taken over
     */
    public static Normalization fit(Normalize kind, Examples train, int batch) {
        var spec = train.spec();
        int inner = spec.channelSize();
        var mean = new double[spec.channels() * inner];
        var deviation = new double[spec.channels()];
        Arrays.fill(deviation, 1);
        // Token ids are names, not numbers.
        if (spec.kind() == Examples.Kind.TOKENS || train.size() == 0)
            return new Normalization(1, mean, deviation, inner);
        return switch (kind) {
            case NONE -> new Normalization(spec.scale(), mean, deviation, inner);
            case STANDARD -> {
                var known = train.channelStatistics();
                if (known.isPresent()) yield of(spec, known.get()[0], known.get()[1]);
                standard(train, mean, deviation);
                yield new Normalization(spec.scale(), mean, deviation, inner);
            }
            case MEAN_IMAGE -> {
                double divisor = spec.scale() == 255 ? 256 : spec.scale();
                meanImage(train, Math.min(batch, train.size()), divisor, mean);
                yield new Normalization(divisor, mean, deviation, inner);
            }
        };
    }

    /** Mean and standard deviation (of the population) per channel, of values divided by the scale. */
    private static void standard(Examples train, double[] mean, double[] deviation) {
        var spec = train.spec();
        int inner = spec.channelSize();
        double n = (double) train.size() * inner;
        var means = train.moments(new double[deviation.length])[0];
        for (int c = 0; c < deviation.length; c++) means[c] /= n;
        // A second pass about the mean: sums of squares of large values would cancel.
        var about = train.moments(means);
        for (int c = 0; c < deviation.length; c++) {
            double variance = about[1][c] / n;
            deviation[c] = variance > 0 ? Math.sqrt(variance) / spec.scale() : 1;
            Arrays.fill(mean, c * inner, (c + 1) * inner, means[c] / spec.scale());
        }
    }

    private static void meanImage(Examples train, int count, double divisor, double[] mean) {
        var raw = new double[mean.length];
        int read = 0;
        for (int i = 0; i < count; i++) {
            if (!train.tryInput(i, raw)) continue;
            read++;
            for (int e = 0; e < mean.length; e++) mean[e] += raw[e] / divisor;
        }
        for (int e = 0; e < mean.length; e++) mean[e] /= Math.max(1, read);
    }

    /** The input that a raw value at {@code element} (in the order channels, height, width) becomes. */
    public double apply(double raw, int element) {
        return (raw / divisor - mean[element]) / deviation[element / channelSize];
    }

    /** As {@link #apply(double, int)}, for all elements of an example, in place. */
    void apply(double[] raw) {
        for (int c = 0, e = 0; e < raw.length; c++) {
            double d = deviation[c];
            for (int end = e + channelSize; e < end; e++) raw[e] = (raw[e] / divisor - mean[e]) / d;
        }
    }

    /** The raw value that becomes 0, or as near to it as rounding allows. */
    double neutral(int element) {
        return mean[element] * divisor;
    }

    /** Of known mean and deviation of each channel, of values divided by the scale. */
    static Normalization of(Examples.Spec spec, double[] means, double[] deviations) {
        int inner = spec.channelSize();
        var mean = new double[spec.channels() * inner];
        for (int c = 0; c < spec.channels(); c++) Arrays.fill(mean, c * inner, (c + 1) * inner, means[c]);
        return new Normalization(spec.scale(), mean, deviations.clone(), inner);
    }

    /** What is subtracted from the scaled values of a channel's first element. */
    public double mean(int channel) {
        return mean[channel * channelSize];
    }

    /** What the scaled values of a channel are divided by. */
    public double deviation(int channel) {
        return deviation[channel];
    }
}
