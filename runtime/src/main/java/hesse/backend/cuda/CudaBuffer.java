package hesse.backend.cuda;

import hesse.backend.DeviceBuffer;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.Objects;
import java.util.Optional;

/**
 * A tensor in device memory. Writing it waits on the device for the last run that used it, and later runs wait for the copy; so a batch is
 * copied while the step before it computes, if the two have buffers of their own.
 */
final class CudaBuffer implements DeviceBuffer {
    private final CudaBackend backend;
    private final DeviceMemory memory;
    private final DType dtype;
    private final Shape shape;
    /** Where it begins in the memory. */
    private final long offset;
    /** Whose memory it is; empty if it is its own. */
    private final Optional<CudaBuffer> owner;

    private long lastRun;
    /** Whether some of it was written in the order of the runs since it was last written beside them. */
    private boolean writtenInOrder;

    CudaBuffer(CudaBackend backend, DeviceMemory memory, DType dtype, Shape shape) {
        this.backend = backend;
        this.memory = memory;
        this.dtype = dtype;
        this.shape = shape;
        this.offset = 0;
        this.owner = Optional.empty();
    }

    private CudaBuffer(CudaBuffer owner, Shape shape, long offset) {
        this.backend = owner.backend;
        this.memory = owner.memory;
        this.dtype = owner.dtype;
        this.shape = shape;
        this.offset = offset;
        this.owner = Optional.of(owner);
    }

    @Override
    public CudaBuffer rows(int from, int count) {
        Objects.checkFromIndexSize(from, count, shape.dim(0));
        long row = shape.size() / shape.dim(0) * dtype.bytes();
        return new CudaBuffer(this, shape.with(0, count), offset + from * row);
    }

    long address() {
        return memory.address() + offset;
    }

    /** Remembers the run that used it last, for all views of the memory. */
    void usedBy(long run) {
        if (owner.isPresent()) owner.get().usedBy(run);
        else lastRun = run;
    }

    private CudaBuffer whole() {
        return owner.map(CudaBuffer::whole).orElse(this);
    }

    private long lastRun() {
        return owner.map(CudaBuffer::lastRun).orElse(lastRun);
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public Shape shape() {
        return shape;
    }

    @Override
    public void write(Tensor from) {
        if (from.size() != shape.size()) {
            throw new IllegalArgumentException(
                    "a buffer of shape " + shape + " takes " + shape.size() + " elements, got shape " + from.shape());
        }
        var data = from.to(dtype).data().asSlice(0, shape.size() * dtype.bytes());
        var whole = whole();
        boolean inOrder = backend.uploadInOrder(data, address());
        if (!inOrder) backend.upload(data, address(), lastRun(), whole.writtenInOrder);
        whole.writtenInOrder = inOrder;
    }

    @Override
    public Tensor read() {
        Tensor copy = Tensor.allocate(dtype, shape);
        backend.download(address(), copy.data().asSlice(0, shape.size() * dtype.bytes()));
        return copy;
    }

    @Override
    public void close() {
        if (owner.isEmpty()) memory.close();
    }
}
