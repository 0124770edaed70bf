package hesse.backend;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A buffer in host memory, 64-byte aligned; the memory of backends that run on the CPU. */
public final class HostBuffer implements DeviceBuffer {
    private final Arena arena;
    private final Tensor tensor;
    private final boolean owner;

    public HostBuffer(DType dtype, Shape shape) {
        arena = Arena.ofShared();
        owner = true;
        tensor = new Tensor(
                dtype,
                shape,
                HostMemory.allocate(arena, shape.size() * dtype.bytes(), "a buffer of shape " + shape)
                        .asSlice(0, shape.size() * dtype.bytes()));
    }

    private HostBuffer(Arena arena, Tensor tensor) {
        this.arena = arena;
        this.tensor = tensor;
        this.owner = false;
    }

    @Override
    public HostBuffer rows(int from, int count) {
        long row = tensor.data().byteSize() / shape().dim(0);
        return new HostBuffer(
                arena, new Tensor(dtype(), shape().with(0, count), tensor.data().asSlice(from * row, count * row)));
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

    /** Whether the memory is still there. */
    public boolean isOpen() {
        return arena.scope().isAlive();
    }

    @Override
    public double first() {
        return tensor.get(0);
    }

    @Override
    public void close() {
        if (owner && arena.scope().isAlive()) arena.close();
    }
}
