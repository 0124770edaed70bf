package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.data.DataException;
import hesse.data.PhotographFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whole runs on texts, photographs and mixtures. */
class DataRunsTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @TempDir
    Path folder;

    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private Path train(String name, String yaml, boolean resume, String... set) throws Exception {
        var config = Files.writeString(folder.resolve("run.yaml"), yaml);
        var log = new PrintStream(err, true, StandardCharsets.UTF_8);
        var console = new Console(log, log, false, false, false);
        var run = folder.resolve(name);
        try (var context = RunContext.open(
                        Config.load(config.toString(), List.of(set)), Optional.of(folder), Optional.empty(), l -> {});
                var trainer = new Trainer(context, run, resume, console)) {
            trainer.run();
        }
        return run;
    }

    private static JsonNode summary(Path run) throws IOException {
        return JSON.readTree(Files.readString(run.resolve("summary.json")));
    }

    @Test
    void aTransformerLearnsAText() throws Exception {
        Files.writeString(folder.resolve("book.txt"), "to be or not to be, ".repeat(200));
        var yaml = """
                model: {kind: transformer, context: 16, layers: 1, heads: 2, key_size: 4, width: 8, mlp_ratio: 2}
                data: {name: text, train: book.txt, vocabulary: characters, batch: 20}
                optimizer: {kind: adam, lr: 0.03}
                train: {steps: 60, seed: 1}
                """;
        var run = train("text", yaml, false);
        var test = summary(run).path("test");
        assertTrue(test.path("loss").asDouble() < 1.5, test.toString());
        assertTrue(test.path("accuracy").asDouble() > 0.4, test.toString());
        // the context is the model's
        assertTrue(Files.readString(run.resolve("config.yaml")).contains("context: 16"));
        var ascii =
                train("ascii", yaml, false, "data.vocabulary=ascii", "train.steps=1", "method={kind: psam, rho: 0.1}");
        assertEquals("done", summary(ascii).path("status").asString());
    }

    private static final String PHOTOGRAPHS = """
            model: {kind: cnn, blocks: [{channels: 4, kernel: 3, pool: max2}], activation: gelu}
            data:
              name: image-folder
              train: photographs
              test: photographs
              batch: 5
              size: 16
              resize: 20
              unreadable: skip
              augment: [{kind: resized_crop, size: 16}, flip]
            train: {epochs: 3, seed: 3, log_every: 1, checkpoint_every: 3}
            """;

    @Test
    void damagedPhotographsAreReportedAndCountedAndChangeNoBit() throws Exception {
        PhotographFiles.folders(folder.resolve("photographs"), 3, 7);
        for (var name : List.of("n00000000/0003.JPEG", "n00000002/0000.JPEG")) {
            var file = folder.resolve("photographs").resolve(name);
            Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 700));
        }
        var one = train("one", PHOTOGRAPHS, false, "data.workers=1");
        var three = train("three", PHOTOGRAPHS, false, "data.workers=3", "data.cache=10");
        var metrics = Files.readString(one.resolve("metrics.jsonl"));
        assertEquals(metrics, Files.readString(three.resolve("metrics.jsonl")));
        int count = summary(one).path("unreadable_examples").asInt();
        // four batches of five of 21 examples in each of three epochs
        assertTrue(count >= 3 && count <= 6, "count " + count);
        assertEquals(count, summary(three).path("unreadable_examples").asInt());
        var text = err.toString(StandardCharsets.UTF_8);
        assertTrue(text.contains("passed over: ") && text.contains("n00000000/0003.JPEG (example 3): "), text);
        assertTrue(text.contains("n00000002/0000.JPEG (example 14): "), text);

        // resumed in the middle of an epoch
        var half = train("half", PHOTOGRAPHS, false, "train.steps=6");
        assertEquals("done", summary(half).path("status").asString());
        train("half", PHOTOGRAPHS, true, "data.workers=2");
        assertEquals(last(metrics), last(Files.readString(half.resolve("metrics.jsonl"))));
        assertEquals(count, summary(half).path("unreadable_examples").asInt());

        var e = assertThrows(DataException.class, () -> train("fatal", PHOTOGRAPHS, false, "data.unreadable=fatal"));
        assertEquals(1, e.exitCode());
        assertTrue(String.valueOf(e.getMessage()).contains("(example "), e.getMessage());
    }

    private static String last(String lines) {
        return lines.lines().reduce("", (a, b) -> b);
    }

    @Test
    void mixturesTrainAndCountTheLargerShare() throws Exception {
        var yaml = """
                model: {kind: mlp, hidden: [16]}
                data: {name: digits, batch: 32, augment: [{kind: cutout, size: 3}, {kind: mixup, alpha: 0.4}]}
                method: {kind: psam, rho: 0.05}
                train: {epochs: 2, seed: 1, log_every: 1}
                """;
        var run = train("mixed", yaml, false);
        var first = Files.readAllLines(run.resolve("metrics.jsonl")).getFirst();
        assertTrue(first.contains("\"split\":\"train\"") && first.contains("\"accuracy\""), first);
        var summary = summary(run);
        assertTrue(summary.path("test").path("accuracy").asDouble() > 0.15, summary.toString());
    }
}
