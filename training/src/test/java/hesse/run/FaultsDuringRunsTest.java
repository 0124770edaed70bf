package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.cli.Main;
import hesse.data.DataSplits;
import hesse.data.Examples;
import hesse.data.PhotographFiles;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/**
 * Data that vanish or are cut while a run reads them, a loader thread that fails, through the command: one message, exit code 1, a
 * checkpoint of the steps done; and when the data are back the run goes on to the bits of one that was never disturbed.
 */
class FaultsDuringRunsTest {
    private static final int EXAMPLES = 600;
    private static final int FEATURES = 16;
    private static final int MORE = 30;

    @TempDir
    Path folder;

    private record Ended(int code, String err) {}

    private Ended train(Path run, String data, String... more) {
        var all = new ArrayList<>(List.of("train", "digits-mlp", "--quiet", "--json", "--out", run.toString()));
        all.addAll(List.of("--set", "data=" + data, "--set", "model.hidden=[8]", "--set", "device.threads=1"));
        all.addAll(List.of("--set", "optimizer={kind: sgd, lr: 0.01, momentum: 0.9}"));
        all.addAll(List.of(more));
        var err = new ByteArrayOutputStream();
        var out = new PrintStream(new ByteArrayOutputStream());
        int code = Main.run(all.toArray(String[]::new), out, new PrintStream(err, true, StandardCharsets.UTF_8));
        return new Ended(code, err.toString(StandardCharsets.UTF_8));
    }

    private static String steps(long steps) {
        return "train={steps: " + steps + ", log_every: 20, checkpoint_every: 100, keep: 1}";
    }

    /** What is done to the data, or undone. */
    private interface Change {
        void make() throws IOException;
    }

    private void disturbed(String data, Change fault, Change repair, String message) throws Exception {
        var run = folder.resolve("run");
        var ended = new ArrayList<Ended>();
        var training = Thread.ofPlatform().start(() -> ended.add(train(run, data, "--set", steps(100_000_000))));
        var metrics = run.resolve(RunDirectory.METRICS);
        long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
        while (training.isAlive() && (!Files.exists(metrics) || Files.size(metrics) == 0)) {
            assertTrue(System.nanoTime() < deadline, "no step within three minutes");
            Thread.sleep(2);
        }
        fault.make();
        training.join();
        var err = ended.getFirst().err;
        assertEquals(1, ended.getFirst().code, err);
        assertTrue(err.startsWith("hesse train: ") && err.contains(message), err);
        assertEquals(1, err.strip().lines().count(), err);
        assertFalse(err.contains("a defect of Hesse"), err);
        var summary = JsonMapper.shared().readTree(Files.readString(run.resolve("summary.json")));
        assertEquals("failed", summary.path("status").asString());
        long done = summary.path("steps").asLong();
        assertTrue(done > 0, "steps were done before");
        assertTrue(Files.exists(run.resolve("checkpoints/step-%08d/manifest".formatted(done))), "and are kept");

        repair.make();
        var resumed = train(run, data, "--resume", "--set", steps(done + MORE));
        assertEquals(0, resumed.code, resumed.err);
        var undisturbed = folder.resolve("undisturbed");
        assertEquals(0, train(undisturbed, data, "--set", steps(done + MORE)).code);
        SmallRuns.assertSame(undisturbed, run, done + MORE);
    }

    private Path tensors() {
        var random = new Random(1);
        var x = Tensor.allocate(DType.F32, Shape.of(EXAMPLES, FEATURES));
        for (int i = 0; i < x.size(); i++) x.set(i, random.nextGaussian());
        var y = Tensor.allocate(DType.I64, Shape.of(EXAMPLES));
        for (int i = 0; i < y.size(); i++) y.set(i, i % 3);
        var file = folder.resolve("own.safetensors");
        Safetensors.write(file, Map.of("x", x, "y", y));
        return file;
    }

