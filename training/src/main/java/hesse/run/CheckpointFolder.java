package hesse.run;

import hesse.data.FreeSpace;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.models.WeightFile;
import hesse.run.Progress.Evaluated;
import hesse.tensor.AtomicFile;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import hesse.tensor.TensorFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The checkpoints of a run: folders {@code step-00000100} with weights, optimizer state, progress, and a manifest of checksums in the form
 * of {@code sha256sum}. A folder gets its name when everything in it is on the disk; one whose files do not match its manifest is passed
 * over.
 */
final class CheckpointFolder {
    static final String NAME = "checkpoints";
    static final String WEIGHTS = "weights.safetensors";
    private static final String STATE = "state.safetensors";
    private static final String PROGRESS = "state.json";
    private static final String MANIFEST = "manifest";
    private static final String PASSED_OVER = "passed-over-";
    private static final List<String> PARTS = List.of(WEIGHTS, STATE, PROGRESS);
    private static final Pattern MANIFEST_LINE = Pattern.compile("([0-9a-f]{64})  (\\w[\\w.-]*)");
    private static final int MOST_MANIFEST_BYTES = 4096;
    /** Headers, progress and manifest. */
    private static final long BESIDE_TENSORS = 1 << 18;

    private static final JsonMapper JSON = JsonMapper.builder().build();

    /** What a checkpoint holds, copied from the device: tensors by their names in files. */
    record Snapshot(Map<String, Tensor> weights, Map<String, Tensor> optimizer, Progress progress) {
        static Snapshot of(TrainingState state, Progress progress) {
            var optimizer = new LinkedHashMap<>(state.optimizerState());
            optimizer.put("step", Tensor.of(DType.I64, Shape.SCALAR, progress.step()));
            return new Snapshot(WeightFile.stored(state.weights(), state.parameters()), optimizer, progress);
        }

        long bytes() {
            return bytes(weights) + bytes(optimizer);
        }

        private static long bytes(Map<String, Tensor> tensors) {
            return tensors.values().stream().mapToLong(t -> t.data().byteSize()).sum();
        }
    }

    private final Path run;
    private final Path folder;

    CheckpointFolder(Path run) {
        this.run = run;
        this.folder = run.resolve(NAME);
    }

    Path of(long step) {
        return folder.resolve(String.format(Locale.ROOT, "step-%08d", step));
    }

    /** All of them, the newest first. */
    List<Path> newestFirst() {
        if (!Files.isDirectory(folder)) return List.of();
        try (var all = Files.list(folder)) {
            return all.filter(p -> p.getFileName().toString().matches("step-\\d{1,18}"))
                    .sorted(Comparator.comparingLong(CheckpointFolder::step).reversed())
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            throw new UserException(
                    Kind.RUNTIME, folder.toString(), "cannot be listed (" + e + ")", "Check its permissions", e);
        }
    }

    private static long step(Path p) {
        return Long.parseLong(p.getFileName().toString().substring("step-".length()));
    }

