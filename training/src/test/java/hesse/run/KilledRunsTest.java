package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A process that trains is killed with -9 at random moments, from its start to its end, and started again, until the run is done: it has
 * the bits of an undisturbed one. How many kills: {@code -Dhesse.kills=200}; {@code docs/reliability.md} has the whole command.
 */
@Tag("slow")
class KilledRunsTest {
    private static final int STEPS = 250;
    private static final int KILLS = Integer.getInteger("hesse.kills", 5);
    /** Quick to start: one compiler, and no vectors, which are slow without the other. */
    private static final String FLAGS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dhesse.vector.bits=none";

    @TempDir
    Path folder;

    private static Process start(Path run) throws java.io.IOException {
        var arguments = new ArrayList<>(List.of("train", "digits-cnn", "--quiet", "--json", "--resume"));
        arguments.addAll(List.of("--out", run.toString()));
        for (var setting : SmallRuns.settings(STEPS, 10)) arguments.addAll(List.of("--set", setting));
        return ChildJvm.command(FLAGS, arguments.toArray(String[]::new));
    }

    @Test
    void aRunKilledAtAnyMomentAndResumedHasTheBitsOfAnUndisturbedOne() throws Exception {
        long seed = Long.getLong("hesse.seed", System.nanoTime());
        var random = new Random(seed);
        long before = System.nanoTime();
        var outcome = ChildJvm.finish(start(folder.resolve("undisturbed")));
        long length = System.nanoTime() - before;
        assertEquals(0, outcome.exit(), outcome.err());

        int kills = 0;
        int runs = 0;
        var run = folder.resolve("run-0");
        while (true) {
            var process = start(run);
            long moment = (long) (random.nextDouble() * length);
            boolean undisturbed = kills == KILLS;
            if (!undisturbed && !process.waitFor(moment, TimeUnit.NANOSECONDS)) {
                process.destroyForcibly();
                process.waitFor();
                kills++;
                continue;
            }
            outcome = ChildJvm.finish(process);
            assertEquals(0, outcome.exit(), outcome.err() + " seed " + seed);
            SmallRuns.assertSame(folder.resolve("undisturbed"), run, STEPS);
            runs++;
            if (kills == KILLS) break;
            run = folder.resolve("run-" + runs);
        }
        System.out.println(kills + " kills in " + runs + " runs of " + STEPS + " steps, seed " + seed
                + ": all with the bits of the undisturbed run");
        assertTrue(runs > 0);
    }
}
