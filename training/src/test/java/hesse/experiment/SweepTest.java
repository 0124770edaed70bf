package hesse.experiment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.config.ConfigException;
import hesse.data.DataFolders;
import hesse.run.Config;
import hesse.run.Console;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a sweep's file means, how its runs are named, and that it leaves the same table however it is made. */
class SweepTest {
    @TempDir
    Path folder;

    private static final DataFolders DATA = DataFolders.of(Optional.empty());

    private Sweep sweep(String yaml) throws IOException {
        return Sweep.load(Files.writeString(folder.resolve("sweep.yaml"), yaml));
    }

    private static List<PlannedRun> runs(Sweep sweep, String... overrides) {
        return sweep.runs(List.of(overrides), new RunIdentity(DATA, "test"));
    }

    @Test
    void gridListAndSeedsMultiply() throws IOException {
        var sweep = sweep("""
                base: digits-mlp
                set: {train.epochs: 1}
                list: [{method.kind: sgd}, {method: {kind: sam, rho: 0.1}}]
                grid: {optimizer.lr: [0.1, 0.2], data.batch: [32, 64, 128]}
                seeds: [3, 5]
                """);
        var runs = runs(sweep);
        assertEquals(2 * 2 * 3 * 2, runs.size());
        assertEquals(24, new HashSet<>(runs.stream().map(PlannedRun::hash).toList()).size());
        assertEquals(List.of("method.kind", "optimizer.lr", "data.batch", "method"), List.copyOf(sweep.keys()));
        var last = runs.getLast();
        assertEquals(5, last.config().train().seed());
        assertEquals(128, last.config().requireData().batch());
        assertEquals(0.2, last.config().optimizer().learningRate());
    }

    @Test
    void randomDrawsLieInTheirRangesAndDoNotDependOnEachOther() throws IOException {
        String yaml = """
                base: digits-mlp
                random: {n: %d, seed: 4, optimizer.lr: {log: [1.0e-4, 1]}, train.epochs: {whole: [1, 9]},
                         data.batch: [16, 32], optimizer.momentum: {uniform: [0.1, 0.9]}}
                """;
        var few = runs(sweep(yaml.formatted(3)));
        var many = runs(sweep(yaml.formatted(40)));
        for (int i = 0; i < 3; i++) assertEquals(few.get(i).swept(), many.get(i).swept());
        var rates =
                many.stream().map(r -> r.config().optimizer().learningRate()).toList();
        assertTrue(rates.stream().allMatch(r -> r >= 1e-4 && r <= 1));
        long small = rates.stream().filter(r -> r < 1e-2).count();
        assertTrue(small > 8 && small < 32, "half of the logarithm lies below 0.01: " + rates);
        assertEquals(40, new HashSet<>(rates).size());
        var other = runs(sweep(yaml.formatted(3).replace("seed: 4", "seed: 5")));
        assertNotEquals(few.getFirst().swept(), other.getFirst().swept());
    }

    @Test
    void mistakesAreNamed() {
        for (var yaml : List.of(
                "grid: {optimizer.lr: [1]}",
                "base: digits-mlp\ngrids: {}",
                "base: digits-mlp\nrandom: {optimizer.lr: {log: [0.1, 1]}}",
                "base: digits-mlp\nrandom: {n: 2, optimizer.lr: {log: [0, 1]}}",
                "base: digits-mlp\nlist: [3]")) {
            assertThrows(ConfigException.class, () -> sweep(yaml), yaml);
        }
        assertThrows(ConfigException.class, () -> runs(sweep("base: digits-mlp\ngrid: {optimizer.lr: [fast]}")));
    }

    @Test
    void aRunIsNamedByWhatItComputes() {
        var identity = new RunIdentity(DATA, "1");
        var config = Config.load("digits-mlp", List.of());
        String name = identity.of(config, Task.TRAIN);
        assertEquals(name, new RunIdentity(DATA, "1").of(Config.load("digits-mlp", List.of()), Task.TRAIN));
        for (var same : List.of("device.threads=2", "train.checkpoint_every=5", "train.keep=1")) {
            assertEquals(name, identity.of(Config.load("digits-mlp", List.of(same)), Task.TRAIN), same);
        }
        for (var other : List.of("train.seed=1", "optimizer.lr=0.3", "probes=[{kind: norms}]", "train.epochs=3")) {
            assertNotEquals(name, identity.of(Config.load("digits-mlp", List.of(other)), Task.TRAIN), other);
        }
        assertNotEquals(name, new RunIdentity(DATA, "2").of(config, Task.TRAIN));
    }