    /**
     * Renames those after a step to {@code passed-over-step-…}: a run that goes on from before them would count them among its newest.
     *
     * @param step where the run goes on
     */
    void setAside(long step) throws IOException {
        for (var path : newestFirst()) {
            if (step(path) <= step) break;
            var aside = folder.resolve(PASSED_OVER + path.getFileName());
            delete(aside);
            Files.move(path, aside, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** Removes what a process left that ended while it wrote. */
    void clean() throws IOException {
        if (!Files.isDirectory(folder)) return;
        List<Path> left;
        try (var all = Files.list(folder)) {
            left = all.filter(p -> p.getFileName().toString().matches("\\.step-\\d+\\.part"))
                    .toList();
        }
        for (var p : left) delete(p);
    }

    /**
     * Demands room for one, where it can be known.
     *
     * @param bytes of its tensors
     * @throws UserException (runtime) if the disk has less
     */
    void requireRoom(long bytes) {
        long needed = bytes + BESIDE_TENSORS;
        long room = FreeSpace.of(run).orElse(needed);
        if (room >= needed) return;
        throw new UserException(
                Kind.RUNTIME,
                run.toString(),
                "a checkpoint needs " + mebibytes(needed) + ", the disk has " + mebibytes(room) + " left",
                "Free space, lower train.keep, or name a folder elsewhere with --out");
    }

    private static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", bytes / 1048576.0);
    }

    /**
     * Writes one, and removes those beyond the newest {@code keep}; the first one at or after the best evaluation stays too.
     *
     * @throws UserException (runtime) if it cannot be written; those before are as they were
     */
    void write(Snapshot snapshot, int keep) {
        long step = snapshot.progress.step();
        requireRoom(snapshot.bytes());
        Path target = of(step);
        Path parts = folder.resolve("." + target.getFileName() + ".part");
        try {
            Files.createDirectories(folder);
            delete(parts);
            Files.createDirectory(parts);
            Safetensors.write(parts.resolve(WEIGHTS), snapshot.weights, WeightFile.METADATA);
            Safetensors.write(parts.resolve(STATE), snapshot.optimizer);
            write(parts.resolve(PROGRESS), JSON.writeValueAsBytes(snapshot.progress.toMap()));
            var lines = new StringBuilder();
            for (var name : PARTS)
                lines.append(hash(parts.resolve(name)))
                        .append("  ")
                        .append(name)
                        .append('\n');
            write(parts.resolve(MANIFEST), lines.toString().getBytes(StandardCharsets.UTF_8));
            // only a damaged one can stand there
            delete(target);
            Files.move(parts, target, StandardCopyOption.ATOMIC_MOVE);
            AtomicFile.forceDirectory(folder);
            for (var old : beyond(keep, snapshot.progress.best())) delete(old);
        } catch (IOException | TensorFileException e) {
            try {
                delete(parts);
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw new UserException(
                    Kind.RUNTIME,
                    target.toString(),
                    "the checkpoint cannot be written (" + reason(e) + ")",
                    "Check free space and permissions, then go on with --resume; earlier checkpoints are as they were",
                    e);
        }
    }

    private static String reason(Exception e) {
        var root = e instanceof TensorFileException && e.getCause() instanceof Exception cause ? cause : e;
        return root instanceof FileSystemException f && f.getReason() != null ? f.getReason() : root.toString();
    }

    private static void write(Path file, byte[] bytes) throws IOException {
        AtomicFile.write(file, channel -> {
            var buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) channel.write(buffer);
        });
    }

    private List<Path> beyond(int keep, Optional<Evaluated> best) {
        var all = newestFirst();
        var atBest = best.stream()
                .flatMap(b -> all.reversed().stream().filter(p -> step(p) >= b.step()))
                .findFirst();
        return all.stream()
                .skip(keep)
                .filter(p -> !p.equals(atBest.orElse(null)))
                .toList();
    }

    /**
     * Reads the newest one that is whole, and says why others are passed over.
     *
     * @param metricsBytes length of the file of metrics, which has to reach up to a checkpoint
     */
    Optional<Progress> read(TrainingState state, DType floating, long metricsBytes, Consumer<String> log) {
        for (var path : newestFirst()) {
            var fault = fault(path);
            if (fault.isEmpty()) {
                var progress = progress(path);
                if (progress.isEmpty()) {
                    fault = PROGRESS + " is not that of step " + step(path);
                } else if (progress.get().metricsBytes() > metricsBytes) {
                    fault = RunDirectory.METRICS + " is shorter than it was then";
                } else {
                    read(path, state, floating);
                    return progress;
                }
            }
            log.accept(path + " is passed over: " + fault);
        }
        return Optional.empty();
    }

    private static void read(Path path, TrainingState state, DType floating) {
        state.write(WeightFile.read(path.resolve(WEIGHTS), state.parameters(), state.modelBuffers(), true, floating));
        var stored = new LinkedHashMap<>(Safetensors.read(path.resolve(STATE)).tensors());
        stored.remove("step");
        state.write(stored);
    }

    /** Empty if it is another step's, or none: a folder that was renamed, files that were put together by hand. */
    private static Optional<Progress> progress(Path path) {
        try {
            var written = JSON.readTree(Files.readAllBytes(path.resolve(PROGRESS)));
            if (written.path("format").asLong(Progress.FORMAT) > Progress.FORMAT) {
                throw new UserException(
                        Kind.RUNTIME,
                        path.toString(),
                        "was written by a newer version of Hesse (its format is " + written.path("format")
                                + ", this version's " + Progress.FORMAT + ")",
                        "Go on with that version, or name another folder with --out");
            }
            return Optional.of(Progress.of(written)).filter(p -> p.step() == step(path));
        } catch (JacksonException | NumberFormatException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UserException(
                    Kind.RUNTIME, path.toString(), "cannot be read (" + e + ")", "Check its permissions", e);
        }
    }

    /** What is wrong with a checkpoint's files; empty if nothing is. */
    static String fault(Path path) {
        try {
            if (!Files.exists(path.resolve(MANIFEST))) return "it has no manifest";
            var lines = manifest(path.resolve(MANIFEST)).lines().toList();
            if (lines.size() < PARTS.size()) return "its manifest is damaged";
            for (int i = 0; i < lines.size(); i++) {
                var line = MANIFEST_LINE.matcher(lines.get(i));
                // a later version may add parts, and says so in its progress
                if (!line.matches() || i < PARTS.size() && !line.group(2).equals(PARTS.get(i)))
                    return "its manifest is damaged";
                var name = line.group(2);
                Path file = path.resolve(name);
                if (!Files.exists(file)) return name + " is missing";
                if (!line.group(1).equals(hash(file))) return name + " is damaged";
            }
            return "";
        } catch (IOException e) {
            return "it cannot be read (" + e.getMessage() + ")";
        }
    }

    private static String manifest(Path file) throws IOException {
        try (var in = Files.newInputStream(file)) {
            return new String(in.readNBytes(MOST_MANIFEST_BYTES), StandardCharsets.ISO_8859_1);
        }
    }

    private static String hash(Path file) throws IOException {
        try (var in = Files.newInputStream(file)) {
            var digest = MessageDigest.getInstance("SHA-256");
            var chunk = new byte[1 << 16];
            for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) digest.update(chunk, 0, n);
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void delete(Path path) throws IOException {
        if (!Files.exists(path)) return;
        try (var all = Files.walk(path)) {
            for (var p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }
}
