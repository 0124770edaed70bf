package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.error.UserException;
import hesse.run.FaultyDisk.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whatever fails while a run writes, and at whatever write: one clear message, and the run goes on to the bits of an undisturbed one. */
class CheckpointFaultsTest {
    private static final int STEPS = 6;

    private static RunContext context;

    @TempDir
    static Path folder;

    private static Path undisturbed;

    @BeforeAll
    static void anUndisturbedRun() throws Exception {
        var config = Config.load("digits-cnn", SmallRuns.settings(STEPS, 2));
        context = RunContext.open(config, Optional.empty(), Optional.empty(), line -> {});
        undisturbed = folder.resolve("undisturbed");
        train(undisturbed);
    }

    @AfterAll
    static void close() {
        context.close();
    }

    private static void train(Path run) throws InterruptedException {
        try (var trainer = new Trainer(context, run, true, SmallRuns.SILENT)) {
            trainer.run();
        }
    }

    private static long changesOfARun() throws Exception {
        var disk = new FaultyDisk(Fault.REFUSED, 0);
        var run = folder.resolve("counted");
        train(disk.path(run));
        SmallRuns.assertSame(undisturbed, run, STEPS);
        delete(run);
        return disk.changes();
    }

    private static void goesOnAfter(Fault fault, long at) throws Exception {
        var run = folder.resolve(fault + "-" + at);
        var disk = new FaultyDisk(fault, at);
        try {
            train(disk.path(run));
            // a fault that was made good on the spot: folders are made in two attempts
            assertTrue(fault == Fault.REFUSED || fault == Fault.CUT_SHORT, () -> fault + " at " + at);
        } catch (UserException failure) {
            assertTrue(failure.getMessage().contains(disk.reason()), failure.getMessage());
            assertTrue(failure.getMessage().contains(run.toString()), failure.getMessage());
            assertEquals(1, failure.exitCode());
        }
        train(run);
        SmallRuns.assertSame(undisturbed, run, STEPS);
        delete(run);
    }

    @ParameterizedTest
    @EnumSource
    void aFaultAtARandomWriteLosesNothing(Fault fault) throws Exception {
        long seed = System.nanoTime();
        var random = new Random(seed);
        long changes = changesOfARun();
        try {
            for (int i = 0; i < 3; i++) goesOnAfter(fault, 1 + random.nextLong(changes));
        } catch (AssertionError e) {
            throw new AssertionError("seed " + seed, e);
        }
    }

    @Tag("slow")
    @ParameterizedTest
    @EnumSource
    void aFaultAtEveryWriteInTurnLosesNothing(Fault fault) throws Exception {
        long changes = changesOfARun();
        for (long at = 1; at <= changes; at++) goesOnAfter(fault, at);
        System.out.println(fault + " at each of " + changes + " changes of the disk: all with the undisturbed bits");
    }

    @Test
    void tooLittleRoomForACheckpointIsSaidBeforeTheFirstStep() throws Exception {
        var disk = new FaultyDisk(Fault.REFUSED, 0);
        disk.room(1000);
        var run = folder.resolve("narrow");
        var refused = assertThrows(UserException.class, () -> train(disk.path(run)));
        assertTrue(
                refused.getMessage().contains("a checkpoint needs 0.3 MiB, the disk has 0.0 MiB left"),
                refused.getMessage());
        assertEquals(1, refused.exitCode());
        assertFalse(Files.exists(run), "nothing is left of a run that never began");
    }

    @Test
    void aDiskWhoseRoomNobodyKnowsStopsNoRun() throws Exception {
        var disk = new FaultyDisk(Fault.REFUSED, 0);
        disk.unmounted();
        var run = folder.resolve("unmounted");
        train(disk.path(run));
        SmallRuns.assertSame(undisturbed, run, STEPS);
        delete(run);
    }

    private static void delete(Path path) throws IOException {
        try (var all = Files.walk(path)) {
            for (var p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }
}
