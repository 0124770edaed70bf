package hesse.run;

import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.nn.ModelBuffer;
import hesse.nn.Parameter;
import hesse.optim.Optimizer;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a run carries from step to step on its device: parameters, the model's buffers, the optimizer's state. */
public final class TrainingState implements AutoCloseable {
    private final List<Parameter> parameters;
    private final List<ModelBuffer> modelBuffers;
    private final Map<String, DeviceBuffer> buffers = new LinkedHashMap<>();
    private final List<String> optimizerNames;

    /**
     * Allocates it, filled with zeros.
     *
     * @param optimizer empty where nothing is trained
     */
    public TrainingState(
            Backend backend,
            List<Parameter> parameters,
            List<ModelBuffer> modelBuffers,
            Optional<Optimizer> optimizer,
            DType dtype) {
        this.parameters = List.copyOf(parameters);
        this.modelBuffers = List.copyOf(modelBuffers);
        for (var p : parameters) buffers.put(p.name(), backend.allocate(dtype, p.shape()));
        for (var b : modelBuffers) buffers.put(b.name(), backend.allocate(b.dtype(dtype), b.shape()));
        var names = new java.util.ArrayList<String>();
        optimizer.ifPresent(o -> {
            for (var p : parameters) {
                for (var name : o.stateNames(p.name())) {
                    buffers.put(name, backend.allocate(dtype, p.shape()));
                    names.add(name);
                }
            }
        });
        this.optimizerNames = List.copyOf(names);
    }

    public List<Parameter> parameters() {
        return parameters;
    }

    public List<ModelBuffer> modelBuffers() {
        return modelBuffers;
    }

    /** Bytes of all of it. */
    long bytes() {
        return buffers.values().stream()
                .mapToLong(b -> b.shape().size() * b.dtype().bytes())
                .sum();
    }

    /** Names of all tensors, in a fixed order. */
    List<String> names() {
        return List.copyOf(buffers.keySet());
    }

    /** The buffer of this name, if there is one. */
    Optional<DeviceBuffer> find(String name) {
        return Optional.ofNullable(buffers.get(name));
    }

    /** Gives every parameter and buffer its start value. */
    public void initialize(long seed, DType dtype) {
        for (var p : parameters) buffer(p.name()).write(p.initial(seed, dtype));
        for (var b : modelBuffers) buffer(b.name()).write(b.initial(dtype));
    }

    /** Overwrites some of it, in memory layout. */
    public void write(Map<String, Tensor> values) {
        values.forEach((name, t) -> buffer(name).write(t));
    }

    /** Parameters and buffers, in memory layout. */
    public Map<String, Tensor> weights() {
        var out = new LinkedHashMap<String, Tensor>();
        for (var p : parameters) out.put(p.name(), buffer(p.name()).read());
        for (var b : modelBuffers) out.put(b.name(), buffer(b.name()).read());
        return out;
    }

    /** The optimizer's tensors, in memory layout. */
    public Map<String, Tensor> optimizerState() {
        var out = new LinkedHashMap<String, Tensor>();
        for (var name : optimizerNames) out.put(name, buffer(name).read());
        return out;
    }

    private DeviceBuffer buffer(String name) {
        var b = buffers.get(name);
        if (b == null) throw new IllegalArgumentException("there is no parameter, buffer or state named " + name);
        return b;
    }

    @Override
    public void close() {
        buffers.values().forEach(DeviceBuffer::close);
    }
}
