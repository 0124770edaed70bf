package hesse.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where data sets lie: in {@code <folder>/<name>/}, or in the folder itself, plain or gzipped. The folder is the one given, else
 * {@code HESSE_DATA}, else the user's cache; the system's own copies are the last resort. Folders are only read.
 */
public final class DataFolders {
    /** Copies that distributions install. */
    private static final Map<String, Path> SYSTEM =
            Map.of("fashion-mnist", Path.of("/usr/share/datasets/fashion-mnist"));

    private final Optional<Path> given;
    private final Map<String, String> environment;

    /** @param environment as {@link System#getenv()} */
    public DataFolders(Optional<Path> given, Map<String, String> environment) {
        this.given = given;
        this.environment = environment;
    }

    /** With the environment of this process. */
    public static DataFolders of(Optional<Path> given) {
        return new DataFolders(given, System.getenv());
    }

    /** The folder into which a set is downloaded. */
    public Path home(String name) {
        return root().resolve(name);
    }

    private Path root() {
        return given.or(() -> variable("HESSE_DATA")).orElseGet(this::cache);
    }

    /** The folders in which a set's files may lie, in the order in which they are searched. */
    public List<Path> candidates(String name) {
        var folders = new ArrayList<Path>();
        var root = root();
        folders.add(root.resolve(name));
        // A folder that is another set's own may hold files of the same names: MNIST and Fashion-MNIST do.
        var own = root.toAbsolutePath().normalize().getFileName();
        boolean another = own != null
                && DataConfig.NAMES.contains(own.toString())
                && !own.toString().equals(name);
        if (!another) folders.add(root);
        var system = SYSTEM.get(name);
        if (system != null && given.isEmpty()) folders.add(system);
        return folders;
    }

    /**
     * The files of a set, by the official names.
     *
     * @throws DataException if no folder holds them, naming every place searched, or one holds only some
     */
    Map<String, Path> find(String name, List<String> files) {
        for (var folder : candidates(name)) {
            var found = new LinkedHashMap<String, Path>();
            for (var file : files) file(folder, file).ifPresent(path -> found.put(file, path));
            if (found.size() == files.size()) return found;
            if (!found.isEmpty()) {
                var missing = files.stream().filter(f -> !found.containsKey(f)).toList();
                throw DataException.broken(
                        folder.toString(),
                        "holds only a part of " + name + "; missing: " + String.join(", ", missing),
                        "Copy the missing files there, plain or .gz");
            }
        }
        throw DataException.broken(
                name,
                "its files are not there; searched for " + files.getFirst() + "(.gz) in "
                        + String.join(
                                ", ",
                                candidates(name).stream().map(Path::toString).toList()),
                "Download them with 'hesse data fetch " + name
                        + "', or name the folder that holds them with --data-dir or" + " HESSE_DATA");
    }

    /**
     * What a file holds, unpacked.
     *
     * @param sha256 in small hexadecimal digits
     */
    public record Digest(long bytes, String sha256) {}

    /**
     * Reads a whole file, unpacking it when its name ends in {@code .gz}.
     *
     * @throws DataException if it cannot be read
     */
    public static Digest digest(Path file) {
        try (var in = open(file)) {
            return in.digest();
        }
    }

    private static Optional<Path> file(Path folder, String name) {
        var plain = folder.resolve(name);
        if (Files.isRegularFile(plain)) return Optional.of(plain);
        var packed = folder.resolve(name + ".gz");
        return Files.isRegularFile(packed) ? Optional.of(packed) : Optional.empty();
    }

    private Optional<Path> variable(String name) {
        return Optional.ofNullable(environment.get(name))
                .filter(v -> !v.isBlank())
                .map(Path::of);
    }

    private Path cache() {
        return variable("XDG_CACHE_HOME")
                .orElseGet(() -> variable("HOME").orElse(Path.of("")).resolve(".cache"))
                .resolve("hesse")
                .resolve("data");
    }

    /** Opens a file, unpacking it when its name ends in {@code .gz}. */
    static BoundedInput open(Path file) {
        try {
            return new BoundedInput(file);
        } catch (IOException e) {
            throw DataException.broken(
                    file.toString(),
                    "cannot be read (" + DataException.reason(e) + ")",
                    "Check the file and its permissions",
                    e);
        }
    }
}
