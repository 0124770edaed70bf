package hesse.backend.cpu.kernel;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that works through the numbered tasks of one job at a time; the calling thread takes part.
 *
 * <p>Which thread takes which task is left to chance (so that a delayed thread delays nobody); results do not depend on it because
 * tasks are cut by shape alone and share no sums. Running a job allocates nothing. Idle threads spin for some microseconds, for the
 * next kernel of a step usually follows at once, and then park.
 */
public final class WorkerPool implements AutoCloseable {
    /** A job: its tasks may run in any order, on any thread, at the same time. */
    @FunctionalInterface
    public interface Task {
        /**
         * Does one task.
         *
         * @param task the task's number
         * @param worker the number of the thread, below {@link #threads()}, for buffers of its own; the caller is 0
         */
        void run(int task, int worker);
    }

    private static final long SPIN_NANOS = 50_000;

    private final Thread[] workers;
    private final boolean[] parked;
    /** Job number in the upper half, next task in the lower: one compare-and-set claims a task of the right job. */
    private final AtomicLong claim = new AtomicLong();

    private final AtomicInteger done = new AtomicInteger();
    private volatile @Nullable Throwable failure;
    private volatile boolean callerParked;
    private volatile boolean closed;
    // Written before, and published by, `claim`.
    private int tasks;
    private @Nullable Task job;
    private @Nullable Thread caller;

    /** A pool of {@code threads} threads, the caller included. */
    public WorkerPool(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("a worker pool takes at least one thread, got " + threads);
        }
        workers = new Thread[threads - 1];
        parked = new boolean[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            int worker = i + 1;
            workers[i] =
                    Thread.ofPlatform().daemon().name("hesse-worker-" + worker).start(() -> work(worker));
        }
    }

    /** The number of threads that share the work. */
    public int threads() {
        return workers.length + 1;
    }

    /**
     * Runs tasks 0 … {@code count} − 1 of {@code task} and returns when all have ended. What they wrote is visible to the caller.
     *
     * @throws IllegalStateException if the pool is closed or a task calls it
     */
    public void run(int count, Task task) {
        var thread = Thread.currentThread();
        for (var worker : workers) {
            if (worker == thread) throw nested();
        }
        runAsCaller(count, task, thread);
    }

    private synchronized void runAsCaller(int count, Task task, Thread thread) {
        if (closed) {
            throw new IllegalStateException("the worker pool is closed");
        }
        if (caller != null) throw nested();
        caller = thread;
        try {
            if (workers.length == 0 || count <= 1) {
                for (int i = 0; i < count; i++) task.run(i, 0);
            } else {
                runShared(count, task);
            }
        } finally {
            caller = null;
        }
    }

    private static IllegalStateException nested() {
        return new IllegalStateException("a task of a worker pool cannot run another job on it");
    }

    private void runShared(int count, Task task) {
        long next = (claim.get() >>> 32) + 1 << 32;
        // Until the fields are written nothing may be claimed: neither of this job nor, by a late thread, of the one
        // before.
        claim.set(next | Integer.MAX_VALUE);
        failure = null;
        tasks = count;
        job = task;
        done.set(0);
        claim.set(next);
        wake(Math.min(workers.length, count - 1));
        drain(0);
        if (done.get() < count) await(count);
        job = null;
        var thrown = failure;
        if (thrown != null) {
            failure = null;
            throw rethrown(thrown);
        }
    }

    private void await(int count) {
        long deadline = System.nanoTime() + SPIN_NANOS;
        while (done.get() < count) {
            if (System.nanoTime() < deadline) {
                Thread.onSpinWait();
            } else {
                callerParked = true;
                while (done.get() < count) LockSupport.park(this);
                callerParked = false;
            }
        }
    }

    private void wake(int wanted) {
        synchronized (parked) {
            for (int i = 0; i < workers.length && wanted > 0; i++) {
                if (parked[i]) {
                    parked[i] = false;
                    LockSupport.unpark(workers[i]);
                }
                wanted--;
            }
        }
    }

    private void work(int worker) {
        long deadline = System.nanoTime() + SPIN_NANOS;
        while (!closed) {
            if (drain(worker)) {
                deadline = System.nanoTime() + SPIN_NANOS;
            } else if (System.nanoTime() < deadline) {
                Thread.onSpinWait();
            } else {
                long seen = claim.get();
                synchronized (parked) {
                    parked[worker - 1] = claim.get() >>> 32 == seen >>> 32 && !available(seen);
                }
                while (isParked(worker) && !closed) LockSupport.park(this);
                deadline = System.nanoTime() + SPIN_NANOS;
            }
        }
    }

    private boolean isParked(int worker) {
        synchronized (parked) {
            return parked[worker - 1];
        }
    }

    private boolean available(long state) {
        return (int) state < tasks;
    }

    /** Takes tasks until none is left; says whether there was one. */
    private boolean drain(int worker) {
        boolean any = false;
        while (true) {
            long state = claim.get();
            int next = (int) state;
            // A successful claim proves that the job did not change since `state` was read, so the fields below belong
            // to it.
            int count = tasks;
            var task = job;
            if (next >= count || task == null) return any;
            if (!claim.compareAndSet(state, state + 1)) continue;
            any = true;
            var owner = caller;
            try {
                if (failure == null) task.run(next, worker);
            } catch (Throwable e) {
                failure = e;
            }
            if (done.incrementAndGet() == count && callerParked) LockSupport.unpark(owner);
        }
    }

    private static RuntimeException rethrown(Throwable thrown) {
        return switch (thrown) {
            case RuntimeException e -> e;
            case Error e -> throw e;
            default -> new IllegalStateException(thrown);
        };
    }

    /** Ends the threads and waits for them. */
    @Override
    public synchronized void close() {
        closed = true;
        for (var worker : workers) LockSupport.unpark(worker);
        boolean interrupted = false;
        for (var worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
    }
}
