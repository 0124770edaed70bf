package hesse.models;

import hesse.config.ConfigNode;
import hesse.nn.CrossEntropy;
import hesse.nn.Loss;
import hesse.nn.MeanSquaredError;

/** Builds the loss that the {@code loss} section of a configuration describes. Problems are noted in the section, not thrown. */
public final class LossFactory {
    private LossFactory() {}

    /** @param node the {@code loss} section; {@code cross-entropy} where it is empty */
    public static Loss of(ConfigNode node) {
        if (node.choice("kind", "cross-entropy", "mse").or("cross-entropy").equals("mse")) {
            return new MeanSquaredError(
                    switch (node.choice("reduction", "mean", "sum_outputs", "half_sum_outputs")
                            .or("mean")) {
                        case "sum_outputs" -> MeanSquaredError.Reduction.SUM_OUTPUTS;
                        case "half_sum_outputs" -> MeanSquaredError.Reduction.HALF_SUM_OUTPUTS;
                        default -> MeanSquaredError.Reduction.MEAN;
                    });
        }
        return new CrossEntropy(
                node.number("label_smoothing").atLeast(0).atMost(1).or(0.0));
    }
}
