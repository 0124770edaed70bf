package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code hesse sweep} from outside: its folder, its exit codes, and what it refuses. */
class SweepCommandTest {
    @TempDir
    Path folder;

    private Path file;
    private String out;

    @BeforeEach
    void names() {
        file = folder.resolve("sweep.yaml");
        out = folder.resolve("out").toString();
    }

    private void write(String grid) throws IOException {
        Files.writeString(
                file,
                "base: digits-mlp\nset: {model.hidden: [4], train.steps: 4, data.batch: 32, data.limit: 64}\n" + grid);
    }

    private CommandLineRun sweep(String... more) {
        var all = new java.util.ArrayList<>(java.util.List.of(
                "sweep", file.toString(), "--out", out, "--threads", "1", "--backend", "cpu", "--quiet"));
        all.addAll(java.util.List.of(more));
        return CommandLineRun.of(all.toArray(String[]::new));
    }

    @Test
    void writesRunsAndTableAndGoesOnOnlyWhenAsked() throws IOException {
        write("grid: {optimizer.lr: [0.1, 0.2]}\nseeds: 2");
        assertTrue(sweep("--json").done().contains("\"done\" : 4"));
        var table = folder.resolve("out/table.csv");
        byte[] first = Files.readAllBytes(table);
        try (var runs = Files.list(folder.resolve("out/runs"))) {
            assertEquals(4, runs.count());
        }
        assertTrue(sweep().failed(2).contains("--resume"));
        sweep("--resume").done();
        assertEquals(-1, java.util.Arrays.mismatch(first, Files.readAllBytes(table)));
    }

    @Test
    void shardsOverOneFolderMakeOneTable() throws IOException {
        write("grid: {optimizer.lr: [0.1, 0.2, 0.3]}");
        sweep("--shard", "1/2").done();
        sweep("--shard", "2/2").done();
        assertEquals(4, Files.readAllLines(folder.resolve("out/table.csv")).size());
    }

    @Test
    void whatDivergesIsRecordedAndMakesTheExitCodeOne() throws IOException {
        write("grid: {optimizer.lr: [0.1, 1.0e+18]}");
        var run = sweep();
        assertEquals(1, run.code(), run.err());
        assertTrue(run.out().contains("1 of 2 runs done, 1 diverged, 0 failed"), run.out());
        assertEquals(1, sweep("--resume").code());
        assertEquals(1, sweep("--resume", "--retry-failed").code());
    }

    @Test
    void mistakesEndWithTwo() throws IOException {
        write("grid: {optimizer.speed: [1]}");
        assertTrue(sweep().failed(2).contains("speed"));
        write("grid: {optimizer.lr: [0.1]}");
        assertTrue(sweep("--shard", "3/2").failed(2).contains("--shard"));
        assertTrue(sweep("--jobs", "0").failed(2).contains("--jobs"));
    }
}
