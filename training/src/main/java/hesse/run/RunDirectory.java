package hesse.run;

import hesse.config.ConfigValue;
import hesse.config.ConfigYaml;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.tensor.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The folder of a run: its configuration, metrics and timings by line and as events, summary and checkpoints. */
final class RunDirectory implements AutoCloseable {
    static final String CONFIG = "config.yaml";
    static final String METRICS = "metrics.jsonl";
    static final String TIMINGS = "timings.jsonl";
    static final String SUMMARY = "summary.json";
    private static final JsonMapper LINE = JsonMapper.builder().build();
    private static final JsonMapper PAGE =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    /** What a resumed run may change: its length, how it is computed, what is watched and written. */
    private static final Predicate<String> FREE = key -> Set.of(
                            "train.epochs",
                            "train.steps",
                            "train.eval_every",
                            "train.log_every",
                            "train.checkpoint_every",
                            "train.keep",
                            "train.watchdog",
                            "data.cache",
                            "data.workers",
                            "device.threads")
                    .contains(key)
            || key.startsWith("probes")
            || key.startsWith("model.classpath");

    private final Path folder;
    private final boolean madeHere;
    private final RunLock lock;
    private final CheckpointFolder checkpoints;
    private @Nullable FileChannel metrics;
    private @Nullable FileChannel timings;
    private @Nullable EventFile events;
    private long metricsBytes;

    private RunDirectory(Path folder, boolean madeHere, RunLock lock) {
        this.folder = folder;
        this.madeHere = madeHere;
        this.lock = lock;
        this.checkpoints = new CheckpointFolder(folder);
    }

    /** Whether a folder holds a run. */
    static boolean holdsRun(Path folder) {
        return List.of(CONFIG, METRICS, SUMMARY, "checkpoints").stream()
                .anyMatch(name -> Files.exists(folder.resolve(name)));
    }

    /**
     * Takes a folder for a run; nothing in it changes before {@link #begin}.
     *
     * @param resume whether a run that is there goes on
     * @throws UserException (usage) if it holds a run and is not to go on, or one of another configuration, or is in use
     */
    static RunDirectory open(Path folder, Config config, boolean resume) {
        try {
            boolean there = Files.exists(folder);
            requireForm(folder);
            Files.createDirectories(folder);
            var run = new RunDirectory(folder, !there, RunLock.take(folder));
            try {
                if (holdsRun(folder)) {
                    if (!resume) {
                        throw new UserException(
                                Kind.USAGE,
                                folder.toString(),
                                "holds a run already",
                                "Go on with it by --resume, or name another folder with --out");
                    }
                    if (Files.exists(folder.resolve(CONFIG))) requireSame(folder, config);
                }
                return run;
            } catch (RuntimeException e) {
                run.close();
                throw e;
            }
        } catch (IOException e) {
            throw failed(folder, e);
        }
    }

