package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Runs of several processes on this machine, started by {@code mpirun}. */
@Tag("mpi")
@Tag("alone")
class MpiRunTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final List<String> RUN = List.of(
            "train",
            "digits-cnn",
            "--set",
            "method={kind: psam, rho: 0.1}",
            "--set",
            "model.norm=batch",
            "--set",
            "train.log_every=1",
            "--precision",
            "f64",
            "--threads",
            "1",
            "--backend",
            "cpu");

    @TempDir
    Path folder;

    @BeforeEach
    void mpirunIsThere() {
        boolean there = List.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)).stream()
                .anyMatch(p -> Files.isExecutable(Path.of(p, "mpirun")));
        assumeTrue(there, "no mpirun here: runs of several processes are not tried");
    }

    private static Process mpirun(int ranks, List<String> options, List<String> java) throws IOException {
        var command = new ArrayList<>(List.of("mpirun", "--oversubscribe", "--allow-run-as-root", "-n", ranks + ""));
        command.addAll(options);
        // by env, for Open MPI 4 puts the working directory before what follows any argument of java with "cp" in it,
        // as in "cpu"
        command.add("env");
        command.addAll(java);
        return new ProcessBuilder(command).start();
    }

    private static List<String> hesse(List<String> arguments) {
        return ChildJvm.commandLine("hesse.cli.Main", "-XX:+UseSerialGC", arguments);
    }

    private List<String> run(String out, String... more) {
        var all = new ArrayList<>(RUN);
        all.addAll(List.of("--out", folder.resolve(out).toString()));
        all.addAll(List.of(more));
        return all;
    }

    /** Derivatives and updates of the global batch, batch norm synchronised, in f64. */
    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    void updatesAreThoseOfOneProcess(int ranks) throws Exception {
        long seed = RandomGenerator.getDefault().nextLong();
        var outcome = ChildJvm.finish(mpirun(
                ranks,
                List.of(),
                ChildJvm.commandLine("hesse.sharpness.RankUpdates", "-XX:+UseSerialGC", List.of(seed + ""))));
        assertEquals(0, outcome.exit(), outcome.err());
        var kinds = new ArrayList<String>();
        for (var line : outcome.out().lines().toList()) {
            int gap = line.lastIndexOf(' ');
            kinds.add(line.substring(0, gap));
            double error = Double.parseDouble(line.substring(gap + 1));
            assertTrue(error <= 1e-12, line + ", seed " + seed);
        }
        assertTrue(
                kinds.containsAll(List.of(
                        "gradient",
                        "hvp",
                        "grad_vhv",
                        "update of psam",
                        "update of sam",
                        "update of hessian_trace",
                        "update of gn_trace hutchinson",
                        "eigenvalue 1",
                        "trace of hessian")),
                () -> "" + kinds);
    }

    /** One, two, four, one: a run made by any numbers of ranks in turn is that of one process, augmentation and probes included. */
    @Test
    void metricsAreThoseOfOneProcessAndRunsGoOnWithAnotherNumberOfRanks() throws Exception {
        var settings = List.of(
                "--set",
                "optimizer.schedule=constant",
                "--set",
                "train.eval_every=2",
                "--set",
                "data.augment=[{kind: crop, padding: 1}]",
                "--set",
                "probes=[{kind: trace, every: 4, probes: 2}]");
        int steps = 2;
        for (int ranks : new int[] {1, 2, 4, 1}) {
            var more = new ArrayList<>(settings);
            more.addAll(List.of("--set", "train.steps=" + steps));
            if (steps > 2) more.add("--resume");
            var several = hesse(run("several", more.toArray(String[]::new)));
            done(ranks == 1 ? new ProcessBuilder(several).start() : mpirun(ranks, List.of(), several));
            steps += 2;
        }
        var whole = new ArrayList<>(settings);
        whole.addAll(List.of("--set", "train.steps=8"));
        done(new ProcessBuilder(hesse(run("one", whole.toArray(String[]::new)))).start());
        var alone = metrics("one");
        var several = metrics("several");
        assertTrue(alone.stream().anyMatch(m -> m.has("probe")) && alone.size() > 8, alone::toString);
        assertEquals(alone.size(), several.size());
        for (int i = 0; i < alone.size(); i++) assertClose("line " + i, alone.get(i), several.get(i));
    }

    private static void assertClose(String name, JsonNode expected, JsonNode actual) {
        if (expected.isNumber()) {
            double e = expected.asDouble();
            assertEquals(e, actual.asDouble(), 1e-9 * Math.max(1, Math.abs(e)), name);
        } else if (expected.isObject()) {
            assertEquals(
                    expected.propertyNames().toString(), actual.propertyNames().toString(), name);
            expected.properties()
                    .forEach(p -> assertClose(name + " " + p.getKey(), p.getValue(), actual.get(p.getKey())));
        } else if (expected.isArray()) {
            assertEquals(expected.size(), actual.size(), name);
            for (int i = 0; i < expected.size(); i++) assertClose(name + " " + i, expected.get(i), actual.get(i));
        } else {
            assertEquals(expected, actual, name);
        }
    }

    private static void done(Process process) throws IOException, InterruptedException {
        var outcome = ChildJvm.finish(process);
        assertEquals(0, outcome.exit(), () -> outcome.err());
    }

    private List<JsonNode> metrics(String run) throws IOException {
        return Files.readAllLines(folder.resolve(run).resolve("metrics.jsonl")).stream()
                .map(JSON::readTree)
                .toList();
    }

    /** A run that goes on and on, and the processes of its ranks, in order. */
    private final class Endless implements AutoCloseable {
        final Process launcher;
        final List<ProcessHandle> ranks;
        private final AtomicReference<ChildJvm.Outcome> outcome = new AtomicReference<>();
        private final Thread reader;

        Endless(String out, int size, List<String> options, List<String> before) throws Exception {
            var arguments = run(out, "--set", "train.steps=100000", "--set", "train.checkpoint_every=5");
            var command = new ArrayList<>(before);
            command.addAll(hesse(arguments));
            launcher = mpirun(size, options, command);
            reader = Thread.ofVirtual().start(() -> {
                try {
                    outcome.set(ChildJvm.finish(launcher));
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            Path checkpoint = folder.resolve(out + "/checkpoints/step-00000005");
            for (int i = 0; i < 1800 && !Files.exists(checkpoint) && launcher.isAlive(); i++) Thread.sleep(100);
            ranks = launcher.toHandle()
                    .descendants()
                    .filter(p -> p.info().command().orElse("").endsWith("java"))
                    .sorted(Comparator.comparing(ProcessHandle::pid))
                    .toList();
            if (!Files.exists(checkpoint) || ranks.size() != size) {
                launcher.destroy();
                reader.join();
                fail("no checkpoint after three minutes, " + ranks + ": " + outcome.get());
            }
        }

        /** Seconds until all ranks have ended. */
        double untilAllHaveEnded(long before) throws Exception {
            for (var p : ranks) p.onExit().get(60, TimeUnit.SECONDS);
            return (System.nanoTime() - before) / 1e9;
        }

        ChildJvm.Outcome outcome() throws InterruptedException {
            reader.join();
            return outcome.get();
        }

        @Override
        public void close() {
            ranks.forEach(ProcessHandle::destroyForcibly);
            launcher.destroyForcibly();
        }
    }

    private void lastCheckpointIsGood(String out) throws Exception {
        var newest = new CheckpointFolder(folder.resolve(out)).newestFirst().getFirst();
        assertEquals("", CheckpointFolder.fault(newest));
        int step = Integer.parseInt(newest.getFileName().toString().substring(5));
        done(mpirun(2, List.of(), hesse(run(out, "--resume", "--set", "train.steps=" + (step + 2)))));
    }

    /** The others notice by themselves, whatever the launcher does, and each of them ends with code 1. */
    @Test
    void aKilledRankEndsTheOthersAndTheLastCheckpointIsGood() throws Exception {
        // else mpirun itself would end them
        var recovery = List.of("--enable-recovery");
        var telling = List.of("sh", "-c", "\"$@\"; echo \"rank $OMPI_COMM_WORLD_RANK ended with $?\" >&2", "sh");
        try (var run = new Endless("killed", 3, recovery, telling)) {
            long before = System.nanoTime();
            run.ranks.get(2).destroyForcibly();
            double seconds = run.untilAllHaveEnded(before);
            assertTrue(seconds < 30, "the others ended after " + seconds + " s");
            var err = run.outcome().err();
            var killed = Pattern.compile("rank (\\d) ended with 137").matcher(err);
            assertTrue(killed.find(), err);
            for (int r = 0; r < 3; r++) {
                if (killed.group(1).equals(r + "")) continue;
                assertTrue(err.contains("rank " + r + " ended with 1\n"), err);
            }
            assertTrue(
                    err.matches("(?s).*rank " + killed.group(1) + " \\([^)]*, process "
                            + run.ranks.get(2).pid() + "\\) has died.*"),
                    err);
        }
        lastCheckpointIsGood("killed");
    }

    /** A stopped process does not die, and its connections stay. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aStoppedRankEndsTheOthersAndNothingIsLeftBehind(int which) throws Exception {
        String out = "stopped-" + which;
        try (var run = new Endless(out, 2, List.of(), List.of())) {
            var stopped = run.ranks.get(which);
            long before = System.nanoTime();
            assertEquals(
                    0,
                    new ProcessBuilder("kill", "-STOP", stopped.pid() + "")
                            .start()
                            .waitFor());
            double seconds = run.untilAllHaveEnded(before);
            var outcome = run.outcome();
            assertTrue(seconds < 30, "the ranks ended after " + seconds + " s: " + outcome.err());
            assertEquals(1, outcome.exit(), outcome.err());
            assertTrue(
                    outcome.err()
                            .matches("(?s).*rank \\d \\([^)]*, process " + stopped.pid()
                                    + "\\) has given no sign of life for \\d+ s; all 2 ranks end.*"),
                    outcome.err());
            assertTrue(run.ranks.stream().noneMatch(ProcessHandle::isAlive));
        }
        lastCheckpointIsGood(out);
    }

    /** Whichever rank is told: all stop after the same step, none leaves before rank 0 has saved, and nobody is called dead. */
    @Test
    void aRankThatIsAskedToEndStopsAllBehindACheckpoint() throws Exception {
        try (var run = new Endless("asked", 2, List.of(), List.of())) {
            long before = System.nanoTime();
            assertEquals(
                    0,
                    new ProcessBuilder("kill", "-TERM", run.ranks.getLast().pid() + "")
                            .start()
                            .waitFor());
            run.untilAllHaveEnded(before);
            var outcome = run.outcome();
            assertTrue(outcome.exit() == 130 || outcome.exit() == 143, outcome.exit() + outcome.err());
            assertTrue(!outcome.err().contains("has died"), outcome.err());
            var summary = JSON.readTree(folder.resolve("asked/summary.json").toFile());
            assertEquals("interrupted", summary.get("status").asString());
            assertTrue(Files.exists(folder.resolve(
                    "asked/checkpoints/step-%08d".formatted(summary.get("steps").asInt()))));
        }
        lastCheckpointIsGood("asked");
    }

    @Test
    void ranksOfDifferentConfigurationsAreRefused() throws Exception {
        var first = new ArrayList<>(hesse(run("different", "--set", "train.steps=5")));
        first.addAll(List.of(":", "-n", "1", "env"));
        first.addAll(hesse(run("different", "--set", "train.steps=5", "--set", "data.batch=22")));
        var outcome = ChildJvm.finish(mpirun(1, List.of(), first));
        assertEquals(2, outcome.exit(), outcome.err());
        assertTrue(outcome.err().contains("the 2 ranks do not agree: rank 1 has data.batch 22"), outcome.err());
        assertTrue(Files.notExists(folder.resolve("different")), "a folder was made");
    }

    /** Commands that measure are divided among the ranks too; those that make many runs say that they are not. */
    @Test
    void otherCommandsComputeTogetherOrRefuse() throws Exception {
        done(new ProcessBuilder(hesse(run("trained", "--set", "train.steps=2"))).start());
        var curvature = List.of(
                "curvature",
                folder.resolve("trained").toString(),
                "--what",
                "top,trace,density",
                "--k",
                "1",
                "--probes",
                "3",
                "--limit",
                "101",
                "--json",
                "--threads",
                "1");
        var alone = json(new ProcessBuilder(hesse(curvature)).start());
        var together = json(mpirun(2, List.of(), hesse(curvature)));
        assertClose("loss", alone.get("loss"), together.get("loss"));
        assertClose("top", alone.get("top").get("values"), together.get("top").get("values"));
        assertClose("trace", alone.get("trace"), together.get("trace"));
        assertEquals(alone.propertyNames().toString(), together.propertyNames().toString());

        var evaluate = List.of("evaluate", folder.resolve("trained").toString(), "--json", "--threads", "1");
        assertClose(
                "score",
                json(new ProcessBuilder(hesse(evaluate)).start()),
                json(mpirun(2, List.of(), hesse(evaluate))));

        products();

        var refused = ChildJvm.finish(mpirun(2, List.of(), hesse(List.of("quickstart"))));
        assertEquals(2, refused.exit(), refused.err());
        assertTrue(refused.err().contains("runs in one process, and Open MPI started 2"), refused.err());
    }

    private void products() throws Exception {
        var random = new SplittableRandom(3);
        var x = Tensor.allocate(DType.F32, Shape.of(11, 1, 8, 8));
        for (long i = 0; i < x.size(); i++) x.set(i, random.nextGaussian());
        var y = Tensor.allocate(DType.I64, Shape.of(11));
        for (long i = 0; i < y.size(); i++) y.data().setAtIndex(Tensor.I64, i, random.nextInt(10));
        Path batch = folder.resolve("batch.safetensors");
        Safetensors.write(batch, Map.of("x", x, "y", y), Map.of());
        var results = new ArrayList<Map<String, Tensor>>();
        for (int ranks : new int[] {1, 2}) {
            Path out = folder.resolve("products-" + ranks + ".safetensors");
            var product = List.of(
                    "product",
                    "--config",
                    folder.resolve("trained/config.yaml").toString(),
                    "--set",
                    "model.inputs=[1, 8, 8]",
                    "--set",
                    "model.classes=10",
                    "--weights",
                    folder.resolve("trained/checkpoints/step-00000002/weights.safetensors")
                            .toString(),
                    "--batch",
                    batch.toString(),
                    "--precision",
                    "f64",
                    "--threads",
                    "1",
                    "--out",
                    out.toString());
            done(ranks == 1 ? new ProcessBuilder(hesse(product)).start() : mpirun(ranks, List.of(), hesse(product)));
            results.add(Safetensors.read(out).tensors());
        }
        assertEquals(results.getFirst().keySet(), results.getLast().keySet());
        results.getFirst().forEach((name, t) -> {
            double[] expected = t.toDoubleArray();
            double[] actual = results.getLast().get(name).toDoubleArray();
            double norm = 0;
            double difference = 0;
            for (int i = 0; i < expected.length; i++) {
                norm = Math.hypot(norm, expected[i]);
                difference = Math.hypot(difference, expected[i] - actual[i]);
            }
            // a bias before a norm has a derivative of zero: rounding
            assertTrue(difference <= 1e-12 * Math.max(1, norm), name + " is off by " + difference + " of " + norm);
        });
    }

    private static JsonNode json(Process process) throws IOException, InterruptedException {
        var outcome = ChildJvm.finish(process);
        assertEquals(0, outcome.exit(), outcome::err);
        return JSON.readTree(outcome.out());
    }
}
