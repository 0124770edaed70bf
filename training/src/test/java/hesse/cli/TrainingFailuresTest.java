package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.run.ChildJvm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What ends a training run before its time: one paragraph, the right exit code, and nothing lost. */
class TrainingFailuresTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @TempDir
    Path folder;

    private CommandLineRun train(String config, String... more) {
        var arguments = new ArrayList<>(List.of(
                "train", config, "--quiet", "--out", folder.resolve("run").toString()));
        arguments.addAll(List.of(more));
        return CommandLineRun.of(arguments.toArray(String[]::new));
    }

    private JsonNode summary() throws IOException {
        return JSON.readTree(Files.readString(folder.resolve("run/summary.json")));
    }

    /** Waits until the run has written a line of metrics. */
    private static void awaitSteps(Process process, Path metrics) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
        while (process.isAlive() && (!Files.exists(metrics) || Files.size(metrics) == 0)) {
            assertTrue(System.nanoTime() < deadline, "no step within three minutes");
            Thread.sleep(20);
        }
    }

    @ParameterizedTest
    @CsvSource({"INT,130", "TERM,143"})
    @EnabledOnOs({OS.LINUX, OS.MAC})
    void aSignalStopsTheRunAfterACheckpointFromWhichItGoesOn(String signal, int exit) throws Exception {
        var run = folder.resolve("run");
        var process = ChildJvm.command(
                "-Dx=y",
                "train",
                "digits-mlp",
                "--out",
                run.toString(),
                "--set",
                "train={steps: 100000000, eval_every: 100000000}");
        awaitSteps(process, run.resolve("metrics.jsonl"));
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
                .start()
                .waitFor();
        var outcome = ChildJvm.finish(process);
        assertEquals(exit, outcome.exit(), outcome.err());
        assertFalse(outcome.err().contains("\tat "), outcome.err());
        var summary = summary();
        assertEquals("interrupted", summary.path("status").asString());
        long steps = summary.path("steps").asLong();
        assertTrue(steps > 0, summary::toString);
        assertTrue(Files.exists(run.resolve("checkpoints/step-%08d/manifest".formatted(steps))));
        // and goes on from there, to the end
        train("digits-mlp", "--resume", "--set", "train={steps: " + (steps + 3) + ", eval_every: 100000000}")
                .done();
        assertEquals("done", summary().path("status").asString());
        assertEquals(steps + 3, summary().path("steps").asLong());
    }

    /** A result that is lost is no success; but a reader that has seen enough is none's fault. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void aResultThatCannotBeWrittenEndsWith1() throws Exception {
        var flags = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
        var show = List.of("config", "show", "digits-mlp");
        var full = new ProcessBuilder(ChildJvm.commandLine("hesse.cli.Main", flags, show))
                .redirectOutput(Path.of("/dev/full").toFile())
                .start();
        var outcome = ChildJvm.finish(full);
        assertEquals(1, outcome.exit(), outcome.err());
        assertTrue(outcome.err().contains("cannot be written to standard output (No space left"), outcome.err());
        var gone = ChildJvm.command(flags, show.toArray(String[]::new));
        gone.getInputStream().close();
        assertEquals(0, gone.waitFor());
        assertFalse(new String(gone.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).contains("hesse"));
    }

    @Test
    void anOccupiedFolderEndsWith2AndStaysAsItIs() throws IOException {
        train("digits-mlp", "--set", "train.steps=2", "--set", "data.limit=128").done();
        var before = Files.readString(folder.resolve("run/summary.json"));
        var message = train("digits-mlp", "--set", "train.steps=3").failed(2);
        assertTrue(message.contains("holds a run already") && message.contains("--resume"), message);
        message = train("digits-mlp", "--resume", "--set", "method={kind: sam, rho: 0.1}")
                .failed(2);
        assertTrue(message.contains("method.kind was sgd, is sam"), message);
        assertEquals(before, Files.readString(folder.resolve("run/summary.json")));
    }

    @Test
    void missingAndTruncatedDataEndWith1AndLeaveNoRun() throws IOException {
        var data = Files.createDirectories(folder.resolve("data/mnist"));
        var message = train("mnist-mlp", "--data-dir", folder.resolve("data").toString())
                .failed(1);
        assertTrue(message.contains("train-images-idx3-ubyte") && message.contains(data.toString()), message);
        for (var name : List.of(
                "train-images-idx3-ubyte",
                "train-labels-idx1-ubyte",
                "t10k-images-idx3-ubyte",
                "t10k-labels-idx1-ubyte")) {
            boolean images = name.contains("images");
            var bytes = java.nio.ByteBuffer.allocate(images ? 16 + 100 * 784 - 1 : 8 + 100);
            bytes.putInt(images ? 0x803 : 0x801).putInt(100);
            if (images) bytes.putInt(28).putInt(28);
            Files.write(data.resolve(name), bytes.array());
        }
        message = train("mnist-mlp", "--data-dir", folder.resolve("data").toString())
                .failed(1);
        assertTrue(message.contains("train-images-idx3-ubyte: truncated"), message);
        assertFalse(Files.exists(folder.resolve("run")), "a folder without a run in it");
    }

    /** A border of zeros makes a tensor larger than any memory out of few parameters. */
    @Test
    void aPlanThatDoesNotFitSaysWhatItNeedsWhatIsThereAndWhatWouldHelp() {
        var message = train(
                        "digits-mlp",
                        "--set",
                        "model={kind: cnn, activation: gelu, blocks: [{channels: 512, kernel: 1, padding: 9999},"
                                + " {channels: 512, kernel: 1, pool: global_avg}]}",
                        "--set",
                        "data.batch=2",
                        "--set",
                        "data.augment=none",
                        "--set",
                        "train.steps=1")
                .failed(1);
        assertTrue(message.matches("(?s).*needs \\d{6,} MiB of memory, \\d+ MiB are available.*"), message);
        assertTrue(message.contains("data.batch") && message.contains("train.micro_batch"), message);
    }

    @Test
    void aLossThatIsNotFiniteNamesStepAndLayerAndKeepsTheStateBefore() throws IOException {
        // the first step throws the weights so far that the second one's products overflow
        var message = train(
                        "digits-mlp",
                        "--set",
                        "optimizer={kind: sgd, lr: 1e25}",
                        "--set",
                        "model={kind: mlp, hidden: [64, 64], activation: relu}",
                        "--set",
                        "train.steps=5")
                .failed(1);
        assertTrue(message.contains("step 2: ") && message.contains("those of layer layers.1"), message);
        assertTrue(message.contains("optimizer.lr"), message);
        assertEquals("failed", summary().path("status").asString());
        assertEquals(1, summary().path("steps").asInt());
        assertTrue(Files.exists(folder.resolve("run/checkpoints/step-00000001/manifest")));
    }
}
