package hesse.data;

import hesse.models.Inputs;
import java.util.OptionalInt;

/**
 * What a model needs to know of a data set, without its files.
 *
 * @param classes classes, or different tokens; empty where the model says
 */
public record DataShape(Inputs inputs, OptionalInt classes) {
    static DataShape images(int channels, int height, int width, int classes) {
        return new DataShape(new Inputs.Images(channels, height, width), OptionalInt.of(classes));
    }
}
