package hesse.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A run that holds all that a run can: PSAM, momentum, batch norm, augmentation, two loader threads; and what equal runs are. */
final class SmallRuns {
    static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);

    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final List<String> PARTS =
            List.of("weights.safetensors", "state.safetensors", "state.json", "manifest");

    private SmallRuns() {}

    /** Settings on top of {@code digits-cnn}. */
    static List<String> settings(int steps, int checkpointEvery, String... more) {
        var all = new ArrayList<>(List.of(
                "model.blocks=[{channels: 4, kernel: 3, norm: batch, pool: max2}]",
                "method={kind: psam, rho: 0.1}",
                "optimizer={kind: sgd, lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 1e-4, schedule: cosine}",
                "data.augment=[{kind: crop, padding: 1, fill: zero}]",
                "data.batch=16",
                "data.limit=100",
                "data.workers=2",
                "train={steps: " + steps + ", seed: 3, log_every: 1, eval_every: 40, checkpoint_every: "
                        + checkpointEvery + ", keep: 2}",
                "device.threads=1"));
        all.addAll(List.of(more));
        return all;
    }

    /** Asserts that two runs came to the same bits; everything but timings counts. */
    static void assertSame(Path a, Path b, long steps) throws IOException {
        assertEquals(Files.readString(a.resolve("metrics.jsonl")), Files.readString(b.resolve("metrics.jsonl")));
        var last = "checkpoints/step-%08d/".formatted(steps);
        for (var part : PARTS) {
            assertArrayEquals(
                    Files.readAllBytes(a.resolve(last + part)), Files.readAllBytes(b.resolve(last + part)), part);
        }
        assertEquals(summary(a), summary(b));
        assertEquals(Files.readString(a.resolve("config.yaml")), Files.readString(b.resolve("config.yaml")));
    }

    private static JsonNode summary(Path run) throws IOException {
        var all = (ObjectNode) JSON.readTree(Files.readString(run.resolve("summary.json")));
        for (var key : List.of("timing", "device", "versions")) all.remove(key);
        return all;
    }
}
