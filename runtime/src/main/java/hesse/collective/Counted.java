package hesse.collective;

import hesse.tensor.DType;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tells a group what its rank takes part in and does.
 *
 * @param advance is run before each call that all ranks make
 * @param pulse counts this rank's own work; the calling thread is the only one that writes it
 */
record Counted(Collective inner, Runnable advance, AtomicLong pulse) implements Collective {
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
        inner.sum(address, elements, dtype);
    }

    @Override
    public void broadcast(long address, long elements, DType dtype, int root) {
        advance.run();
        inner.broadcast(address, elements, dtype, root);
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
