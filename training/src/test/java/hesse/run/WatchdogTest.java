package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.run.Watchdog.Work;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A run that hangs is reported once at the limit, again at twice the limit, and never while it goes on. */
class WatchdogTest {
    @Test
    void hangingWorkIsReportedByNameAndLessAndLessOften() {
        var now = new AtomicLong(Long.MAX_VALUE - 5); // a clock that wraps around
        var reports = new ArrayList<String>();
        var dog = new Watchdog(10, reports::add, now::get);
        for (int step = 0; step < 100; step++) {
            dog.enter(Work.WAITING);
            now.addAndGet(9_000_000_000L);
            dog.look();
            dog.enter(Work.STEPPING);
            now.addAndGet(9_000_000_000L);
            dog.look();
        }
        assertEquals(0, reports.size(), reports::toString);
        dog.enter(Work.WAITING);
        for (int second = 0; second < 75; second++) {
            now.addAndGet(1_000_000_000L);
            dog.look();
        }
        assertEquals(3, reports.size(), "after 11, 21 and 41 seconds: " + reports);
        assertTrue(reports.getFirst().startsWith("no progress for 11 s: waiting for the loader. "), reports::toString);
    }

    @Test
    void aHangingThreadIsShownWithWhatItIsAt() throws Exception {
        var reports = new LinkedBlockingQueue<String>();
        var release = new CountDownLatch(1);
        var loader = Thread.ofPlatform().name("hesse-loader").start(() -> {
            try {
                release.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        try (var dog = new Watchdog(0.02, reports::add)) {
            dog.enter(Work.EVALUATING);
            var report = reports.poll(1, TimeUnit.MINUTES);
            assertTrue(report != null && report.contains("evaluating"), String.valueOf(report));
            assertTrue(report.contains("hesse-loader is waiting in "), report);
        } finally {
            release.countDown();
            loader.join();
        }
    }
}
