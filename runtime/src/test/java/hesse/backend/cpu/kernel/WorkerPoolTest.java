package hesse.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

/** The worker pool: every task once, failures reach the caller. */
class WorkerPoolTest {
    @Test
    void everyTaskRunsOnce() throws InterruptedException {
        for (int threads : new int[] {1, 2, 3, 7}) {
            try (var pool = new WorkerPool(threads)) {
                for (int job = 0; job < 3000; job++) {
                    int count = job % 40;
                    var seen = new AtomicIntegerArray(count);
                    pool.run(count, (task, worker) -> {
                        assertTrue(worker < threads);
                        seen.incrementAndGet(task);
                    });
                    for (int i = 0; i < count; i++) assertEquals(1, seen.get(i), "task " + i + " of job " + job);
                    // Now and then long enough for the threads to park.
                    if (job % 1000 == 500) Thread.sleep(2);
                }
            }
        }
    }

    @Test
    void aFailureReachesTheCallerAndThePoolLivesOn() {
        try (var pool = new WorkerPool(3)) {
            for (int i = 0; i < 50; i++) {
                int bad = i;
                var thrown = assertThrows(
                        ArithmeticException.class,
                        () -> pool.run(50, (task, worker) -> {
                            if (task == bad) throw new ArithmeticException("task " + task);
                        }));
                assertEquals("task " + bad, thrown.getMessage());
                var count = new AtomicIntegerArray(1);
                pool.run(20, (task, worker) -> count.incrementAndGet(0));
                assertEquals(20, count.get(0));
            }
        }
    }

    @Test
    void jobsWithinJobsAndAfterTheEndAreRefused() {
        var pool = new WorkerPool(2);
        assertThrows(IllegalStateException.class, () -> pool.run(1, (t, w) -> pool.run(1, (u, x) -> {})));
        // Also from the other threads, which would wait for themselves.
        var met = new CyclicBarrier(2);
        assertThrows(
                IllegalStateException.class,
                () -> pool.run(2, (t, w) -> {
                    try {
                        met.await();
                    } catch (InterruptedException | BrokenBarrierException e) {
                        throw new AssertionError(e);
                    }
                    if (w > 0) pool.run(1, (u, x) -> {});
                }));
        pool.close();
        assertThrows(IllegalStateException.class, () -> pool.run(4, (t, w) -> {}));
    }
}
