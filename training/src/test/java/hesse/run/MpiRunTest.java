package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
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
                kinds.containsAll(List.of("gradient", "hvp", "grad_vhv", "update of psam", "update of sam")),
                () -> "" + kinds);
    }

    @Test
    void metricsAreThoseOfOneProcessAndRunsGoOnWithAnotherNumberOfRanks() throws Exception {
        String[] six = {"--set", "train.steps=6", "--set", "optimizer.schedule=constant"};
        String[] nine = {"--set", "train.steps=9", "--set", "optimizer.schedule=constant", "--resume"};
        done(new ProcessBuilder(hesse(run("one", six))).start());
        done(new ProcessBuilder(hesse(run("one", nine))).start());
        done(mpirun(2, List.of(), hesse(run("several", six))));
        done(mpirun(4, List.of(), hesse(run("several", nine))));
        var alone = metrics("one");
        var several = metrics("several");
        assertEquals(alone.size(), several.size());
        for (int i = 0; i < alone.size(); i++) {
            for (var name : alone.get(i).propertyNames()) {
                if (!alone.get(i).get(name).isNumber()) continue;
                double expected = alone.get(i).get(name).asDouble();
                assertEquals(
                        expected, several.get(i).get(name).asDouble(), 1e-9 * Math.max(1, Math.abs(expected)), name);
            }
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

    /** The others notice by themselves, whatever the launcher does. */
    @Test
    void aKilledRankEndsTheOthersAndTheLastCheckpointIsGood() throws Exception {
        var arguments = run("killed", "--set", "train.steps=100000", "--set", "train.checkpoint_every=5");
        // else mpirun itself would end them
        var started = mpirun(3, List.of("--enable-recovery"), hesse(arguments));
        var outcome = new java.util.concurrent.atomic.AtomicReference<ChildJvm.Outcome>();
        var reader = Thread.ofVirtual().start(() -> {
            try {
                outcome.set(ChildJvm.finish(started));
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        Path checkpoints = folder.resolve("killed/checkpoints/step-00000005");
        for (int i = 0; i < 1200 && !Files.exists(checkpoints); i++) Thread.sleep(100);
        assertTrue(Files.exists(checkpoints), "no checkpoint after two minutes");
        var ranks = started.toHandle()
                .children()
                .filter(p -> p.info().command().orElse("").endsWith("java"))
                .toList();
        assertEquals(3, ranks.size());
        long before = System.nanoTime();
        ranks.get(2).destroyForcibly();
        for (var p : ranks) p.onExit().get(60, TimeUnit.SECONDS);
        double seconds = (System.nanoTime() - before) / 1e9;
        assertTrue(seconds < 30, "the others ended after " + seconds + " s");
        reader.join();
        assertTrue(
                outcome.get()
                        .err()
                        .matches("(?s).*rank \\d \\(.*, process " + ranks.get(2).pid() + "\\) has died.*"),
                outcome.get().err());
        var folderOfRun = new CheckpointFolder(folder.resolve("killed"));
        assertEquals("", CheckpointFolder.fault(folderOfRun.newestFirst().getFirst()));
    }
}
