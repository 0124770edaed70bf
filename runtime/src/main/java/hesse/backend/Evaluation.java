package hesse.backend;

import hesse.plan.Computation;
import hesse.plan.Plan.Place;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;

/** Runs a computation once, from tensors to tensors. */
public final class Evaluation {
    private Evaluation() {}

    /**
     * The outputs by name.
     *
     * @param inputs values of (at least) the computation's inputs
     * @throws IllegalArgumentException if one is missing or does not fit
     */
    public static Map<String, Tensor> run(Backend backend, Computation computation, Map<String, Tensor> inputs) {
        var buffers = new ArrayList<DeviceBuffer>();
        try (var executable = backend.compile(computation)) {
            var outputs = new LinkedHashMap<String, DeviceBuffer>();
            for (var b : executable.plan().buffers()) {
                if (b.place() == Place.SLAB) continue;
                var value = inputs.get(b.name());
                boolean output = b.place() == Place.OUTPUT;
                if (!output && value == null) {
                    throw new IllegalArgumentException("no value is given for input " + b.name());
                }
                // a backend of several ranks takes a whole batch for its part
                var buffer = backend.allocate(b.dtype(), output || value == null ? b.shape() : value.shape());
                buffers.add(buffer);
                executable.bind(b.name(), buffer);
                if (output || value == null) outputs.put(b.name(), buffer);
                else buffer.write(value);
            }
            executable.run();
            var results = new LinkedHashMap<String, Tensor>();
            for (var o : computation.outputs()) {
                var buffer = outputs.get(o.name());
                if (buffer != null) results.put(o.name(), buffer.read());
            }
            return results;
        } finally {
            buffers.forEach(DeviceBuffer::close);
        }
    }
}
