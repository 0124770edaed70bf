package hesse.backend.cuda;

import hesse.backend.DeviceBuffer;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;

/** A tensor in device memory. Copies go through the backend's staging buffers, in the order of its work. */
final class CudaBuffer implements DeviceBuffer {
    private final CudaBackend backend;
    private final DeviceMemory memory;
    private final DType dtype;
    private final Shape shape;

    CudaBuffer(CudaBackend backend, DeviceMemory memory, DType dtype, Shape shape) {
        this.backend = backend;
        this.memory = memory;
        this.dtype = dtype;
        this.shape = shape;
    }

    long address() {
        return memory.address();
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
        backend.upload(from.to(dtype).data().asSlice(0, shape.size() * dtype.bytes()), address());
    }

    @Override
    public Tensor read() {
        Tensor copy = Tensor.allocate(dtype, shape);
        backend.download(address(), copy.data().asSlice(0, shape.size() * dtype.bytes()));
        return copy;
    }

    @Override
    public void close() {
        memory.close();
    }
}
