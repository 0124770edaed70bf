package hesse.data;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What distinguishes one data set's content from another's: the SHA-256 of its unpacked files; of folders of photographs, which are too
 * many to be read, the names and sizes of their files.
 */
public final class DataIdentity {
    private DataIdentity() {}

    /** What the identity depends on: configurations of one key have one identity. */
    public static String key(DataConfig config) {
        return config.name() + config.train() + config.test() + config.trainLabels() + config.testLabels();
    }

    /**
     * Reads the files.
     *
     * @throws DataException if they are not there
     */
    public static String of(DataConfig config, DataFolders folders) {
        var source = DataSources.named(config.name());
        var text = new StringBuilder(source.name());
        if (!source.files().isEmpty()) {
            source.locate(folders)
                    .forEach((name, path) -> text.append(' ')
                            .append(name)
                            .append(':')
                            .append(DataFolders.digest(path).sha256()));
        }
        Stream.of(config.train(), config.test(), config.trainLabels(), config.testLabels())
                .flatMap(Optional::stream)
                .forEach(path -> text.append(' ').append(path(path)));
        if (source.name().equals("imagenet") && config.train().isEmpty()) {
            folders.candidates(source.name()).stream()
                    .filter(Files::isDirectory)
                    .findFirst()
                    .ifPresent(folder -> text.append(' ').append(path(folder)));
        }
        return text.toString();
    }

    private static String path(Path path) {
        if (Files.isRegularFile(path)) return DataFolders.digest(path).sha256();
        if (!Files.isDirectory(path)) return path.toString();
        try (var all = Files.walk(path)) {
            String listing = all.filter(Files::isRegularFile)
                    .sorted()
                    .map(f -> path.relativize(f) + ":" + f.toFile().length())
                    .collect(Collectors.joining("\n"));
            byte[] bytes = listing.getBytes(StandardCharsets.UTF_8);
            return Sha256.of(new ByteArrayInputStream(bytes), bytes.length);
        } catch (IOException e) {
            throw DataException.broken(
                    path.toString(), "cannot be listed (" + e + ")", "Check the folder and its permissions", e);
        }
    }
}
