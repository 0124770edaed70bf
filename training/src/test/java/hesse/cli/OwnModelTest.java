package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.models.ModelClass;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.OwnModel;
import hesse.run.RunContext;
import hesse.run.Trainer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A model of one's own, with a loss of its own, trained by PSAM and measured: by the command, and by a program. */
class OwnModelTest {
    private static final JsonMapper JSON = new JsonMapper();

    private static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);

    @TempDir
    private static Path shared;

    private static Path jar;

    @TempDir
    Path folder;

    @BeforeAll
    static void compile() throws IOException {
        jar = OwnModel.jar(shared);
    }

    private static final List<String> SETTINGS = List.of(
            "method={kind: psam, rho: 0.05}",
            "data.limit=64",
            "data.batch=16",
            "optimizer.lr=0.01",
            "device.threads=2");

    private CommandLineRun train(Path run, int steps, String... more) {
        var args = new ArrayList<>(List.of("train", "digits-cnn", "--quiet", "--json", "--out", run.toString()));
        for (var s : SETTINGS) args.addAll(List.of("--set", s));
        args.addAll(List.of("--set", "train.steps=" + steps));
        args.addAll(List.of(more));
        return CommandLineRun.of(args.toArray(String[]::new));
    }

    private static JsonNode json(String... args) {
        return JSON.readTree(CommandLineRun.of(args).done());
    }

    @Test
    void aRunRemembersItsModelAndItsLoss() throws IOException {
        Path run = folder.resolve("run");
        String[] own = {"--model-class", OwnModel.NAME, "--classpath", jar.toString()};
        var half = JSON.readTree(train(run, 6, own).done());
        var config = Files.readString(run.resolve("config.yaml"));
        assertTrue(config.contains(OwnModel.NAME) && config.contains(jar.toString()), config);
        var again = JSON.readTree(
                train(run, 12, "--resume", own[0], own[1], own[2], own[3]).done());
        assertEquals(12, again.path("steps").asInt());
        // √(1 + |z − t|²) is never below 1
        double before = half.path("train").path("loss").asDouble();
        double after = again.path("train").path("loss").asDouble();
        assertTrue(after < before && after > 1, before + " " + after);

        var score = json("evaluate", run.toString(), "--json", "--quiet");
        assertEquals(
                again.path("test").path("loss").asDouble(), score.path("loss").asDouble());
        var top = json("curvature", run.toString(), "--what", "top", "--k", "1", "--limit", "32", "--json", "--quiet");
        assertTrue(top.path("top").path("values").get(0).asDouble() > 0, top::toString);
        var described =
                json("model", "describe", "--config", run.resolve("config.yaml").toString(), "--json");
        assertEquals(
                "stem.weight", described.path("parameters").get(0).path("name").asString());
    }

    @Test
    void itsJarMayMove() throws IOException {
        Path run = folder.resolve("run");
        Path old = Files.copy(jar, folder.resolve("old.jar"));
        train(run, 2, "--model-class", OwnModel.NAME, "--classpath", old.toString())
                .done();
        Files.delete(old);
        assertTrue(CommandLineRun.of("evaluate", run.toString(), "--quiet")
                .failed(2)
                .contains("old.jar"));
        CommandLineRun.of("evaluate", run.toString(), "--quiet", "--classpath", jar.toString())
                .done();
    }

    @Test
    void anotherModelDoesNotGoOnWithTheRun() {
        Path run = folder.resolve("run");
        train(run, 2, "--model-class", OwnModel.NAME, "--classpath", jar.toString())
                .done();
        assertTrue(train(run, 4, "--resume").failed(2).contains("model.class was " + OwnModel.NAME));
    }

    @Test
    void aProgramTrainsItTheSame() throws Exception {
        Path run = folder.resolve("run");
        var result = JSON.readTree(train(run, 6, "--model-class", OwnModel.NAME, "--classpath", jar.toString())
                .done());
        var all = new ArrayList<>(SETTINGS);
        all.addAll(List.of("loss={kind: model}", "train.steps=6"));
        var config = Config.load("digits-cnn", all);
        var own = new RunContext.OwnModel(classes -> ModelClass.load(OwnModel.NAME, List.of(jar), classes));
        try (var context = RunContext.open(config, Optional.empty(), Optional.of(own), line -> {});
                var trainer = new Trainer(context, folder.resolve("program"), false, SILENT)) {
            assertEquals(
                    result.path("train").path("loss").asDouble(), trainer.run().trainLoss());
        }
    }

    @Test
    void mistakesAreNamed() {
        var missing = CommandLineRun.of("train", "digits-cnn", "--model-class", "example.Nothing");
        assertTrue(missing.failed(2).contains("class example.Nothing: is not in this program"));
        var noLoss = CommandLineRun.of(
                "train",
                "digits-mlp",
                "--set",
                "loss={kind: model}",
                "--out",
                folder.resolve("run").toString());
        assertTrue(noLoss.failed(2).contains("does not implement hesse.nn.Loss"), noLoss.failed(2));
    }
}
