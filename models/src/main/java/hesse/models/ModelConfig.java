package hesse.models;

import hesse.config.ConfigException;
import hesse.config.ConfigNode;
import hesse.config.Origin;
import hesse.nn.Model;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntFunction;

/**
 * The {@code model} section of a configuration, read; what it leaves open, the data set decides.
 *
 * @param form what the model takes
 * @param inputs what one example is, where the section says
 * @param classes size of the logits' last axis, where the section says
 * @param weights file of start weights
 * @param origin of the section
 * @param maker builds the model for a number of classes
 */
public record ModelConfig(
        Form form,
        Optional<Inputs> inputs,
        OptionalInt classes,
        Optional<Path> weights,
        Origin origin,
        IntFunction<Model> maker) {
    /** What a kind of model takes. */
    public enum Form {
        /** Vectors, or images that it flattens. */
        FEATURES("'inputs', a number of features or [channels, height, width]", "classes"),
        /** Images. */
        IMAGES("'inputs', [channels, height, width]", "classes"),
        /** Token ids. */
        TOKENS("'context'", "vocab"),
        /** Whatever a model of one's own takes. */
        ANY("'inputs', a number of features or [channels, height, width], or 'context'", "classes");

        private final String inputs;
        private final String classes;

        Form(String inputs, String classes) {
            this.inputs = inputs;
            this.classes = classes;
        }

        boolean takes(Inputs inputs) {
            if (this == ANY) return true;
            return switch (inputs) {
                case Inputs.Features f -> this == FEATURES;
                case Inputs.Images i -> this != TOKENS;
                case Inputs.Tokens t -> this == TOKENS;
            };
        }
    }

    /** Reads the section; problems are noted in it. */
    public static ModelConfig read(ConfigNode node) {
        return new ModelReader(node).read();
    }

    /**
     * The model for a data set, if there is one.
     *
     * @param data what its examples are
     * @param dataClasses how many classes (or different tokens) it has
     * @throws ConfigException if neither it nor the section says what the model takes or how many classes there are, or they disagree
     */
    public ConfiguredModel build(Optional<Inputs> data, OptionalInt dataClasses) {
        Inputs example = inputs.or(() -> data).orElseThrow(() -> lacks(form.inputs));
        if (!form.takes(example) || data.isPresent() && !form.takes(data.get())) {
            Inputs wrong = form.takes(example) ? data.orElse(example) : example;
            throw new ConfigException(origin + ": a model of this kind takes " + form.inputs
                    + "; the examples of the data set are " + wrong.describe());
        }
        if (data.isPresent() && inputs.isPresent() && !(example instanceof Inputs.Tokens)) {
            if (example.shape(1).size() != data.get().shape(1).size()
                    || example instanceof Inputs.Images && !example.equals(data.get())) {
                throw new ConfigException(origin + ": model.inputs says " + example.describe()
                        + ", but the examples of the data set are " + data.get().describe());
            }
            // a plain number names the size of what is flattened
            example = data.get();
        }
        int k = classes.isPresent()
                ? classes.getAsInt()
                : dataClasses.orElseThrow(() -> lacks("'" + form.classes + "', a whole number"));
        if (dataClasses.isPresent() && dataClasses.getAsInt() > k) {
            throw new ConfigException(origin + ": model." + form.classes + " says " + k + ", but the data set has "
                    + dataClasses.getAsInt());
        }
        return new ConfiguredModel(maker.apply(k), example, k, weights);
    }

    private ConfigException lacks(String what) {
        return new ConfigException(List.of(origin + ": model lacks " + what + ", and no data set gives it"));
    }
}
