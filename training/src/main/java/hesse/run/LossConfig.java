package hesse.run;

import hesse.config.ConfigException;
import hesse.config.ConfigNode;
import hesse.models.ConfiguredModel;
import hesse.nn.Loss;

/** The {@code loss} section. Weight decay, penalties and dropout are never part of it. */
public sealed interface LossConfig {
    /** Mean over examples (and positions) of −Σ t log softmax(z), with targets smoothed to (1−ε)·t + ε/K. */
    record CrossEntropy(double labelSmoothing) implements LossConfig {}

    /** (z − t)², by default averaged over examples and outputs. */
    record MeanSquaredError(Reduction reduction) implements LossConfig {}

    /** That of a model of one's own which is a {@link Loss} too. */
    record OfModel() implements LossConfig {}

    /** How squared errors are summed up. */
    enum Reduction {
        /** The mean over examples and outputs. */
        MEAN,
        /** The mean over examples of the sum over outputs. */
        SUM_OUTPUTS,
        /** Half of that. */
        HALF_SUM_OUTPUTS
    }

    /**
     * The function that this names.
     *
     * @throws ConfigException if it is the model's and the model brings none
     */
    default Loss function(ConfiguredModel model) {
        if (!(this instanceof OfModel)) return function();
        return model.ownLoss()
                .orElseThrow(() -> new ConfigException(
                        "loss.kind is model, but the model is no loss: its class does not implement "
                                + Loss.class.getName()));
    }

    /** The function that this names where it is not the model's. */
    default Loss function() {
        return switch (this) {
            case OfModel m -> throw new IllegalStateException("the loss is the model's");
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
        return switch (n.choice("kind", "cross-entropy", "mse", "model").or("cross-entropy")) {
            case "mse" ->
                new MeanSquaredError(n.choice("reduction", Reduction.class).or(Reduction.MEAN));
            case "model" -> new OfModel();
            default ->
                new CrossEntropy(n.number("label_smoothing").atLeast(0).below(1).or(0.0));
        };
    }
}