    @Test
    void dataOfOtherContentAreOtherRuns() throws IOException {
        var set = List.of(
                "data={name: text, train: " + folder.resolve("a.txt") + ", context: 8, batch: 2}",
                "model={kind: transformer, vocab: 128, context: 8, layers: 1, heads: 1, key_size: 4, width: 4}");
        Files.writeString(folder.resolve("a.txt"), "to be or not to be, that is the question. ".repeat(20));
        String before = new RunIdentity(DATA, "1").of(Config.load("shakespeare-transformer", set), Task.TRAIN);
        Files.writeString(folder.resolve("a.txt"), "whether 'tis nobler in the mind to suffer. ".repeat(20));
        String after = new RunIdentity(DATA, "1").of(Config.load("shakespeare-transformer", set), Task.TRAIN);
        assertNotEquals(before, after);
    }

    @Test
    void shardsAreDisjointAndTogetherAll() throws IOException {
        var runs = runs(sweep("base: digits-mlp\ngrid: {optimizer.lr: [0.1, 0.2, 0.3]}\nseeds: 4"));
        var found = new ArrayList<PlannedRun>();
        for (int i = 1; i <= 5; i++) found.addAll(Sweeper.shard(runs, i, 5));
        assertEquals(runs.size(), found.size());
        assertEquals(new HashSet<>(runs), new HashSet<>(found));
    }

    private static final String TINY = """
            base: digits-mlp
            set: {model.hidden: [4], train.steps: 6, data.batch: 32, data.limit: 64, train.log_every: 2}
            grid: {optimizer.lr: [0.05, 1.0e+18]}
            seeds: 2
            """;

    private String made(Sweep sweep, List<PlannedRun> runs, Path at, int jobs) throws InterruptedException {
        var silent = new Console(
                new PrintStream(OutputStream.nullOutputStream()),
                new PrintStream(OutputStream.nullOutputStream()),
                true,
                false,
                false);
        var outcome = new Sweeper(new Sweeper.Options(at, jobs, false, DATA), silent).run(runs);
        assertEquals(0, outcome.count(RunRecord.Status.OPEN) + outcome.count(RunRecord.Status.FAILED));
        return RunTable.of(runs, sweep.keys(), at);
    }

    @Test
    void theTableIsTheSameForAnyNumberOfJobsAndHoldsWhatDiverged() throws Exception {
        var sweep = sweep(TINY);
        var runs = runs(sweep, "device.threads=1");
        String one = made(sweep, runs, folder.resolve("one"), 1);
        String two = made(sweep, runs.reversed(), folder.resolve("two"), 2);
        assertEquals(one, two);
        var lines = one.lines().toList();
        assertEquals(5, lines.size());
        assertTrue(lines.getFirst().startsWith("hash,status,optimizer.lr,seed,"), lines.getFirst());
        assertTrue(lines.getFirst().contains("test.accuracy"), lines.getFirst());
        assertEquals(
                2, lines.stream().filter(l -> l.contains(",diverged,1.0e+18,")).count());
        assertEquals(2, lines.stream().filter(l -> l.contains(",done,0.05,")).count());
        assertEquals(lines.subList(1, 5).stream().sorted().toList(), lines.subList(1, 5));
    }

    @Test
    void runsThatEndedAreNotMadeAgain() throws Exception {
        var sweep = sweep(TINY);
        var runs = runs(sweep, "device.threads=1");
        var at = folder.resolve("runs");
        made(sweep, runs, at, 1);
        var summary = at.resolve(runs.getFirst().hash()).resolve("summary.json");
        var before = Files.getLastModifiedTime(summary);
        made(sweep, runs, at, 1);
        assertEquals(before, Files.getLastModifiedTime(summary));
    }
}
