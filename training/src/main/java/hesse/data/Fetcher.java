package hesse.data;

import hesse.data.Published.Download;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Downloads data sets: begun files are continued, mirrors are tried in turn, and nothing gets its name before its content's SHA-256 is the
 * published one.
 */
public final class Fetcher {
    /** How downloads are done. */
    public record Options(int attempts, Duration patience, Duration pause) {
        /** Four attempts at each address, half a minute of patience, a second before the first repetition, then twice as long each time. */
        public static final Options USUAL = new Options(4, Duration.ofSeconds(30), Duration.ofSeconds(1));
    }

    /** Sees how far a file is. */
    public interface Progress {
        /** @param total bytes of the file, where the server tells */
        void at(String file, long done, OptionalLong total);

        /** The file is there and verified. */
        void finished(String file);
    }

    /** What became of a set's files. */
    public record Outcome(List<Path> fetched, List<Path> present) {}

    private final Options options;
    private final Disk disk;
    private final Transfer transfer;
    private final Progress progress;
    private final Consumer<String> log;

    /** @param log is told of every failed attempt */
    public Fetcher(Options options, Progress progress, Consumer<String> log) {
        this(options, Disk.REAL, progress, log);
    }

    Fetcher(Options options, Disk disk, Progress progress, Consumer<String> log) {
        this.options = options;
        this.disk = disk;
        this.transfer = new Transfer(disk, options.patience());
        this.progress = progress;
        this.log = log;
    }

    /**
     * Downloads what a folder lacks of a set.
     *
     * @param mirrors addresses of folders that are tried before the set's own
     * @throws DataException if a file cannot be had, is not as published, or cannot be written
     */
    public Outcome fetch(Published set, Path folder, List<String> mirrors) throws InterruptedException {
        var fetched = new ArrayList<Path>();
        var present = new ArrayList<Path>();
        try {
            Files.createDirectories(folder);
            var lockFile = folder.resolve(".fetch.lock");
            try (var channel = FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                var lock = channel.tryLock();
                if (lock == null) throw new OverlappingFileLockException();
                for (var download : set.downloads()) {
                    if (isPresent(set, download, folder)) {
                        download.holds().values().forEach(f -> present.add(folder.resolve(f)));
                        continue;
                    }
                    fetched.addAll(fetch(set, download, folder, mirrors));
                    progress.finished(download.file());
                }
            } finally {
                Files.deleteIfExists(lockFile);
            }
        } catch (OverlappingFileLockException e) {
            throw DataException.broken(
                    folder.toString(), "another download is going on there", "Wait until it is done", e);
        } catch (IOException e) {
            throw unwritable(folder, e);
        }
        return new Outcome(fetched, present);
    }

    private static DataException unwritable(Path where, IOException e) {
        return DataException.broken(
                where.toString(),
                "cannot be written (" + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()) + ")",
                "Make room or check permissions, then run it again: what has arrived is kept and continued",
                e);
    }

    /** Whether all that a download holds is there, plain or packed, as published. */
    private static boolean isPresent(Published set, Download download, Path folder) {
        for (var name : download.holds().values()) {
            var plain = folder.resolve(name);
            var packed = folder.resolve(name + ".gz");
            var file = Files.isRegularFile(plain) ? plain : packed;
            if (!Files.isRegularFile(file)) return false;
            try {
                if (!DataFolders.digest(file).sha256().equals(set.file(name).sha256())) return false;
            } catch (DataException e) {
                return false;
            }
        }
        return true;
    }

    private List<Path> fetch(Published set, Download download, Path folder, List<String> more)
            throws IOException, InterruptedException {
        var part = folder.resolve(download.file() + ".part");
        var failures = new ArrayList<String>();
        var mirrors = new ArrayList<>(more);
        mirrors.addAll(set.mirrors());
        for (var mirror : mirrors) {
            var from = URI.create(mirror + (mirror.endsWith("/") ? "" : "/") + download.file());
            var failure = from(from, set, download, part);
            if (failure.isEmpty()) return settle(set, download, folder, part);
            failures.add(from + ": " + failure);
        }
        throw DataException.broken(
                set.name() + ", " + download.file(),
                "could not be downloaded: " + String.join("; ", failures),
                "Try again later (what has arrived is kept), name another mirror with --mirror, or copy the file to "
                        + folder);
    }

    /** Tries one address; empty when the file is there and as published, else what is wrong. */
    private String from(URI from, Published set, Download download, Path part)
            throws IOException, InterruptedException {
        var failure = "";
        var pause = options.pause();
        for (int attempt = 1; attempt <= options.attempts(); attempt++) {
            boolean begun = Files.exists(part) && Files.size(part) > 0;
            try {
                transfer.fetch(
                        from, part, most(set, download), (done, total) -> progress.at(download.file(), done, total));
                var wrong = wrong(set, download, part);
                if (wrong.isEmpty()) return "";
                Files.delete(part);
                failure = wrong;
                // what was there before may have been of another file
                if (!begun) return failure;
            } catch (Transfer.Refused e) {
                failure = String.valueOf(e.getMessage());
                if (e.forGood()) return failure;
            } catch (Disk.WriteFailed e) {
                throw unwritable(part, e);
            } catch (IOException e) {
                failure = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            }
            if (attempt == options.attempts()) break;
            log.accept(from + ": " + failure + "; trying again");
            Thread.sleep(pause);
            pause = pause.multipliedBy(2);
        }
        return failure;
    }

    /** No file that is what was published has more bytes. */
    private static long most(Published set, Download download) {
        if (download.bytes().isPresent()) return download.bytes().getAsLong();
        long bytes = download.holds().values().stream()
                .mapToLong(f -> set.file(f).bytes())
                .sum();
        return bytes + bytes / 100 + 100_000;
    }

    /** What is wrong with a downloaded file; empty if nothing is. */
    private static String wrong(Published set, Download download, Path part) throws IOException {
        if (download.sha256().isPresent()) {
            try (var in = Files.newInputStream(part)) {
                return differs(Sha256.of(in, Long.MAX_VALUE), download.sha256().get());
            }
        }
        var file = set.file(download.holds().values().iterator().next());
        try (InputStream raw = Files.newInputStream(part);
                InputStream in =
                        download.file().endsWith(".gz") ? new java.util.zip.GZIPInputStream(raw, 1 << 16) : raw) {
            return differs(Sha256.of(in, file.bytes()), file.sha256());
        } catch (java.util.zip.ZipException | java.io.EOFException e) {
            return "what came is no gzip file (" + e.getMessage() + ")";
        }
    }

    private static String differs(String is, String published) {
        return is.equals(published)
                ? ""
                : "what came has the SHA-256 " + is + ", published is " + published + "; it was removed";
    }

    /** Gives the file, or what the archive holds, its name. */
    private List<Path> settle(Published set, Download download, Path folder, Path part) throws IOException {
        if (!download.isArchive()) {
            var file = folder.resolve(download.file());
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return List.of(file);
        }
        try {
            var files = Unpacking.members(set, download, folder, part, disk);
            Files.delete(part);
            return files;
        } catch (Disk.WriteFailed e) {
            throw unwritable(folder, e);
        }
    }
}
