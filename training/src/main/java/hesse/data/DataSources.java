package hesse.data;

import hesse.config.Names;
import hesse.models.Inputs;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Every data set that can be read. */
public final class DataSources {
    private static final Map<String, Published> PUBLISHED = Published.all();

    private static final List<DataSource> ALL = List.of(
            new DigitsSource(),
            IdxSource.of(ofTable("mnist")),
            IdxSource.of(ofTable("fashion-mnist")),
            CifarSource.ten(ofTable("cifar-10")),
            CifarSource.hundred(ofTable("cifar-100")),
            TextSource.of(ofTable("tiny-shakespeare")),
            new TextSource("text", "your own text (data.train, data.test)", List.of()),
            new PhotoSource(
                    "imagenet",
                    "1.28 million photographs, 1,000 classes (Russakovsky et al.), as class folders or tar shards",
                    PhotoSource.Kind.IMAGENET),
            new PhotoSource(
                    "image-folder",
                    "your own images, one folder for each class (data.train, data.test)",
                    PhotoSource.Kind.FOLDERS),
            new PhotoSource(
                    "webdataset",
                    "your own images in WebDataset's tar shards (data.train, data.test)",
                    PhotoSource.Kind.SHARDS),
            new IdxFilesSource(),
            new NpySource(),
            new FileSource());

    /** What is fixed by the name alone. */
    private static final Map<String, DataShape> SHAPES = Map.of(
            "digits", DataShape.images(1, 8, 8, 10),
            "mnist", DataShape.images(1, 28, 28, 10),
            "fashion-mnist", DataShape.images(1, 28, 28, 10),
            "cifar-10", DataShape.images(3, 32, 32, 10),
            "cifar-100", DataShape.images(3, 32, 32, 100));

    private DataSources() {}

    private static Published ofTable(String name) {
        var set = PUBLISHED.get(name);
        if (set == null) throw new IllegalStateException("the table of data sets lacks " + name);
        return set;
    }

    /** What is known of a set for downloading it; empty for sets that cannot be. */
    public static Optional<Published> published(String name) {
        return Optional.ofNullable(PUBLISHED.get(name));
    }

    /** All of them, in the order in which they are listed. */
    public static List<DataSource> all() {
        return ALL;
    }

    /**
     * What a model needs to know of a data set; reads files only where the name alone does not say it. Empty for what the model's own keys
     * say.
     */
    public static Optional<DataShape> shape(DataConfig config) {
        return switch (config.name()) {
            case "tiny-shakespeare", "text" -> {
                var inputs = new Inputs.Tokens(config.text().context());
                boolean ascii = config.text().vocabulary() == DataConfig.Vocabulary.ASCII;
                yield Optional.of(ascii ? new DataShape(inputs, OptionalInt.of(128)) : opened(config));
            }
            case "imagenet" -> {
                int size = config.images().size();
                yield Optional.of(DataShape.images(3, size, size, 1000));
            }
            case "image-folder", "webdataset", "idx", "npy", "file" -> Optional.of(opened(config));
            default -> Optional.ofNullable(SHAPES.get(config.name()));
        };
    }

    private static DataShape opened(DataConfig config) {
        var set = named(config.name()).open(config, DataFolders.of(Optional.empty()));
        return new DataShape(set.train().spec().inputs(), OptionalInt.of(set.classes()));
    }

    /**
     * The source of a data set; {@code -} and {@code _} are equal.
     *
     * @throws DataException if there is none of that name
     */
    public static DataSource named(String name) {
        var names = ALL.stream().map(DataSource::name).toList();
        return ALL.stream()
                .filter(s -> Names.equal(s.name(), name))
                .findFirst()
                .orElseThrow(() -> DataException.misfit(
                        "data.name",
                        "there is no reader for '" + name + "'" + Names.didYouMean(name, names),
                        "Data sets that can be read: " + String.join(", ", names)));
    }
}
