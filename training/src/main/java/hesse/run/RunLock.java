package hesse.run;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * Keeps a second process out of a run's folder. The lock is the operating system's, so that it ends with its process however that ends;
 * the file says whose it is.
 */
final class RunLock implements AutoCloseable {
    static final String NAME = ".lock";
    private static final int MOST_BYTES = 200;

    private final Path file;
    private final FileChannel channel;

    private RunLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Takes the lock of a folder that exists.
     *
     * @throws UserException (usage) if another process, or another run of this one, has it
     * @throws IOException if the folder cannot be written to
     */
    static RunLock take(Path folder) throws IOException {
        Path file = folder.resolve(NAME);
        while (true) {
            var lock = attempt(file);
            if (lock.isPresent()) return lock.get();
        }
    }

    /** Empty if the owner before removed the file just now. */
    private static Optional<RunLock> attempt(Path file) throws IOException {
        var channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            if (!locked(channel)) throw taken(file, text(file));
            String owner = "process " + ProcessHandle.current().pid();
            channel.truncate(0);
            channel.write(ByteBuffer.wrap((owner + "\n").getBytes(StandardCharsets.UTF_8)));
            if (text(file).equals(owner)) return Optional.of(new RunLock(file, channel));
            channel.close();
            return Optional.empty();
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static boolean locked(FileChannel channel) throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    private static String text(Path file) throws IOException {
        try (var in = Files.newInputStream(file)) {
            return new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8).strip();
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    private static UserException taken(Path file, String owner) {
        return new UserException(
                Kind.USAGE,
                String.valueOf(file.getParent()),
                "is in use by " + (owner.isEmpty() ? "another process" : owner),
                "Wait for it to end or stop it, or name another folder with --out");
    }

    @Override
    public void close() throws IOException {
        try (channel) {
            Files.deleteIfExists(file);
        }
    }
}
