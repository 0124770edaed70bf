package hesse.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.error.UserException;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** What a run promises: the same bits however it is computed, batches in parts, nothing lost when it stops. */
class TrainerTest {
    private static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);
    private static final String SMALL_CNN =
            "model={kind: cnn, activation: gelu, blocks: [{channels: 5, kernel: 3, pool: max2, norm: %s}]}";

    @TempDir
    Path folder;

    private Path train(String name, boolean resume, String... set) throws InterruptedException {
        var all = new ArrayList<>(List.of(
                "data.limit=150", "data.batch=40", "data.drop_last=false", "train.log_every=1", "device.threads=2"));
        all.addAll(List.of(set));
        if (all.stream().noneMatch(s -> s.startsWith("train.steps"))) all.add("train.epochs=3");
        Path run = folder.resolve(name);
        try (var context = RunContext.open(
                        Config.load("digits-mlp", all), Optional.empty(), Optional.empty(), line -> {});
                var trainer = new Trainer(context, run, resume, SILENT)) {
            trainer.run();
        }
        return run;
    }

    private static Map<String, Tensor> weights(Path run, long step) {
        return Safetensors.read(run.resolve("checkpoints/step-%08d/weights.safetensors".formatted(step)))
                .tensors();
    }

    static void assertSameRun(Path a, Path b, long step) throws IOException {
        assertEquals(Files.readString(a.resolve("metrics.jsonl")), Files.readString(b.resolve("metrics.jsonl")));
        var last = "checkpoints/step-%08d/".formatted(step);
        for (var file : List.of("weights.safetensors", "state.safetensors", "state.json", "manifest")) {
            assertArrayEquals(
                    Files.readAllBytes(a.resolve(last + file)), Files.readAllBytes(b.resolve(last + file)), file);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{kind: psam, rho: 0.1}", "{kind: hessian_trace, sigma2: 1e-4}"})
    void bitsDoNotDependOnThreads(String method) throws Exception {
        var one = train("one", false, "method=" + method, SMALL_CNN.formatted("batch"), "device.threads=1");
        var three = train("three", false, "method=" + method, SMALL_CNN.formatted("batch"), "device.threads=3");
        assertSameRun(one, three, 12);
    }

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "adamw"})
    void aRunThatLostItsEndGoesOnToTheSameBits(String optimizer) throws Exception {
        String[] set = {
            "method={kind: weight_noise, sigma2: 1e-3}",
            "optimizer.kind=" + optimizer,
            "train.checkpoint_every=5",
            SMALL_CNN.formatted("batch")
        };
        var whole = train("whole", false, set);
        var cut = train("cut", false, set);
        for (var step : List.of("step-00000010", "step-00000012"))
            delete(cut.resolve("checkpoints").resolve(step));
        Files.delete(cut.resolve("summary.json"));
        train("cut", true, set);
        assertSameRun(whole, cut, 12);
    }

    @Test
    void aDamagedCheckpointIsPassedOver() throws Exception {
        var whole = train("whole", false, "train.checkpoint_every=5");
        var cut = train("cut", false, "train.checkpoint_every=5");
        for (var step : List.of(10, 12)) {
            Path file = cut.resolve("checkpoints/step-%08d/weights.safetensors".formatted(step));
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length - 1] ^= 1;
            Files.write(file, bytes);
        }
        train("cut", true, "train.checkpoint_every=5");
        assertSameRun(whole, cut, 12);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.05, 1})
    void theNewestCheckpointsAreKeptAndTheBest(double rate) throws Exception {
        var run = train(
                "run", false, "train.checkpoint_every=2", "train.keep=2", "optimizer={kind: sgd, lr: " + rate + "}");
        var best = JsonMapper.shared()
                .readTree(Files.readString(run.resolve("summary.json")))
                .path("best")
                .path("step")
                .asLong();
        var expected = Stream.of(best, 10L, 12L).distinct().sorted().map("step-%08d"::formatted);
        try (var all = Files.list(run.resolve("checkpoints"))) {
            assertEquals(
                    expected.toList(),
                    all.map(p -> p.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void aRunInUseIsRefusedWithTheNameOfItsOwner() throws Exception {
        var run = train("run", false, "train.steps=2");
        var context = RunContext.open(
                Config.load("digits-mlp", List.of("train.steps=2")), Optional.empty(), Optional.empty(), line -> {});
        try (context;
                var lock = RunLock.take(run)) {
            for (boolean resume : new boolean[] {false, true}) {
                var refused = assertThrows(UserException.class, () -> new Trainer(context, run, resume, SILENT));
                assertEquals(2, refused.exitCode());
                assertTrue(
                        refused.getMessage()
                                .contains("is in use by process "
                                        + ProcessHandle.current().pid()),
                        refused.getMessage());
            }
        }
        try (var lock = RunLock.take(run)) {
            assertTrue(Files.exists(run.resolve(RunLock.NAME)), "free again");
        }
    }

    @Test
    void aRunThatFailsBeforeItsFirstStepLeavesNothing() {
        var refused = assertThrows(
                UserException.class, () -> train("run", false, "train.micro_batch=10", SMALL_CNN.formatted("batch")));
        assertEquals(2, refused.exitCode());
        assertFalse(Files.exists(folder.resolve("run")), "the folder is free for the next try");
    }

    /** What is damaged does not count among the newest that are kept: else the next one written would be removed at once. */
    @Test
    void whatWasPassedOverDoesNotPushOutWhatIsWrittenNext() throws Exception {
        var cut = train("cut", false, "train.checkpoint_every=5");
        Path damaged = cut.resolve("checkpoints/step-00000012");
        Files.write(damaged.resolve("weights.safetensors"), new byte[10]);
        train("cut", true, "train.steps=11", "train.keep=1");
        var lost = train("lost", false, "train.checkpoint_every=5");
        delete(lost.resolve("checkpoints/step-00000012"));
        train("lost", true, "train.steps=11", "train.keep=1");
        assertSameRun(lost, cut, 11);
        assertFalse(Files.exists(damaged));
        assertTrue(Files.exists(cut.resolve("checkpoints/passed-over-step-00000012")), "somebody may want to look");
    }

    @Test
    void aCheckpointOfANewerVersionIsRefusedAndLeft() throws Exception {
        var run = train("run", false, "train.steps=2");
        Path newest = run.resolve("checkpoints/step-00000002");
        var progress = newest.resolve("state.json");
        Files.writeString(progress, Files.readString(progress).replace("\"format\":1", "\"format\":2"));
        Files.writeString(newest.resolve("more.bin"), "what only that version knows");
        var manifest = new StringBuilder();
        for (var name : List.of("weights.safetensors", "state.safetensors", "state.json", "more.bin")) {
            var digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(newest.resolve(name)));
            manifest.append(HexFormat.of().formatHex(digest) + "  " + name + "\n");
        }
        Files.writeString(newest.resolve("manifest"), manifest);
        var metrics = Files.readString(run.resolve("metrics.jsonl"));
        var refused = assertThrows(UserException.class, () -> train("run", true, "train.steps=4"));
        assertEquals(1, refused.exitCode());
        assertTrue(refused.getMessage().contains("was written by a newer version of Hesse"), refused.getMessage());
        assertEquals(metrics, Files.readString(run.resolve("metrics.jsonl")));
        assertEquals(manifest.toString(), Files.readString(run.resolve("checkpoints/step-00000002/manifest")));
    }

    /** Arabic has digits of its own, and a Turkish i has no dot where it is large. */
    @ParameterizedTest
    @ValueSource(strings = {"ar-EG", "tr-TR"})
    void theUsersLanguageDoesNotReachTheFiles(String language) throws Exception {
        train("usual", false, "train.steps=2");
        var usual = train("usual", true, "train.steps=4");
        var before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.forLanguageTag(language));
            train("run", false, "train.steps=2");
            train("run", true, "train.steps=4");
        } finally {
            Locale.setDefault(before);
        }
        assertSameRun(usual, folder.resolve("run"), 4);
    }

    /** Metrics that a power cut took back are computed again, from a checkpoint that they still reach up to. */
    @Test
    void aCheckpointWhoseMetricsAreLostIsPassedOver() throws Exception {
        var whole = train("whole", false, "train.checkpoint_every=5");
        var cut = train("cut", false, "train.checkpoint_every=5");
        var metrics = cut.resolve("metrics.jsonl");
        var lines = Files.readAllLines(metrics);
        Files.writeString(metrics, String.join("\n", lines.subList(0, lines.size() - 2)));
        train("cut", true, "train.checkpoint_every=5");
        assertSameRun(whole, cut, 12);
    }

    @Test
    void anOccupiedFolderIsRefusedAndLeftAsItWas() throws Exception {
        var run = train("run", false, "train.steps=2");
        var before = Files.readString(run.resolve("metrics.jsonl"));
        var refused = assertThrows(UserException.class, () -> train("run", false, "train.steps=2"));
        assertEquals(2, refused.exitCode());
        var differs = assertThrows(
                UserException.class,
                () -> train("run", true, "train.steps=4", "optimizer.lr=0.3", "train.log_every=2"));
        assertEquals(2, differs.exitCode());
        assertTrue(differs.getMessage().contains("optimizer.lr was 0.05, is 0.3"), differs.getMessage());
        assertFalse(differs.getMessage().contains("log_every"), differs.getMessage());
        assertEquals(before, Files.readString(run.resolve("metrics.jsonl")));
    }

    @Test
    void aLossThatIsNotFiniteLeavesTheStateOfTheStepBeforeAndNamesTheLayer() throws Exception {
        // the first step throws the weights so far that the second one's products overflow
        String[] set = {
            "optimizer={kind: sgd, lr: 1e25}",
            "model.activation=relu",
            "model.hidden=[64, 64]",
            "train.checkpoint_every=1"
        };
        var good = train(
                "good",
                false,
                "optimizer={kind: sgd, lr: 1e25}",
                "model.activation=relu",
                "model.hidden=[64, 64]",
                "train.steps=1");
        var failure = assertThrows(UserException.class, () -> train("bad", false, set));
        assertEquals(1, failure.exitCode());
        assertTrue(failure.getMessage().startsWith("step 2: "), failure.getMessage());
        assertTrue(failure.getMessage().contains("those of layer layers.1"), failure.getMessage());
        var expected = weights(good, 1);
        var actual = weights(folder.resolve("bad"), 1);
        expected.forEach((name, t) ->
                assertArrayEquals(t.toDoubleArray(), actual.get(name).toDoubleArray(), name));
        assertTrue(Files.readString(folder.resolve("bad/summary.json")).contains("\"failed\""));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{kind: sgd}",
                "{kind: sam, rho: 0.05}",
                "{kind: sam, rho: 0.05, m: 4}",
                "{kind: asam, rho: 0.5}",
                "{kind: usam, rho: 0.1}",
                "{kind: psam, rho: 0.1}",
                "{kind: psam, rho: 0.1, nme: only_activation}",
                "{kind: pusam, rho: 0.05}",
                "{kind: gradient_penalty, rho: 0.1, p: 3}",
                "{kind: fd_gradient_penalty, rho: 0.1, radius: 0.02}",
                "{kind: hessian_trace, sigma2: 1e-3, probes: 2}",
                "{kind: gn_trace, sigma2: 1e-3, estimator: sampled_labels}",
                "{kind: gn_trace, sigma2: 1e-3, estimator: straight_through}",
                "{kind: gn_trace, sigma2: 1e-3, estimator: hutchinson}",
                "{kind: trace_mix, sigma2: 1e-3, c: 0.5}",
                "{kind: weight_noise, sigma2: 1e-3}"
            })
    void aBatchInPartsGivesTheWholeBatchsSteps(String method) throws Exception {
        String[] set = {
            "method=" + method,
            SMALL_CNN.formatted("layer"),
            "device.precision=f64",
            "train.steps=4",
            "optimizer.clip_norm=1"
        };
        var whole = train("whole", false, set);
        var more = new ArrayList<>(List.of(set));
        more.add("train.micro_batch=16");
        var parts = train("parts", false, more.toArray(String[]::new));
        var a = weights(whole, 4);
        var b = weights(parts, 4);
        double norm = Golden.norm(List.copyOf(a.values()));
        a.forEach((name, t) -> {
            double error = Golden.distance(t, b.get(name)) / norm;
            assertTrue(error < 1e-12, () -> name + " is off by " + error);
        });
    }

    @Test
    void batchStatisticsCannotBeTakenInParts() throws Exception {
        var refused = assertThrows(
                UserException.class, () -> train("run", false, "train.micro_batch=10", SMALL_CNN.formatted("batch")));
        assertEquals(2, refused.exitCode());
        assertTrue(refused.getMessage().contains("norm_statistics"), refused.getMessage());
        var run = train(
                "micro",
                false,
                "train.micro_batch=10",
                "method.norm_statistics=micro",
                "train.steps=3",
                SMALL_CNN.formatted("batch"));
        assertEquals(
                3, weights(run, 3).get("blocks.0.norm.num_batches_tracked").get(0), "statistics advance once a step");
    }

    @Test
    void perturbationsAtIntervalsArePlainStepsBetween() throws Exception {
        String[] few = {"train.steps=1", "method={kind: sam, rho: 0.5, interval: 2}"};
        String[] plain = {"train.steps=1", "method={kind: sgd}"};
        assertFalse(sameWeights(train("a", false, few), train("b", false, plain), 1), "the first step is perturbed");
        var two = train("c", false, "train.steps=2", "method={kind: sam, rho: 0.5, interval: 2}");
        var text = Files.readAllLines(two.resolve("metrics.jsonl"));
        assertTrue(text.get(1).contains("\"update_cosine\":1.0") || text.get(1).contains("\"update_cosine\":0.99999"));
    }

    private static boolean sameWeights(Path a, Path b, long step) {
        var other = weights(b, step);
        return weights(a, step).entrySet().stream()
                .allMatch(e -> Golden.distance(e.getValue(), other.get(e.getKey())) == 0);
    }

    @ParameterizedTest
    @CsvSource({"0.9,0", "0,1e-3"})
    void progressOutsideATerminalIsPlainLines(double momentum, double decay) throws Exception {
        var err = new ByteArrayOutputStream();
        var console = new Console(System.out, new PrintStream(err, true, StandardCharsets.UTF_8), false, false, false);
        var config = Config.load(
                "digits-mlp",
                List.of(
                        "data.limit=80",
                        "data.batch=40",
                        "train.epochs=2",
                        "optimizer={kind: sgd, lr: 0.1, momentum: " + momentum + ", weight_decay: " + decay + "}"));
        try (var context = RunContext.open(config, Optional.empty(), Optional.empty(), line -> {});
                var trainer = new Trainer(context, folder.resolve("run"), false, console)) {
            var result = trainer.run();
            assertEquals(4, result.steps());
        }
        var lines = err.toString(StandardCharsets.UTF_8).lines().toList();
        assertEquals(2, lines.size(), lines::toString);
        assertTrue(lines.getLast().startsWith("step 4/4: train loss "), lines::toString);
    }

    private static void delete(Path path) throws IOException {
        try (var all = Files.walk(path)) {
            for (var p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }
}
