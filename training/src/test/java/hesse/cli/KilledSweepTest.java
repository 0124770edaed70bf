package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import hesse.run.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A sweep that is killed at random moments and resumed leaves the table of one that was not, byte for byte. */
class KilledSweepTest {
    private static final int KILLS = 6;
    private static final int SHORTEST_MILLIS = 1500;
    private static final int LONGEST_MILLIS = 6000;

    @TempDir
    Path folder;

    private Process start(String out) throws IOException {
        return ChildJvm.command(
                "-Xshare:auto",
                "sweep",
                folder.resolve("sweep.yaml").toString(),
                "--out",
                folder.resolve(out).toString(),
                "--resume",
                "--backend",
                "cpu",
                "--threads",
                "1");
    }

    @Test
    @Tag("slow")
    void leavesTheSameTable() throws IOException, InterruptedException {
        Files.writeString(folder.resolve("sweep.yaml"), """
                base: digits-mlp
                set: {model.hidden: [16], train.epochs: 4, train.checkpoint_every: 7}
                list: [{method: {kind: sam, rho: 0.1}}, {method: {kind: psam, rho: 0.1}}]
                grid: {optimizer.lr: [0.1, 1.0e+18]}
                seeds: 3
                """);
        long seed = System.nanoTime();
        var random = new SplittableRandom(seed);
        for (int i = 0; i < KILLS; i++) {
            var process = start("killed");
            process.waitFor(random.nextInt(SHORTEST_MILLIS, LONGEST_MILLIS), TimeUnit.MILLISECONDS);
            process.destroyForcibly().waitFor();
        }
        // half of the runs diverge
        assertEquals(1, ChildJvm.finish(start("killed")).exit(), "seed " + seed);
        assertEquals(1, ChildJvm.finish(start("whole")).exit());
        assertEquals(
                Files.readString(folder.resolve("whole/table.csv")),
                Files.readString(folder.resolve("killed/table.csv")),
                "seed " + seed);
    }
}
