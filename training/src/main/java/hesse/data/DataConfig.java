package hesse.data;

import hesse.config.ConfigNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The {@code data} section.
 *
 * @param name one of {@link #NAMES}
 * @param batch examples in a training batch
 * @param augment what is done to each training image, in order; empty for {@code none}
 * @param limit how many examples, from the first on, are taken of the training set; all when empty
 * @param validation the share of the training set that is set aside, {@code ≥ 0} and {@code < 1}
 * @param shuffle whether each epoch has its own order
 * @param dropLast whether a last, smaller batch of an epoch is left out
 * @param train for {@code file}: the training set, safetensors with {@code x} and {@code y}
 * @param test for {@code file}: the test set, likewise
 */
public record DataConfig(
        String name,
        int batch,
        List<Augment> augment,
        Normalize normalize,
        Optional<Integer> limit,
        double validation,
        boolean shuffle,
        boolean dropLast,
        Optional<Path> train,
        Optional<Path> test) {
    /** Every data set that a configuration may name. */
    public static final List<String> NAMES = List.of(
            "digits",
            "mnist",
            "fashion-mnist",
            "cifar-10",
            "cifar-100",
            "tiny-shakespeare",
            "text",
            "imagenet",
            "image-folder",
            "webdataset",
            "idx",
            "npy",
            "file");

    /** How raw values become inputs. */
    public enum Normalize {
        /** Less the training set's mean, divided by its standard deviation, per channel. */
        STANDARD,
        /** Images scaled to 0…1, everything else as it is. */
        NONE,
        /** Bytes divided by 256, less the mean of the first batch per pixel (Long, Bartlett 2024). */
        MEAN_IMAGE
    }

    /** One step of augmentation. */
    public sealed interface Augment {
        /** Mirrored left to right with probability ½. */
        record Flip() implements Augment {}

        /** Padded on each side, then cut out at a random place in the old size. */
        record Crop(int padding, Fill fill) implements Augment {}

        /** A random part of the image's area, stretched to the size. */
        record ResizedCrop(int size) implements Augment {}

        /** What stands beyond the border. */
        enum Fill {
            ZERO,
            REFLECT
        }
    }

    /** A data set with default settings. */
    public static DataConfig named(String name) {
        return read(ConfigNode.parse(name, "data: {name: " + name + "}").child("data"));
    }

    /** Reads the section; problems are noted in it. */
    public static DataConfig read(ConfigNode n) {
        var name = n.choice("name", NAMES).required();
        boolean file = name.equals("file");
        return new DataConfig(
                name,
                n.integer("batch").atLeast(1).or(128),
                augment(n),
                n.choice("normalize", Normalize.class).or(file ? Normalize.NONE : Normalize.STANDARD),
                n.integer("limit").atLeast(1).optional(),
                n.number("validation").atLeast(0).below(1).or(0.0),
                n.flag("shuffle").or(true),
                n.flag("drop_last").or(true),
                file ? Optional.of(n.file("train").required()) : Optional.empty(),
                file ? n.file("test").optional() : Optional.empty());
    }

    private static List<Augment> augment(ConfigNode n) {
        if (!n.hasList("augment")) {
            n.choice("augment", "none").or("none");
            return List.of();
        }
        return n.children("augment").stream().map(DataConfig::augmentStep).toList();
    }

    private static Augment augmentStep(ConfigNode n) {
        return switch (n.choice("kind", "flip", "crop", "resized_crop").required()) {
            case "crop" ->
                new Augment.Crop(
                        n.integer("padding").atLeast(0).or(4),
                        n.choice("fill", Augment.Fill.class).or(Augment.Fill.REFLECT));
            case "resized_crop" ->
                new Augment.ResizedCrop(n.integer("size").atLeast(1).or(224));
            default -> new Augment.Flip();
        };
    }
}