    private Path array() throws IOException {
        var random = new Random(1);
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }\n".formatted(EXAMPLES, FEATURES);
        var bytes = ByteBuffer.allocate(10 + header.length() + 4 * EXAMPLES * FEATURES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) 0x93)
                .put("NUMPY\1\0".getBytes(StandardCharsets.US_ASCII))
                .putShort((short) header.length())
                .put(header.getBytes(StandardCharsets.US_ASCII));
        while (bytes.hasRemaining()) bytes.putFloat((float) random.nextGaussian());
        return Files.write(folder.resolve("x.npy"), bytes.array());
    }

    private Path classes() throws IOException {
        var bytes = ByteBuffer.allocate(8 + EXAMPLES).putInt(0x801).putInt(EXAMPLES);
        for (int i = 0; i < EXAMPLES; i++) bytes.put((byte) (i % 3));
        return Files.write(folder.resolve("y.idx"), bytes.array());
    }

    @ParameterizedTest
    @ValueSource(strings = {"safetensors", "npy"})
    @EnabledOnOs(OS.LINUX)
    void aMappedFileThatIsCutShortEndsTheRunAndIsGoneOnWithWhenItIsWhole(String form) throws Exception {
        String data;
        Path file;
        if (form.equals("npy")) {
            file = array();
            var labels = folder.resolve("y.npy");
            var text = "{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }\n".formatted(EXAMPLES);
            byte[] y = Files.readAllBytes(classes());
            var bytes = ByteBuffer.allocate(10 + text.length() + EXAMPLES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put((byte) 0x93)
                    .put("NUMPY\1\0".getBytes(StandardCharsets.US_ASCII))
                    .putShort((short) text.length())
                    .put(text.getBytes(StandardCharsets.US_ASCII))
                    .put(y, 8, EXAMPLES);
            Files.write(labels, bytes.array());
            data = "{name: npy, train: " + file + ", train_labels: " + labels + ", batch: 16, workers: 2}";
        } else {
            file = tensors();
            data = "{name: file, train: " + file + ", batch: 16, workers: 2}";
        }
        byte[] whole = Files.readAllBytes(file);
        disturbed(
                data,
                () -> {
                    try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                        channel.truncate(100);
                    }
                },
                () -> Files.write(file, whole),
                "a file became shorter or unreadable while it was used");
    }

    @Test
    @EnabledOnOs({OS.LINUX, OS.MAC})
    void aRunWhoseFolderIsMovedAwayEndsWithItsNextLine() throws Exception {
        var run = folder.resolve("run");
        var data = "{name: file, train: " + tensors() + ", batch: 16}";
        var ended = new ArrayList<Ended>();
        var training = Thread.ofPlatform()
                .start(() -> ended.add(
                        train(run, data, "--set", "train={steps: 100000000, log_every: 20, eval_every: 100000000}")));
        var metrics = run.resolve(RunDirectory.METRICS);
        long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
        while (training.isAlive() && (!Files.exists(metrics) || Files.size(metrics) == 0)) {
            assertTrue(System.nanoTime() < deadline, "no step within three minutes");
            Thread.sleep(2);
        }
        Files.move(run, folder.resolve("elsewhere"));
        training.join();
        var err = ended.getFirst().err;
        assertEquals(1, ended.getFirst().code, err);
        assertTrue(err.contains(metrics + ": was removed or moved away while the run wrote it"), err);
        assertFalse(Files.exists(run), "nothing is made anew there");
    }

    @Test
    void aPhotographThatVanishesEndsTheRunWithItsName() throws Exception {
        var photographs = folder.resolve("photographs");
        PhotographFiles.folders(photographs, 3, 7);
        var one = photographs.resolve("n00000001/0002.JPEG");
        byte[] whole = Files.readAllBytes(one);
        disturbed(
                "{name: image-folder, train: " + photographs + ", size: 8, batch: 5, cache: 0, normalize: none,"
                        + " workers: 2}",
                () -> Files.delete(one),
                () -> Files.write(one, whole),
                one + " (example 9): cannot be read (it is not there)");
    }

    @Test
    void aLoaderThreadThatFailsEndsTheRunAfterACheckpoint() throws Exception {
        var data = "{name: file, train: " + tensors() + ", batch: 16, workers: 2}";
        var config = Config.load(
                "digits-mlp",
                List.of(
                        "data=" + data,
                        "model.hidden=[8]",
                        "device.threads=1",
                        "optimizer={kind: sgd, lr: 0.01, momentum: 0.9}",
                        steps(80)));
        var run = folder.resolve("run");
        try (var context = RunContext.open(config, Optional.empty(), Optional.empty(), line -> {})) {
            var splits = context.data();
            var failing = new DataSplits(
                    splits.dataset(),
                    failing(splits.train(), 1000),
                    splits.validation(),
                    splits.test(),
                    splits.normalization());
            var other = new RunContext(config, context.backend(), context.floating(), failing, context.model());
            try (var trainer = new Trainer(other, run, false, SmallRuns.SILENT)) {
                var failure = assertThrows(IllegalStateException.class, trainer::run);
                assertEquals("a loader thread failed: java.lang.ArithmeticException: torn", failure.getMessage());
            }
            var summary = JsonMapper.shared().readTree(Files.readString(run.resolve("summary.json")));
            assertEquals("failed", summary.path("status").asString());
            long done = summary.path("steps").asLong();
            assertTrue(done >= 1000 / 16 - 6 && done <= 1000 / 16, () -> "steps " + done);
            assertTrue(Files.exists(run.resolve("checkpoints/step-%08d/manifest".formatted(done))));
            for (var r : List.of(run, folder.resolve("undisturbed"))) {
                try (var trainer = new Trainer(context, r, r.equals(run), SmallRuns.SILENT)) {
                    trainer.run();
                }
            }
            SmallRuns.assertSame(folder.resolve("undisturbed"), run, 80);
        }
    }

    /** The same examples, of which the n-th to be read is the last. */
    private static Examples failing(Examples sound, int n) {
        var reads = new AtomicInteger();
        return new Examples() {
            @Override
            public Spec spec() {
                return sound.spec();
            }

            @Override
            public int size() {
                return sound.size();
            }

            @Override
            public void input(int index, double[] into) {
                if (reads.incrementAndGet() > n) throw new ArithmeticException("torn");
                sound.input(index, into);
            }

            @Override
            public void target(int index, double[] into) {
                sound.target(index, into);
            }
        };
    }

    @Test
    void aRunIsNotGoneOnWithOnFewerExamples() throws Exception {
        var file = tensors();
        var data = "{name: file, train: " + file + ", batch: 16}";
        var run = folder.resolve("run");
        assertEquals(0, train(run, data, "--set", steps(20)).code);
        var all = Safetensors.read(file).tensors();
        var x = Tensor.allocate(DType.F32, Shape.of(EXAMPLES / 2, FEATURES));
        var y = Tensor.allocate(DType.I64, Shape.of(EXAMPLES / 2));
        for (int i = 0; i < x.size(); i++) x.set(i, all.get("x").get(i));
        for (int i = 0; i < y.size(); i++) y.set(i, i % 3);
        Safetensors.write(file, Map.of("x", x, "y", y));
        var before = Files.readString(run.resolve(RunDirectory.METRICS));
        var refused = train(run, data, "--resume", "--set", steps(40));
        assertEquals(2, refused.code, refused.err);
        assertTrue(refused.err.contains("was trained on 600 examples, the training set has 300"), refused.err);
        assertEquals(before, Files.readString(run.resolve(RunDirectory.METRICS)));
    }

    /** Folders that were renamed, or put together by hand with a manifest that fits. */
    @Test
    void aCheckpointThatIsNotWhatItsNameSaysIsPassedOver() throws Exception {
        var data = "{name: file, train: " + tensors() + ", batch: 16}";
        String[] set = {"--set", "train={steps: 30, log_every: 1, checkpoint_every: 10, keep: 5}"};
        var whole = folder.resolve("whole");
        assertEquals(0, train(whole, data, set).code);
        var run = folder.resolve("run");
        assertEquals(0, train(run, data, set).code);
        var checkpoints = run.resolve("checkpoints");
        Files.move(checkpoints.resolve("step-00000030"), checkpoints.resolve("step-00000025"));
        var forged = checkpoints.resolve("step-00000020");
        var progress = "{\"step\": \"twenty".getBytes(StandardCharsets.US_ASCII);
        Files.write(forged.resolve("state.json"), progress);
        var digest = java.util.HexFormat.of()
                .formatHex(java.security.MessageDigest.getInstance("SHA-256").digest(progress));
        var manifest = forged.resolve("manifest");
        Files.writeString(
                manifest, Files.readString(manifest).replaceAll("[0-9a-f]{64}  state.json", digest + "  state.json"));
        // a name that leads out of the folder makes the manifest a damaged one
        var outside = checkpoints.resolve("step-00000040");
        Files.createDirectories(outside);
        Files.writeString(
                outside.resolve("manifest"),
                Files.readString(checkpoints.resolve("step-00000010/manifest"))
                        .replace("weights.safetensors", "../step-00000010/weights.safetensors"));
        var resumed = train(run, data, "--resume", set[0], set[1]);
        assertEquals(0, resumed.code, resumed.err);
        SmallRuns.assertSame(whole, run, 30);
    }

    /** A folder of checkpoints may lie on another disk. */
    @Test
    @EnabledOnOs({OS.LINUX, OS.MAC})
    void checkpointsMayBeALinkToAFolderElsewhere() throws Exception {
        var data = "{name: file, train: " + tensors() + ", batch: 16}";
        String[] first = {"--set", "train={steps: 20, log_every: 1, checkpoint_every: 10, keep: 1}"};
        String[] all = {"--set", "train={steps: 40, log_every: 1, checkpoint_every: 10, keep: 1}"};
        var whole = folder.resolve("whole");
        assertEquals(0, train(whole, data, all).code);
        var run = folder.resolve("run");
        assertEquals(0, train(run, data, first).code);
        var elsewhere = folder.resolve("elsewhere");
        Files.move(run.resolve("checkpoints"), elsewhere);
        Files.createSymbolicLink(run.resolve("checkpoints"), elsewhere);
        assertEquals(0, train(run, data, "--resume", all[0], all[1]).code);
        SmallRuns.assertSame(whole, run, 40);
        try (var left = Files.list(elsewhere)) {
            assertEquals(
                    List.of("step-00000040"),
                    left.map(p -> p.getFileName().toString()).toList());
        }
    }
}
