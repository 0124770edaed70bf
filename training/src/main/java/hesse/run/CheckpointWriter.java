package hesse.run;

import org.jspecify.annotations.Nullable;

/**
 * Writes a run's checkpoints beside its steps, one at a time and in order. What is written was copied beforehand, so that the steps
 * meanwhile change nothing in it. For use by one thread.
 */
final class CheckpointWriter implements AutoCloseable {
    private final CheckpointFolder folder;
    private final int keep;
    private @Nullable Thread thread;
    private volatile @Nullable Throwable failure;

    CheckpointWriter(CheckpointFolder folder, int keep) {
        this.folder = folder;
        this.keep = keep;
    }

    /** Waits for the checkpoint before, and begins to write this one. */
    void begin(CheckpointFolder.Snapshot snapshot) {
        await();
        thread = Thread.ofPlatform().name("hesse-checkpoint").start(() -> {
            try {
                folder.write(snapshot, keep);
            } catch (Throwable e) {
                failure = e;
            }
        });
    }

    /** Throws what a checkpoint could not be written for, if one could not. */
    void check() {
        switch (failure) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    /** Whether a checkpoint could not be written. */
    boolean failed() {
        return failure != null;
    }

    /** Why one could not, if so. */
    @Nullable
    Throwable failure() {
        return failure;
    }

    /** Waits until all that was begun is on the disk; throws if it could not be written. */
    void await() {
        join();
        check();
    }

    private void join() {
        var under = thread;
        if (under == null) return;
        boolean interrupted = false;
        while (under.isAlive()) {
            try {
                under.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        thread = null;
        if (interrupted) Thread.currentThread().interrupt();
    }

    /** Waits as {@link #await} does, and throws nothing. */
    @Override
    public void close() {
        join();
    }
}
