package hesse.experiment;

import hesse.error.UserException;
import hesse.run.Runs;
import hesse.tensor.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What became of a run, as its folder says: {@code summary.json} of one that ended, {@code failure.json} of one that failed. */
public final class RunRecord {
    static final String FAILURE = "failure.json";
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    /** How far it is. */
    public enum Status {
        /** Not begun, or under way. */
        OPEN,
        DONE,
        /** Loss or update stopped being finite. */
        DIVERGED,
        /** Something else went wrong. */
        FAILED
    }

    private RunRecord() {}

    /** The status of a run's folder, which need not exist. */
    public static Status status(Path folder) {
        if (Files.exists(folder.resolve(FAILURE))) {
            return summary(folder)
                            .filter(s -> s.path("status").asString("").equals("failed"))
                            .isPresent()
                    ? Status.DIVERGED
                    : Status.FAILED;
        }
        return summary(folder)
                        .filter(s -> s.path("status").asString("").equals("done"))
                        .isPresent()
                ? Status.DONE
                : Status.OPEN;
    }

    /** What {@code summary.json} holds; empty without it, or where it is no JSON. */
    public static Optional<JsonNode> summary(Path folder) {
        Path file = folder.resolve(Runs.SUMMARY);
        if (!Files.exists(file)) return Optional.empty();
        try {
            return Optional.of(JSON.readTree(Files.readString(file)));
        } catch (JacksonException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    /** Seconds it took, as its summary says. */
    static double seconds(Path folder) {
        return summary(folder)
                .map(s -> s.path("timing").path("seconds").asDouble(0))
                .orElse(0.0);
    }

    /** Writes that it failed, and why. */
    static void failure(Path folder, Throwable why) {
        var m = new LinkedHashMap<String, Object>();
        m.put("kind", why instanceof UserException u ? u.kind().name().toLowerCase(java.util.Locale.ROOT) : "defect");
        m.put("message", String.valueOf(why.getMessage() == null ? why : why.getMessage()));
        write(folder.resolve(FAILURE), m);
    }

    /** Why it failed, if it did. */
    static Optional<String> failureMessage(Path folder) {
        Path file = folder.resolve(FAILURE);
        if (!Files.exists(file)) return Optional.empty();
        try {
            return Optional.of(
                    JSON.readTree(Files.readString(file)).path("message").asString(""));
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    /** Forgets that it failed. */
    static void forget(Path folder) {
        try {
            Files.deleteIfExists(folder.resolve(FAILURE));
        } catch (IOException e) {
            throw failed(folder, e);
        }
    }

    /** Writes a file of JSON, whole or not at all. */
    static void write(Path file, Map<String, ?> values) {
        writeText(file, JSON.writeValueAsString(values) + "\n");
    }

    /** Writes a file, whole or not at all; makes its folder. */
    static void writeText(Path file, String text) {
        try {
            var folder = file.toAbsolutePath().getParent();
            if (folder != null) Files.createDirectories(folder);
            AtomicFile.write(file, channel -> {
                var buffer = StandardCharsets.UTF_8.encode(text);
                while (buffer.hasRemaining()) channel.write(buffer);
            });
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    static UserException failed(Path where, IOException e) {
        return new UserException(
                UserException.Kind.RUNTIME,
                where.toString(),
                "cannot be written or read (" + e + ")",
                "Check permissions and free space",
                e);
    }
}
