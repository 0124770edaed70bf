package hesse.tensor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells files from pipes, devices and sockets, which would let a reader wait forever or never end. */
public final class RegularFile {
    private RegularFile() {}

    /**
     * Demands that what is there, if anything is, is a file or a folder.
     *
     * @return the path
     * @throws IOException if it is a pipe, a device or a socket, or a link to one
     */
    public static Path require(Path path) throws IOException {
        if (!Files.exists(path) || Files.isRegularFile(path) || Files.isDirectory(path)) return path;
        throw new IOException("it is a pipe or a device, not a file");
    }
}
