package hesse.models;

import hesse.nn.Loss;
import hesse.nn.Model;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A model as a configuration describes it, fitted to its data.
 *
 * @param inputs what one example is
 * @param classes size of the logits' last axis
 * @param weights file of start weights
 */
public record ConfiguredModel(Model model, Inputs inputs, int classes, Optional<Path> weights) {
    /** The loss of a model that brings its own. */
    public Optional<Loss> ownLoss() {
        return model instanceof Loss loss ? Optional.of(loss) : Optional.empty();
    }
}
