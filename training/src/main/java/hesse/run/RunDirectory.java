package hesse.run;

import hesse.config.ConfigValue;
import hesse.config.ConfigYaml;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
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
                            "data.cache",
                            "data.workers",
                            "device.threads")
                    .contains(key)
            || key.startsWith("probes");

    private final Path folder;
    private final CheckpointFolder checkpoints;
    private final OutputStream metrics;
    private final OutputStream timings;
    private final EventFile events;
    private long metricsBytes;

    private RunDirectory(Path folder) throws IOException {
        this.folder = folder;
        this.checkpoints = new CheckpointFolder(folder);
        Files.createDirectories(folder);
        this.metrics = append(METRICS);
        this.timings = append(TIMINGS);
        this.events = EventFile.open(folder);
        this.metricsBytes = Files.size(folder.resolve(METRICS));
    }

    private OutputStream append(String name) throws IOException {
        return Files.newOutputStream(folder.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    /** Whether a folder holds a run. */
    static boolean holdsRun(Path folder) {
        return List.of(CONFIG, METRICS, SUMMARY, "checkpoints").stream()
                .anyMatch(name -> Files.exists(folder.resolve(name)));
    }

    /**
     * Opens a folder for a run and writes its configuration.
     *
     * @param resume whether a run that is there goes on
     * @throws UserException (usage) if it holds a run and is not to go on, or one of another configuration
     */
    static RunDirectory open(Path folder, Config config, boolean resume) {
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
            var run = new RunDirectory(folder);
            run.replace(CONFIG, ConfigYaml.print(config.resolved()));
            if (!resume) run.events.forgetBeyond(-1);
            return run;
        } catch (IOException e) {
            throw failed(folder, e);
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

    private static Map<String, String> flat(ConfigValue value) {
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
        try {
            var digest =
                    MessageDigest.getInstance("SHA-256").digest(text.toString().getBytes(StandardCharsets.UTF_8));
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

    /**
     * Forgets what came after a checkpoint: lines of metrics and events.
     *
     * @param step of the checkpoint
     * @param bytes of metrics at the checkpoint
     */
    void forgetBeyond(long step, long bytes) {
        truncateMetrics(bytes);
        try {
            events.forgetBeyond(step);
        } catch (IOException e) {
            throw failed(folder.resolve(EventFile.NAME), e);
        }
    }

    private void truncateMetrics(long bytes) {
        Path file = folder.resolve(METRICS);
        try (var channel = java.nio.channels.FileChannel.open(file, StandardOpenOption.WRITE)) {
            if (channel.size() < bytes) {
                throw new UserException(
                        Kind.RUNTIME,
                        file.toString(),
                        "is shorter than at the checkpoint",
                        "Remove the later checkpoints, or begin anew");
            }
            channel.truncate(bytes);
            metricsBytes = bytes;
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    long metricsBytes() {
        return metricsBytes;
    }

    void metric(Map<String, ?> line) {
        metricsBytes += write(metrics, METRICS, line);
        event("run", line);
    }

    void timing(Map<String, ?> line) {
        write(timings, TIMINGS, line);
        event("time", line);
    }

    private void event(String room, Map<String, ?> line) {
        try {
            events.line(room, line);
        } catch (IOException e) {
            throw failed(folder.resolve(EventFile.NAME), e);
        }
    }

    private int write(OutputStream to, String name, Map<String, ?> line) {
        try {
            byte[] bytes = (LINE.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
            to.write(bytes);
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

    /** Writes a file whole or not at all. */
    private void replace(String name, String text) throws IOException {
        Path part = folder.resolve("." + name + ".part");
        Files.writeString(part, text);
        Files.move(part, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static UserException failed(Path where, IOException e) {
        return new UserException(
                Kind.RUNTIME,
                where.toString(),
                "cannot be written or read (" + e + ")",
                "Check permissions and free space",
                e);
    }

    @Override
    public void close() {
        try (metrics;
                timings;
                events) {
            metrics.flush();
        } catch (IOException e) {
            throw failed(folder, e);
        }
    }
}
