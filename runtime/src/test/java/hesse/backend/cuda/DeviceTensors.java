package hesse.backend.cuda;

import hesse.collective.CollectiveConformance;
import hesse.tensor.Tensor;

/** Tensors on a device for the conformance of collectives. */
final class DeviceTensors {
    private DeviceTensors() {}

    static CollectiveConformance.Memory of(CudaDevice device, CudaStream stream) {
        return (value, work) -> {
            long bytes = value.data().byteSize();
            try (var pinned = device.pinned(bytes);
                    var memory = device.allocate(bytes, "a tensor to sum")) {
                pinned.segment().asSlice(0, bytes).copyFrom(value.data());
                stream.toDevice(memory.address(), pinned, 0, bytes);
                work.accept(memory.address());
                stream.toHost(pinned, 0, memory.address(), bytes);
                stream.synchronize();
                var copy = Tensor.allocate(value.dtype(), value.shape());
                copy.data().copyFrom(pinned.segment().asSlice(0, bytes));
                return copy;
            }
        };
    }
}
