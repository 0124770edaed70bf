package hesse.data;

import hesse.bindings.jpeg.TurboJpeg;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Photographs as class folders or as WebDataset's tar shards: {@code data.train} and {@code data.test}, or the parts {@code train} and
 * {@code val} (or {@code test}) of the set's own folder.
 */
record PhotoSource(String name, String description, Kind kind) implements DataSource {
    /** Where they may lie. */
    enum Kind {
        FOLDERS,
        SHARDS,
        /** Either, of ImageNet's thousand classes. */
        IMAGENET
    }

    private static final int IMAGENET_CLASSES = 1000;
    private static final double[] IMAGENET_MEANS = {0.485, 0.456, 0.406};
    private static final double[] IMAGENET_DEVIATIONS = {0.229, 0.224, 0.225};

    @Override
    public List<OfficialFile> files() {
        return List.of();
    }

    @Override
    public Optional<String> where(DataFolders folders) {
        return candidate(folders).map(Path::toString);
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var library = TurboJpeg.find();
        var where = config.train().isPresent() ? Optional.<Path>empty() : Optional.of(ownFolder(folders));
        var train = store(config, part(config.train(), where, List.of("train")).orElseThrow(), Optional.empty());
        var test = part(config.test(), where, List.of("val", "test", "validation"))
                .map(p -> store(config, p, Optional.of(train)));
        int classes = kind == Kind.IMAGENET
                ? IMAGENET_CLASSES
                : Math.max(train.classes(), test.map(PhotoStore::classes).orElse(0));
        if (train.classes() > classes) {
            throw DataException.misfit(
                    name,
                    "has " + train.classes() + " classes, not " + classes,
                    "Use data.name=image-folder for other images than ImageNet's");
        }
        var published = kind == Kind.IMAGENET
                ? Optional.of(new double[][] {IMAGENET_MEANS, IMAGENET_DEVIATIONS})
                : Optional.<double[][]>empty();
        return Dataset.of(
                name,
                new Photographs(train, config, classes, published, library),
                test.map(t -> new Photographs(t, config, classes, published, library)));
    }

    /** One part: a folder of classes, or shards. */
    private sealed interface Part {
        record Folder(Path path) implements Part {}

        record Shards(List<Path> files) implements Part {}
    }

    private Optional<Part> part(Optional<Path> named, Optional<Path> own, List<String> names) {
        if (named.isPresent()) return Optional.of(at(named.get()));
        if (own.isEmpty()) return Optional.empty();
        for (var n : names) {
            var folder = own.get().resolve(n);
            if (Files.isDirectory(folder)) return Optional.of(at(folder));
            var shards = kind == Kind.FOLDERS ? List.<Path>of() : ShardNames.in(own.get(), n);
            if (!shards.isEmpty()) return Optional.of(new Part.Shards(shards));
        }
        return Optional.empty();
    }

    private Part at(Path path) {
        return switch (kind) {
            case FOLDERS -> new Part.Folder(path);
            case SHARDS -> new Part.Shards(ShardNames.expand(path, Optional.empty()));
            case IMAGENET -> {
                boolean folder =
                        Files.isDirectory(path) && ShardNames.in(path, "").isEmpty();
                yield folder ? new Part.Folder(path) : new Part.Shards(ShardNames.expand(path, Optional.empty()));
            }
        };
    }

    private PhotoStore store(DataConfig config, Part part, Optional<PhotoStore> train) {
        var classes = kind == Kind.IMAGENET
                ? OptionalInt.of(IMAGENET_CLASSES)
                : config.classes().map(OptionalInt::of).orElse(OptionalInt.empty());
        return switch (part) {
            case Part.Shards s -> ShardStore.of(s.files, classes);
            case Part.Folder f -> {
                var names = train.map(PhotoStore::classNames).orElse(List.of());
                yield names.isEmpty() ? FolderStore.of(f.path) : FolderStore.of(f.path, names);
            }
        };
    }

    /** The folder that holds a part named train. */
    private Path ownFolder(DataFolders folders) {
        var found = candidate(folders);
        if (found.isPresent()) return found.get();
        throw DataException.broken(
                name,
                "its files are not there; searched for "
                        + switch (kind) {
                            case FOLDERS -> "train/CLASS/IMAGE";
                            case SHARDS -> "train/*.tar and *train*.tar";
                            case IMAGENET -> "train/CLASS/IMAGE, train/*.tar and *train*.tar";
                        }
                        + " in "
                        + String.join(
                                ", ",
                                folders.candidates(name).stream()
                                        .map(Path::toString)
                                        .toList()),
                "Name them with data.train and data.test, or their folder with --data-dir or HESSE_DATA");
    }

    private Optional<Path> candidate(DataFolders folders) {
        return folders.candidates(name).stream()
                .filter(folder -> Files.isDirectory(folder.resolve("train"))
                        || kind != Kind.FOLDERS
                                && !ShardNames.in(folder, "train").isEmpty())
                .findFirst();
    }
}
