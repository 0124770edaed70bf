package hesse.data;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Where downloads are written, so that a full disk can be played. */
interface Disk {
    /** Writes behind what is there. */
    OutputStream append(Path file) throws IOException;

    /** Bytes that there is room for; the largest long if nobody knows. */
    long room(Path folder);

    /** A failure of writing, told apart from one of the network. */
    final class WriteFailed extends IOException {
        private static final long serialVersionUID = 1L;

        WriteFailed(IOException cause) {
            super(cause.getMessage(), cause);
        }
    }

    /** The real one. */
    Disk REAL = new Disk() {
        @Override
        public OutputStream append(Path file) throws IOException {
            return Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }

        @Override
        public long room(Path folder) {
            return FreeSpace.of(folder).orElse(Long.MAX_VALUE);
        }
    };
}
