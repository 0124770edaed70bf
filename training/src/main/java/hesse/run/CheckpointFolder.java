package hesse.run;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.models.WeightFile;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import tools.jackson.databind.json.JsonMapper;

/**
 * The checkpoints of a run: folders {@code step-00000100} with weights, optimizer state, progress, and a manifest of checksums in the form
 * of {@code sha256sum}. A folder gets its name when everything in it is on the disk; one whose files do not match its manifest is passed
 * over.
 */
final class CheckpointFolder {
    static final String WEIGHTS = "weights.safetensors";
    private static final String STATE = "state.safetensors";
    private static final String PROGRESS = "state.json";
    private static final String MANIFEST = "manifest";
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path folder;

    CheckpointFolder(Path run) {
        this.folder = run.resolve("checkpoints");
    }

    Path of(long step) {
        return folder.resolve("step-%08d".formatted(step));
    }

    /** All of them, the newest first. */
    List<Path> newestFirst() {
        if (!Files.isDirectory(folder)) return List.of();
        try (var all = Files.list(folder)) {
            return all.filter(p -> p.getFileName().toString().matches("step-\\d+"))
                    .sorted(Comparator.comparingLong(CheckpointFolder::step).reversed())
                    .toList();
        } catch (IOException e) {
            throw failed(folder, e);
        }
    }

    private static long step(Path p) {
        return Long.parseLong(p.getFileName().toString().substring("step-".length()));
    }

    /** Writes one, and removes the oldest beyond {@code keep}. */
    void write(TrainingState state, Progress progress, int keep) {
        Path target = of(progress.step());
        Path parts = folder.resolve("." + target.getFileName() + ".part");
        try {
            Files.createDirectories(folder);
            delete(parts);
            Files.createDirectories(parts);
            Safetensors.write(parts.resolve(WEIGHTS), WeightFile.stored(state.weights(), state.parameters()));
            var optimizer = new LinkedHashMap<>(state.optimizerState());
            optimizer.put("step", Tensor.of(DType.I64, Shape.SCALAR, progress.step()));
            Safetensors.write(parts.resolve(STATE), optimizer);
            Files.write(parts.resolve(PROGRESS), JSON.writeValueAsBytes(progress.toMap()));
            var lines = new ArrayList<String>();
            for (var name : List.of(WEIGHTS, STATE, PROGRESS)) lines.add(hash(parts.resolve(name)) + "  " + name);
            Files.write(parts.resolve(MANIFEST), lines);
            for (var name : List.of(PROGRESS, MANIFEST)) sync(parts.resolve(name));
            delete(target);
            Files.move(parts, target, StandardCopyOption.ATOMIC_MOVE);
            var all = newestFirst();
            for (var old : all.subList(Math.min(keep, all.size()), all.size())) delete(old);
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /** Reads the newest one that is whole; says why others are passed over. */
    Optional<Progress> read(TrainingState state, DType floating, Consumer<String> log) {
        for (var path : newestFirst()) {
            var fault = fault(path);
            if (fault.isEmpty()) return Optional.of(read(path, state, floating));
            log.accept(path + " is passed over: " + fault);
        }
        return Optional.empty();
    }

    private static Progress read(Path path, TrainingState state, DType floating) {
        state.write(WeightFile.read(path.resolve(WEIGHTS), state.parameters(), state.modelBuffers(), true, floating));
        var stored = new LinkedHashMap<>(Safetensors.read(path.resolve(STATE)).tensors());
        stored.remove("step");
        state.write(stored);
        try {
            return Progress.of(JSON.readTree(Files.readAllBytes(path.resolve(PROGRESS))));
        } catch (IOException e) {
            throw failed(path, e);
        }
    }

    /** What is wrong with a checkpoint's files; empty if nothing is. */
    static String fault(Path path) {
        try {
            if (!Files.exists(path.resolve(MANIFEST))) return "it has no manifest";
            for (var line : Files.readAllLines(path.resolve(MANIFEST))) {
                int gap = line.indexOf("  ");
                if (gap < 0) return "its manifest is damaged";
                Path file = path.resolve(line.substring(gap + 2));
                if (!Files.exists(file)) return file.getFileName() + " is missing";
                if (!hash(file).equals(line.substring(0, gap))) return file.getFileName() + " is damaged";
            }
            return "";
        } catch (IOException e) {
            return "it cannot be read (" + e.getMessage() + ")";
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

    private static void sync(Path file) throws IOException {
        try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    private static void delete(Path path) throws IOException {
        if (!Files.exists(path)) return;
        try (var all = Files.walk(path)) {
            for (var p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }

    private static UserException failed(Path where, IOException e) {
        return new UserException(
                Kind.RUNTIME,
                where.toString(),
                "the checkpoint cannot be written or read (" + e + ")",
                "Check permissions and free space; earlier checkpoints are as they were",
                e);
    }
}
