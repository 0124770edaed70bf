package hesse.data;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A way to a data set: where its files lie and how they are read. A new one is a class here and a row in {@link DataSources}. */
public interface DataSource {
    /**
     * A file as its authors published it.
     *
     * @param sha256 of the content, unpacked, in small hexadecimal digits
     */
    record OfficialFile(String name, long bytes, String sha256) {}

    /** The name in configurations. */
    String name();

    /** What it is, in one line. */
    String description();

    /** The files it is made of; empty for what is in the jar or named by the configuration. */
    default List<OfficialFile> files() {
        return List.of();
    }

    /**
     * Reads it.
     *
     * @throws DataException if files are missing, truncated or corrupt
     */
    Dataset open(DataConfig config, DataFolders folders);

    /** Where it was found, for people; empty where its files are missing. */
    default Optional<String> where(DataFolders folders) {
        if (configured()) return Optional.of("as configured");
        try {
            var first = locate(folders).values().iterator().next().getParent();
            return Optional.ofNullable(first).map(Path::toString);
        } catch (DataException e) {
            return Optional.empty();
        }
    }

    /** Whether the configuration names its files, so that there is nothing published to compare them with. */
    default boolean configured() {
        return false;
    }

    /** Where its files are, by name. */
    default Map<String, Path> locate(DataFolders folders) {
        return folders.find(name(), files().stream().map(OfficialFile::name).toList());
    }
}
