package hesse.run;

import hesse.config.ConfigNode;
import hesse.nn.Loss;

/** The {@code loss} section. Weight decay, penalties and dropout are never part of it. */
public sealed interface LossConfig {
    /** Mean over examples (and positions) of −Σ t log softmax(z), with targets smoothed to (1−ε)·t + ε/K. */
    record CrossEntropy(double labelSmoothing) implements LossConfig {}

    /** (z − t)², by default averaged over examples and outputs. */
    record MeanSquaredError(Reduction reduction) implements LossConfig {}

    /** How squared errors are summed up. */
    enum Reduction {
        /** The mean over examples and outputs. */
        MEAN,
        /** The mean over examples of the sum over outputs. */
        SUM_OUTPUTS,
        /** Half of that. */
        HALF_SUM_OUTPUTS
    }

    /** The function that this names. */
    default Loss function() {
        return switch (this) {
            case CrossEntropy c -> new hesse.nn.CrossEntropy(c.labelSmoothing());
            case MeanSquaredError m ->
                new hesse.nn.MeanSquaredError(
                        switch (m.reduction()) {
                            case MEAN -> hesse.nn.MeanSquaredError.Reduction.MEAN;
                            case SUM_OUTPUTS -> hesse.nn.MeanSquaredError.Reduction.SUM_OUTPUTS;
                            case HALF_SUM_OUTPUTS -> hesse.nn.MeanSquaredError.Reduction.HALF_SUM_OUTPUTS;
                        });
        };
    }

    /** Reads the section; problems are noted in it. */
    static LossConfig read(ConfigNode n) {
        return switch (n.choice("kind", "cross-entropy", "mse").or("cross-entropy")) {
            case "mse" ->
                new MeanSquaredError(n.choice("reduction", Reduction.class).or(Reduction.MEAN));
            default ->
                new CrossEntropy(n.number("label_smoothing").atLeast(0).below(1).or(0.0));
        };
    }
}
