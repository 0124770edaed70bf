package hesse.run;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Whether the process was asked to end (Ctrl-C, SIGTERM). While one is open, the process waits with ending until the one who works has
 * put everything in order and closes it; it then ends with the signal's code, 130 or 143.
 */
public final class Interruption implements AutoCloseable {
    /** A supervisor would send the next, stronger signal by then. */
    private static final long PATIENCE_SECONDS = 120;

    private final CountDownLatch inOrder = new CountDownLatch(1);
    private final Thread hook = new Thread(this::await, "hesse-stop");
    private volatile boolean asked;

    public Interruption() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Whether it was. */
    public boolean asked() {
        return asked;
    }

    private void await() {
        asked = true;
        try {
            inOrder.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        inOrder.countDown();
        if (asked) return;
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the process is ending just now; the hook has nothing to wait for any more
        }
    }
}