    /** Demands that what is there already is a folder or a file as a run has it: else the first checkpoint would fail, after hours. */
    private static void requireForm(Path folder) {
        if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS) && !Files.isDirectory(folder)) {
            throw new UserException(
                    Kind.USAGE, folder.toString(), "is no folder", "Name another one with --out, or move it away");
        }
        var checkpoints = folder.resolve(CheckpointFolder.NAME);
        if (Files.exists(checkpoints, LinkOption.NOFOLLOW_LINKS) && !Files.isDirectory(checkpoints)) {
            throw new UserException(
                    Kind.RUNTIME,
                    checkpoints.toString(),
                    "is no folder, or a link to one that is not there; a run's checkpoints are",
                    "Bring them back, or move it away to begin anew");
        }
        for (var name : List.of(CONFIG, METRICS, TIMINGS, SUMMARY, EventFile.NAME, RunLock.NAME)) {
            var file = folder.resolve(name);
            if (!Files.exists(file) || Files.isRegularFile(file)) continue;
            throw new UserException(
                    Kind.RUNTIME, file.toString(), "is no file, as a run's " + name + " is", "Move it away");
        }
    }

    /**
     * Begins or goes on: everything is ready for the first step.
     *
     * @param from what came after it is forgotten: lines of metrics and events
     */
    void begin(Config config, Progress from) {
        try {
            checkpoints.clean();
            checkpoints.setAside(from.step());
            replace(CONFIG, ConfigYaml.print(config.resolved()));
            var m = append(METRICS);
            metrics = m;
            m.truncate(from.metricsBytes());
            this.metricsBytes = from.metricsBytes();
            var t = append(TIMINGS);
            timings = t;
            t.truncate(wholeLines(folder.resolve(TIMINGS)));
            var e = EventFile.open(folder);
            events = e;
            e.forgetBeyond(from.step() > 0 ? from.step() : -1);
        } catch (IOException e) {
            throw failed(folder, e);
        }
    }

    private FileChannel append(String name) throws IOException {
        return FileChannel.open(folder.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    /** Bytes up to the end of the last line that has one. */
    private static long wholeLines(Path file) throws IOException {
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            var one = ByteBuffer.allocate(1);
            long end = channel.size();
            while (end > 0) {
                channel.read(one.clear(), end - 1);
                if (one.get(0) == '\n') break;
                end--;
            }
            return end;
        }
    }

    /** Length of the file of metrics that a run left there. */
    long writtenMetrics() {
        Path file = folder.resolve(METRICS);
        try {
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    private static void requireSame(Path folder, Config config) {
        var before =
                flat(Config.load(folder.resolve(CONFIG).toString(), List.of()).resolved());
        var now = flat(config.resolved());
        var differences = new ArrayList<String>();
        var keys = new TreeSet<>(before.keySet());
        keys.addAll(now.keySet());
        for (var key : keys) {
            String a = before.getOrDefault(key, "nothing");
            String b = now.getOrDefault(key, "nothing");
            if (!FREE.test(key) && !a.equals(b)) differences.add(key + " was " + a + ", is " + b);
        }
        if (!differences.isEmpty()) {
            throw new UserException(
                    Kind.USAGE,
                    folder.toString(),
                    "the run there has another configuration: " + String.join("; ", differences),
                    "Resume with the run's own configuration, or name another folder with --out");
        }
    }

    static Map<String, String> flat(ConfigValue value) {
        var out = new TreeMap<String, String>();
        flatten("", value, out);
        return out;
    }

    private static void flatten(String path, ConfigValue value, Map<String, String> into) {
        switch (value) {
            case ConfigValue.Scalar s -> into.put(path, s.value() instanceof Number n ? number(n) : s.text());
            case ConfigValue.Items items -> {
                for (int i = 0; i < items.items().size(); i++)
                    flatten(path + "." + i, items.items().get(i), into);
                if (items.items().isEmpty()) into.put(path, "[]");
            }
            case ConfigValue.Table t ->
                t.entries().forEach((key, e) -> flatten(path.isEmpty() ? key : path + "." + key, e.value(), into));
        }
    }

    private static String number(Number n) {
        return Double.toString(n.doubleValue());
    }

    /** A digest of everything in a configuration that a run's results depend on, its length included. */
    static String hash(Config config) {
        var text = new StringBuilder();
        flat(config.resolved()).forEach((key, value) -> {
            boolean counts = !FREE.test(key) || key.equals("train.epochs") || key.equals("train.steps");
            if (counts) text.append(key).append('=').append(value).append('\n');
        });
        return hash(text.toString());
    }

    /** The first 16 hexadecimal digits of a text's SHA-256. */
    static String hash(String text) {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    Path folder() {
        return folder;
    }

    CheckpointFolder checkpoints() {
        return checkpoints;
    }

    long metricsBytes() {
        return metricsBytes;
    }

    void metric(Map<String, ?> line) {
        // into a file without a name one writes as well as into any other, up to the first checkpoint, hours later
        if (!Files.exists(folder.resolve(METRICS))) {
            throw new UserException(
                    Kind.RUNTIME,
                    folder.resolve(METRICS).toString(),
                    "was removed or moved away while the run wrote it",
                    "Where the run's folder is now, go on with --out and --resume");
        }
        metricsBytes += write(Objects.requireNonNull(metrics, "begin comes first"), METRICS, line);
        event("run", line);
    }

    void timing(Map<String, ?> line) {
        write(Objects.requireNonNull(timings, "begin comes first"), TIMINGS, line);
        event("time", line);
    }

    private void event(String room, Map<String, ?> line) {
        try {
            Objects.requireNonNull(events, "begin comes first").line(room, line);
        } catch (IOException e) {
            throw failed(folder.resolve(EventFile.NAME), e);
        }
    }

    /** Puts metrics on the disk, before a checkpoint that counts on them. */
    void sync() {
        try {
            Objects.requireNonNull(metrics, "begin comes first").force(false);
        } catch (IOException e) {
            throw failed(folder.resolve(METRICS), e);
        }
    }

    private int write(FileChannel to, String name, Map<String, ?> line) {
        try {
            byte[] bytes = (LINE.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
            var buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) to.write(buffer);
            return bytes.length;
        } catch (IOException e) {
            throw failed(folder.resolve(name), e);
        }
    }

    void summary(Map<String, ?> values) {
        try {
            replace(SUMMARY, PAGE.writeValueAsString(values) + "\n");
        } catch (IOException e) {
            throw failed(folder.resolve(SUMMARY), e);
        }
    }

    private void replace(String name, String text) throws IOException {
        AtomicFile.write(folder.resolve(name), channel -> {
            var buffer = StandardCharsets.UTF_8.encode(text);
            while (buffer.hasRemaining()) channel.write(buffer);
        });
    }

    private static UserException failed(Path where, IOException e) {
        return new UserException(
                Kind.RUNTIME,
                where.toString(),
                "cannot be written or read (" + reason(e) + ")",
                "Check permissions and free space; checkpoints are as they were",
                e);
    }

    private static String reason(IOException e) {
        return e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.toString();
    }

    /** Gives the folder back; one that was made for this run and never began is removed. */
    @Override
    public void close() {
        try (lock) {
            if (metrics != null) metrics.close();
            if (timings != null) timings.close();
            if (events != null) events.close();
        } catch (IOException e) {
            throw failed(folder, e);
        } finally {
            if (madeHere && metrics == null) removeIfEmpty();
        }
    }

    private void removeIfEmpty() {
        try {
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            // something else was put there, or the disk does not answer: an empty folder hurts nobody
        }
    }
}
