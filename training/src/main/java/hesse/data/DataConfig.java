package hesse.data;

import hesse.config.ConfigNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

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
 * @param train the training set's file or folder, where the name does not say where it is
 * @param test the test set, likewise
 * @param trainLabels the training set's labels, where they are a file of their own
 * @param testLabels likewise
 * @param classes how many classes there are, for sets that do not say it; every label is below it
 * @param text how a text becomes sequences
 * @param images how photographs become inputs
 * @param unreadable what becomes of an example that cannot be read
 * @param workers threads that make batches; chosen by the kind of data when empty
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
        Optional<Path> test,
        Optional<Path> trainLabels,
        Optional<Path> testLabels,
        Optional<Integer> classes,
        Text text,
        Images images,
        OnUnreadable unreadable,
        Optional<Integer> workers) {
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

    /** What becomes of an example that cannot be read. */
    public enum OnUnreadable {
        /** It ends the run. */
        FATAL,
        /** It is reported, counted, and passed over. */
        SKIP
    }

    /** What the tokens of a text are. */
    public enum Vocabulary {
        /** The 128 codes of ASCII. */
        ASCII,
        /** The different characters found, in the order of their code points. */
        CHARACTERS
    }

    /**
     * How a text becomes sequences.
     *
     * @param context tokens in a sequence
     */
    public record Text(int context, Vocabulary vocabulary) {}

    /**
     * How photographs become inputs.
     *
     * @param size height and width of an input in pixels
     * @param resize what the shorter side is brought to where the middle is cut out
     * @param channels 3 for colour, 1 for grey
     * @param cacheMib MiB of memory for decoded photographs; 0 for no cache
     */
    public record Images(int size, int resize, int channels, int cacheMib) {}

    /** One step of augmentation. */
    public sealed interface Augment {
        /** Mirrored left to right with probability ½. */
        record Flip() implements Augment {}

        /** Padded on each side, then cut out at a random place in the old size. */
        record Crop(int padding, Fill fill) implements Augment {}

        /**
         * A random part of the image's area, stretched to the size.
         *
         * @param leastArea smallest share of the area, {@code > 0}
         * @param mostArea largest share, {@code ≤ 1}
         * @param leastAspect smallest ratio of width to height
         * @param mostAspect largest ratio
         */
        record ResizedCrop(int size, double leastArea, double mostArea, double leastAspect, double mostAspect)
                implements Augment {
            /** Of 8 to 100 % of the area and ratios between 3/4 and 4/3. */
            public ResizedCrop(int size) {
                this(size, 0.08, 1, 3.0 / 4, 4.0 / 3);
            }
        }

        /** A square of {@code size} pixels about a random pixel becomes 0 (DeVries, Taylor 2017). */
        record Cutout(int size) implements Augment {}

        /** Pairs of a batch are mixed by shares drawn from Beta(alpha, alpha), inputs and targets (Zhang et al. 2018). */
        record Mixup(double alpha) implements Augment {}

        /** What stands beyond the border. */
        enum Fill {
            ZERO,
            REFLECT
        }
    }

    private static final List<String> OF_PHOTOGRAPHS = List.of("imagenet", "image-folder", "webdataset");

    /** A data set with default settings. */
    public static DataConfig named(String name) {
        return read(ConfigNode.parse(name, "data: {name: " + name + "}").child("data"));
    }

    /** As {@link #read(ConfigNode, OptionalInt)}, for a model that does not say how long its sequences are. */
    public static DataConfig read(ConfigNode n) {
        return read(n, OptionalInt.empty());
    }

    /**
     * Reads the section; problems are noted in it.
     *
     * @param context tokens in a sequence of the model's, where it says
     */
    public static DataConfig read(ConfigNode n, OptionalInt context) {
        var name = n.choice("name", NAMES).required();
        boolean asIs = List.of("file", "npy", "text", "tiny-shakespeare").contains(name);
        var augment = augment(n);
        boolean own = List.of("file", "npy", "idx", "text").contains(name);
        boolean pathAllowed = own || OF_PHOTOGRAPHS.contains(name);
        boolean labels = List.of("idx", "npy").contains(name);
        boolean classes = labels || name.equals("webdataset");
        return new DataConfig(
                name,
                n.integer("batch").atLeast(1).or(128),
                augment,
                n.choice("normalize", Normalize.class).or(asIs ? Normalize.NONE : Normalize.STANDARD),
                n.integer("limit").atLeast(1).optional(),
                n.number("validation").atLeast(0).below(1).or(0.0),
                n.flag("shuffle").or(true),
                n.flag("drop_last").or(true),
                own
                        ? Optional.of(n.file("train").required())
                        : pathAllowed ? n.file("train").optional() : Optional.empty(),
                pathAllowed ? n.file("test").optional() : Optional.empty(),
                labels ? n.file("train_labels").optional() : Optional.empty(),
                labels ? n.file("test_labels").optional() : Optional.empty(),
                classes ? n.integer("classes").atLeast(1).optional() : Optional.empty(),
                text(n, name, context),
                images(n, name, augment),
                n.choice("unreadable", OnUnreadable.class).optional().orElse(OnUnreadable.FATAL),
                n.integer("workers").atLeast(1).atMost(1024).optional());
    }

    private static Text text(ConfigNode n, String name, OptionalInt context) {
        boolean text = name.equals("text") || name.equals("tiny-shakespeare");
        if (!text) return new Text(0, Vocabulary.ASCII);
        return new Text(
                n.integer("context").atLeast(1).atMost(1 << 24).or(context.orElse(64)),
                n.choice("vocabulary", Vocabulary.class).or(Vocabulary.ASCII));
    }

    private static Images images(ConfigNode n, String name, List<Augment> augment) {
        if (!OF_PHOTOGRAPHS.contains(name)) return new Images(0, 0, 0, 0);
        int cropped = augment.stream()
                .filter(a -> a instanceof Augment.ResizedCrop)
                .mapToInt(a -> ((Augment.ResizedCrop) a).size())
                .findFirst()
                .orElse(224);
        int size = n.integer("size").atLeast(1).atMost(8192).or(cropped);
        return new Images(
                size,
                n.integer("resize").atLeast(size).atMost(16384).or((int) Math.round(size * 256 / 224.0)),
                name.equals("imagenet") ? 3 : n.integer("channels").oneOf(1, 3).or(3),
                n.integer("cache").atLeast(0).optional().orElse(0));
    }

    private static List<Augment> augment(ConfigNode n) {
        if (!n.hasList("augment")) {
            n.choice("augment", "none").or("none");
            return List.of();
        }
        return n.children("augment").stream().map(DataConfig::augmentStep).toList();
    }

    private static Augment augmentStep(ConfigNode n) {
        return switch (n.choice("kind", "flip", "crop", "resized_crop", "cutout", "mixup")
                .required()) {
            case "crop" ->
                new Augment.Crop(
                        n.integer("padding").atLeast(0).or(4),
                        n.choice("fill", Augment.Fill.class).or(Augment.Fill.REFLECT));
            case "resized_crop" -> resizedCrop(n);
            case "cutout" -> new Augment.Cutout(n.integer("size").atLeast(1).or(16));
            case "mixup" ->
                new Augment.Mixup(n.number("alpha").above(0).atMost(1000).or(0.2));
            default -> new Augment.Flip();
        };
    }

    private static Augment resizedCrop(ConfigNode n) {
        var usual = new Augment.ResizedCrop(
                n.integer("size").atLeast(1).atMost(8192).or(224));
        var area = range(n, "area", 1, usual.leastArea(), usual.mostArea());
        var aspect = range(n, "aspect", 1000, usual.leastAspect(), usual.mostAspect());
        return new Augment.ResizedCrop(usual.size(), area[0], area[1], aspect[0], aspect[1]);
    }

    private static double[] range(ConfigNode n, String key, double most, double low, double high) {
        var given = n.numbers(key).above(0).atMost(most).optional();
        if (given.isEmpty()) return new double[] {low, high};
        var values = given.get();
        if (values.size() == 2 && values.get(0) <= values.get(1)) return new double[] {values.get(0), values.get(1)};
        n.problem(key, "should be two numbers, the smaller one first");
        return new double[] {low, high};
    }
}
