package hesse.backend;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory of the host, asked for before it is taken: a system that overcommits would rather kill the process than refuse. */
public final class HostMemory {
    private static final long MIB = 1 << 20;

    private HostMemory() {}

    /**
     * Zeroed memory, aligned to 64 bytes.
     *
     * @param what needs it, for the message
     * @throws UserException when it is not there: what is needed, what is available, and what would shrink it
     */
    public static MemorySegment allocate(Arena arena, long bytes, String what) {
        long available = available();
        if (bytes > available) throw tooLarge(bytes, available, what, null);
        try {
            return arena.allocate(Math.max(64, bytes), 64);
        } catch (OutOfMemoryError e) {
            throw tooLarge(bytes, available, what, e);
        }
    }

    private static UserException tooLarge(
            long bytes, long available, String what, @org.jspecify.annotations.Nullable Throwable cause) {
        return new UserException(
                Kind.RUNTIME,
                what,
                "needs " + (bytes + MIB - 1) / MIB + " MiB of memory, " + available / MIB + " MiB are available",
                "Use a smaller data.batch, train.micro_batch, or device.memory lean",
                cause);
    }

    /** Bytes that can be taken without pushing others out, as far as the system tells: its own count and the container's limit. */
    static long available() {
        long free = fromMeminfo();
        long limit = number(Path.of("/sys/fs/cgroup/memory.max"));
        long used = number(Path.of("/sys/fs/cgroup/memory.current"));
        return limit >= 0 && used >= 0 ? Math.min(free, Math.max(0, limit - used)) : free;
    }

    private static long fromMeminfo() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
                if (line.startsWith("MemAvailable:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
            }
        } catch (IOException | NumberFormatException e) {
            return Long.MAX_VALUE;
        }
        return Long.MAX_VALUE;
    }

    private static long number(Path file) {
        try {
            return Long.parseLong(Files.readString(file).strip());
        } catch (IOException | NumberFormatException e) {
            return -1;
        }
    }
}
