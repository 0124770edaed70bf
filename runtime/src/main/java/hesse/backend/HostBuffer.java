package hesse.backend;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A buffer in host memory, 64-byte aligned; the memory of backends that run on the CPU. Their kernels work on bare addresses: while one
 * runs it holds its buffers, and a buffer that is held is not freed.
 */
public final class HostBuffer implements DeviceBuffer {
    private static final int CLOSED = -1;

    private final Arena arena;
    private final Tensor tensor;
    private final boolean owner;
    /** How often it is held, or {@link #CLOSED}; shared with its rows. */
    private final AtomicInteger holders;

    public HostBuffer(DType dtype, Shape shape) {
        arena = Arena.ofShared();
        owner = true;
        holders = new AtomicInteger();
        tensor = new Tensor(
                dtype,
                shape,
                HostMemory.allocate(arena, shape.size() * dtype.bytes(), "a buffer of shape " + shape)
                        .asSlice(0, shape.size() * dtype.bytes()));
    }

    private HostBuffer(HostBuffer whole, Tensor rows) {
        this.arena = whole.arena;
        this.tensor = rows;
        this.owner = false;
        this.holders = whole.holders;
    }

    @Override
    public HostBuffer rows(int from, int count) {
        long row = tensor.data().byteSize() / shape().dim(0);
        return new HostBuffer(
                this, new Tensor(dtype(), shape().with(0, count), tensor.data().asSlice(from * row, count * row)));
    }

    @Override
    public DType dtype() {
        return tensor.dtype();
    }

    @Override
    public Shape shape() {
        return tensor.shape();
    }

    /** The memory itself. */
    public MemorySegment data() {
        return tensor.data();
    }

    public Tensor tensor() {
        return tensor;
    }

    @Override
    public void write(Tensor from) {
        if (from.size() != tensor.size()) {
            throw new IllegalArgumentException("a buffer of shape " + shape() + " takes " + tensor.size()
                    + " elements, got shape " + from.shape());
        }
        MemorySegment.copy(
                from.to(dtype()).data(), 0, tensor.data(), 0, tensor.data().byteSize());
    }

    @Override
    public Tensor read() {
        Tensor copy = Tensor.allocate(dtype(), shape());
        MemorySegment.copy(tensor.data(), 0, copy.data(), 0, tensor.data().byteSize());
        return copy;
    }

    /**
     * Keeps the memory from being freed until {@link #release}.
     *
     * @throws IllegalStateException if it was freed already
     */
    public void hold() {
        while (true) {
            int n = holders.get();
            if (n == CLOSED) throw new IllegalStateException("a buffer of shape " + shape() + " is closed");
            if (holders.compareAndSet(n, n + 1)) return;
        }
    }

    /** Ends one {@link #hold}. */
    public void release() {
        holders.decrementAndGet();
    }

    @Override
    public double first() {
        return tensor.get(0);
    }

    /** @throws IllegalStateException if a computation under way holds it; it stays open then */
    @Override
    public void close() {
        if (!owner) return;
        if (holders.compareAndSet(0, CLOSED)) arena.close();
        else if (holders.get() != CLOSED)
            throw new IllegalStateException("a buffer of shape " + shape() + " is in use by a computation");
    }
}
