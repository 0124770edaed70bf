package hesse.collective;

import hesse.tensor.DType;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tells a group what its rank takes part in and does.
 *
 * @param advance is run before each call that all ranks make
 * @param pulse counts this rank's own work; the calling thread is the only one that writes it
 * @param nanos time spent in calls that all ranks make; written by the same thread
 */
record Counted(Collective inner, Runnable advance, AtomicLong pulse, AtomicLong nanos) implements Collective {
    @Override
    public int rank() {
        return inner.rank();
    }

    @Override
    public int size() {
        return inner.size();
    }

    @Override
    public String description() {
        return inner.description();
    }

    @Override
    public void sum(long address, long elements, DType dtype) {
        advance.run();
        long before = System.nanoTime();
        inner.sum(address, elements, dtype);
        passed(before);
    }

    @Override
    public void broadcast(long address, long elements, DType dtype, int root) {
        advance.run();
        long before = System.nanoTime();
        inner.broadcast(address, elements, dtype, root);
        passed(before);
    }

    private void passed(long since) {
        nanos.lazySet(nanos.getPlain() + System.nanoTime() - since);
    }

    @Override
    public void alive() {
        pulse.lazySet(pulse.getPlain() + 1);
    }

    @Override
    public void close() {
        inner.close();
    }
}
