package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/**
 * A run under a clock of the calendar that jumps by a day with every look, forth and back: nothing but the dates of events changes. The
 * clock is a library that stands before the system's; without a C compiler the test skips.
 */
@Tag("slow")
class JumpingClockTest {
    private static final int STEPS = 30;
    private static final String CLOCK = """
            #define _GNU_SOURCE
            #include <sys/syscall.h>
            #include <sys/time.h>
            #include <time.h>
            #include <unistd.h>

            static int looks;

            int clock_gettime(clockid_t clock, struct timespec *t) {
                int code = syscall(SYS_clock_gettime, clock, t);
                if (clock == CLOCK_REALTIME) t->tv_sec += (__atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED) % 2 ? 1 : -1) * 86400;
                return code;
            }

            int gettimeofday(struct timeval *t, void *zone) {
                struct timespec now;
                clock_gettime(CLOCK_REALTIME, &now);
                t->tv_sec = now.tv_sec;
                t->tv_usec = now.tv_nsec / 1000;
                return 0;
            }
            """;

    @TempDir
    Path folder;

    private Path clock() throws IOException, InterruptedException {
        var source = Files.writeString(folder.resolve("clock.c"), CLOCK);
        var library = folder.resolve("clock.so");
        int code;
        try {
            code = new ProcessBuilder("gcc", "-shared", "-fPIC", "-o", library.toString(), source.toString())
                    .inheritIO()
                    .start()
                    .waitFor();
        } catch (IOException e) {
            code = -1;
        }
        assumeTrue(code == 0, "no C compiler");
        return library;
    }

    private ChildJvm.Outcome train(Path run, Map<String, String> environment) throws IOException, InterruptedException {
        var arguments = new ArrayList<>(List.of("train", "digits-cnn", "--quiet", "--json", "--out", run.toString()));
        for (var setting : SmallRuns.settings(STEPS, 10)) arguments.addAll(List.of("--set", setting));
        var builder = new ProcessBuilder(
                ChildJvm.commandLine("hesse.cli.Main", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC", arguments));
        builder.environment().putAll(environment);
        return ChildJvm.finish(builder.start());
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aClockThatJumpsChangesNothingButDates() throws Exception {
        var steady = train(folder.resolve("steady"), Map.of());
        assertEquals(0, steady.exit(), steady.err());
        long before = System.currentTimeMillis() / 1000;
        var jumping = train(folder.resolve("jumping"), Map.of("LD_PRELOAD", clock().toString()));
        long after = System.currentTimeMillis() / 1000;
        assertEquals(0, jumping.exit(), jumping.err());
        assertEquals(steady.err(), jumping.err());
        SmallRuns.assertSame(folder.resolve("steady"), folder.resolve("jumping"), STEPS);

        for (var line : Files.readAllLines(folder.resolve("jumping/timings.jsonl"))) {
            double seconds = JsonMapper.shared().readTree(line).path("seconds").asDouble();
            assertTrue(seconds > 0 && seconds < after - before + 1, line);
        }
        var dates = EventRecords.read(folder.resolve("jumping").resolve(EventFile.NAME)).stream()
                .mapToDouble(EventRecords.Event::wallTime)
                .summaryStatistics();
        assertTrue(dates.getMin() < before - 80_000 && dates.getMax() > after + 80_000, "the clock did jump: " + dates);
    }
}
