package hesse.run;

import java.util.Arrays;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Reports a run that hangs: when one piece of its work takes longer than a limit, it says which and what the threads concerned are at, and
 * again after twice the time. It measures on a clock that never jumps, and changes nothing.
 */
final class Watchdog implements AutoCloseable {
    /** What a run is at. */
    enum Work {
        PREPARING("preparing"),
        WAITING("waiting for the loader"),
        STEPPING("computing a step on the device"),
        MEASURING("measuring curvature"),
        EVALUATING("evaluating"),
        SAVING("writing a checkpoint");

        private final String text;

        Work(String text) {
            this.text = text;
        }
    }

    private static final int FRAMES = 3;

    private final long limitNanos;
    private final LongSupplier nanos;
    private final Consumer<String> report;
    private final Thread worker = Thread.currentThread();
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile Work work = Work.PREPARING;
    private volatile long since;
    private volatile long allowed;

    /**
     * Watches the thread that calls this.
     *
     * @param seconds the limit; 0 for never
     * @param report receives one line for each
     */
    Watchdog(double seconds, Consumer<String> report) {
        this(seconds, report, System::nanoTime);
        if (limitNanos > 0) Thread.ofPlatform().daemon().name("hesse-watchdog").start(this::watch);
    }

    /** On another clock, and without a thread: {@link #look} has to be called. */
    Watchdog(double seconds, Consumer<String> report, LongSupplier nanos) {
        this.limitNanos = (long) (seconds * 1e9);
        this.nanos = nanos;
        this.report = report;
        enter(Work.PREPARING);
    }

    /** Says that another piece of work begins. */
    void enter(Work next) {
        // allowed is the last to change: in between, a look finds too much time allowed, never too little used
        allowed = Long.MAX_VALUE;
        work = next;
        since = nanos.getAsLong();
        allowed = limitNanos;
    }

    private void watch() {
        long pause = Math.clamp(limitNanos / 4, 1_000_000L, TimeUnit.SECONDS.toNanos(5));
        try {
            while (!ended.await(pause, TimeUnit.NANOSECONDS)) look();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Reports if the present piece of work has taken too long. */
    void look() {
        long limit = allowed;
        long taken = nanos.getAsLong() - since;
        if (limit == Long.MAX_VALUE || taken <= limit) return;
        allowed = 2 * limit;
        report.accept(String.format(
                Locale.ROOT,
                "no progress for %.0f s: %s. %s. It goes on waiting; Ctrl-C ends the run",
                taken / 1e9,
                work.text,
                threads()));
    }

    private String threads() {
        var all = new StringJoiner("; ");
        for (var e : Thread.getAllStackTraces().entrySet()) {
            var thread = e.getKey();
            if (thread != worker && !thread.getName().equals("hesse-loader")) continue;
            var frames = Arrays.stream(e.getValue()).limit(FRAMES).map(StackTraceElement::toString);
            all.add(thread.getName() + " is " + thread.getState().name().toLowerCase(Locale.ROOT) + " in "
                    + String.join(" < ", frames.toList()));
        }
        return all.toString();
    }

    @Override
    public void close() {
        ended.countDown();
    }
}
