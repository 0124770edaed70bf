package hesse.data;

import hesse.config.Names;
import hesse.models.Inputs;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Every data set that can be read. */
public final class DataSources {
    private static final List<DataSource> ALL = List.of(
            new DigitsSource(),
            IdxSource.of(
                    "mnist",
                    "60,000 + 10,000 handwritten digits, 28×28 grey, 10 classes (LeCun, Cortes, Burges)",
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
            IdxSource.of(
                    "fashion-mnist",
                    "60,000 + 10,000 articles of clothing, 28×28 grey, 10 classes (Zalando Research)",
                    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
            CifarSource.ten(),
            CifarSource.hundred(),
            new TextSource(
                    "tiny-shakespeare",
                    "1,115,394 characters of Shakespeare's plays (Karpathy)",
                    List.of(new DataSource.OfficialFile(
                            "input.txt",
                            1_115_394,
                            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"))),
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
