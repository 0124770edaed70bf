package hesse.backend.cuda;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The life of one native thing: who may use it, until when, and what is closed before it.
 *
 * <p>Only the thread that made it may use or close it, since the driver's context is current in that thread. Closing closes what was
 * made from it first, the youngest first, and does nothing the second time. A release that fails does not keep the others from being
 * released; the first failure is thrown at the end, with the others attached.
 */
final class Lifetime {
    private final String name;
    private final Thread owner;
    private final Runnable release;
    private final Deque<Lifetime> children = new ArrayDeque<>();
    private final @Nullable Lifetime parent;
    private boolean closed;

    private Lifetime(String name, @Nullable Lifetime parent, Runnable release) {
        this.name = name;
        this.owner = Thread.currentThread();
        this.release = release;
        this.parent = parent;
    }

    /** The life of something that belongs to nothing else. */
    static Lifetime root(String name, Runnable release) {
        return new Lifetime(name, null, release);
    }

    /** The life of something made from this, which ends before this does. */
    Lifetime child(String childName, Runnable childRelease) {
        require();
        var child = new Lifetime(childName, this, childRelease);
        children.addLast(child);
        return child;
    }

    /** Passes if the caller may use it now. */
    void require() {
        requireOwner();
        if (closed) throw new IllegalStateException(name + " is used after it was closed");
    }

    private void requireOwner() {
        if (Thread.currentThread() != owner) {
            throw new IllegalStateException(name + " belongs to the thread " + owner.getName() + " and is used by "
                    + Thread.currentThread().getName());
        }
    }

    /** How many things were made from it and are not closed. */
    int openChildren() {
        return children.size();
    }

    boolean isClosed() {
        return closed;
    }

    /** Releases everything made from it, then itself. */
    void close() {
        if (closed) return;
        requireOwner();
        @Nullable RuntimeException failure = null;
        while (!children.isEmpty()) {
            var child = children.peekLast();
            try {
                child.close();
            } catch (RuntimeException e) {
                failure = join(failure, e);
            }
        }
        closed = true;
        if (parent != null) parent.children.remove(this);
        try {
            release.run();
        } catch (RuntimeException e) {
            failure = join(failure, e);
        }
        if (failure != null) throw failure;
    }

    private static RuntimeException join(@Nullable RuntimeException first, RuntimeException next) {
        if (first == null) return next;
        first.addSuppressed(next);
        return first;
    }
}
