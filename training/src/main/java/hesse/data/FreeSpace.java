package hesse.data;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The room on a disk, where it can be known. */
public final class FreeSpace {
    private FreeSpace() {}

    /**
     * Bytes that this process may still write into a folder that exists; empty if the system does not tell.
     *
     * <p>That nobody knows is no failure: some file systems have no size. And a {@link FileStore} is looked up in the table of mounts, where
     * a root that is no mount itself (after {@code chroot}) has no row, or that is missing altogether (without {@code /proc}); so the
     * system's own files are asked by their names.
     */
    public static OptionalLong of(Path folder) {
        if (folder.getFileSystem().equals(FileSystems.getDefault())) {
            var file = folder.toFile();
            return known(file.getTotalSpace(), file.getUsableSpace());
        }
        try {
            var store = Files.getFileStore(folder);
            return known(store.getTotalSpace(), store.getUsableSpace());
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }

    private static OptionalLong known(long total, long usable) {
        return total > 0 ? OptionalLong.of(usable) : OptionalLong.empty();
    }
}
