package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.run.Presets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The commands train, evaluate and quickstart from outside. */
class TrainCommandTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @TempDir
    Path folder;

    private JsonNode train(String... more) {
        var arguments = new java.util.ArrayList<>(java.util.List.of(
                "train",
                "digits-mlp",
                "--quiet",
                "--json",
                "--set",
                "train.steps=30",
                "--set",
                "data.limit=320",
                "--out",
                folder.resolve("run").toString()));
        arguments.addAll(java.util.List.of(more));
        return JSON.readTree(CommandLineRun.of(arguments.toArray(String[]::new)).done());
    }

    @Test
    void thePresetsAreListed() {
        var text = CommandLineRun.of("train", "--list").done();
        for (var name : Presets.NAMES) assertTrue(text.contains(name), text);
    }

    @Test
    void whatARunEndsWithIsWhatEvaluationFinds() throws Exception {
        var result = train("--set", "method={kind: psam, rho: 0.05}");
        assertEquals(30, result.path("steps").asInt());
        assertTrue(result.path("lambda_1").path("value").asDouble() > 0, result::toString);
        var run = folder.resolve("run");
        var score = JSON.readTree(CommandLineRun.of("evaluate", run.toString(), "--json", "--quiet")
                .done());
        assertEquals(360, score.path("examples").asInt());
        assertEquals(
                result.path("test").path("loss").asDouble(), score.path("loss").asDouble());
        assertEquals(
                result.path("test").path("accuracy").asDouble(),
                score.path("accuracy").asDouble());
        assertEquals(10, score.path("classes").size());
        var summary = JSON.readTree(Files.readString(run.resolve("summary.json")));
        assertEquals("done", summary.path("status").asString());
    }

    @Test
    void mistakesEndWithTwo() {
        assertTrue(CommandLineRun.of("train").failed(2).contains("CONFIG"));
        assertTrue(
                CommandLineRun.of("train", "digits-mlp", "--resume").failed(2).contains("--out"));
        assertTrue(CommandLineRun.of("evaluate").failed(2).contains("--weights"));
        assertTrue(CommandLineRun.of("evaluate", folder.toString()).failed(2).contains("holds no run"));
    }

    @Test
    void theQuickstartComparesMethodsAndWritesItsReport() throws Exception {
        var text = CommandLineRun.of(
                        "quickstart",
                        "--quiet",
                        "--seconds=1",
                        "--set",
                        "train.epochs=3",
                        "--set",
                        "data.limit=200",
                        "--out",
                        folder.resolve("quick").toString())
                .done();
        assertEquals(
                2, text.lines().filter(l -> l.matches("(GELU|ReLU) +PSAM .*")).count(), text);
        assertTrue(text.contains("With ReLU, against SGD: SAM ends at "), text);
        assertTrue(text.contains("within the noise"), text);
        var page = Files.readString(folder.resolve("quick/report.html"));
        assertTrue(page.contains("<h1>Hesse quickstart</h1>"));
        assertTrue(page.contains("With ReLU, against SGD: SAM ends at "));
        assertTrue(page.contains("\"label\":\"psam, relu, rho 0.1\""));
        assertTrue(page.contains("\"title\":\"Test loss\""));

        var again = folder.resolve("again.html");
        var result = JSON.readTree(
                CommandLineRun.of("report", folder.resolve("quick").toString(), "-o", again.toString(), "--json")
                        .done());
        assertEquals(6, result.path("groups").asInt());
        assertEquals(12, result.path("runs").asInt());
        assertTrue(Files.readString(again).contains("<title>Report on runs</title>"));
        assertTrue(CommandLineRun.of("report").failed(2).contains("RUN"));
        assertTrue(CommandLineRun.of("report", folder.resolve("nowhere").toString())
                .failed(1)
                .contains("does not exist"));
    }
}
