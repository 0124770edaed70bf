package hesse.run;

import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.graph.Type;
import hesse.plan.Computation;
import hesse.plan.Plan.Place;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Compiled computations over named buffers that survive between them: those of the state, and others (scalars, metrics, sums) made when
 * a computation first names them. Examples have buffers of their own for each size of batch.
 */
final class BoundPlans implements AutoCloseable {
    /** A scalar or sum, with a host copy to write it from. */
    private record Named(DeviceBuffer buffer, Tensor host) {}

    /** Inputs and targets for one size of batch. */
    record Examples(DeviceBuffer x, DeviceBuffer y) {}

    private final Backend backend;
    private final TrainingState state;
    private final Map<String, Named> named = new TreeMap<>();
    private final Map<Sort, Examples> examples = new HashMap<>();
    private final List<Executable> executables = new ArrayList<>();
    /** Which of inputs and targets each reads. */
    private final Map<Executable, List<String>> fed = new IdentityHashMap<>();

    /** Examples of a size; those of one size may have several sets of buffers. */
    private record Sort(Type x, Type y, int set) {}

    BoundPlans(Backend backend, TrainingState state) {
        this.backend = backend;
        this.state = state;
    }

    /** Buffers for examples of these types. */
    Examples examples(Type x, Type y) {
        return examples(x, y, 0);
    }

    /** One of several sets of buffers for examples of these types. */
    Examples examples(Type x, Type y, int set) {
        return examples.computeIfAbsent(
                new Sort(x, y, set),
                k -> new Examples(backend.allocate(x.dtype(), x.shape()), backend.allocate(y.dtype(), y.shape())));
    }

    /** Lets a computation read its examples from another set of buffers. */
    void feed(Executable executable, Examples from) {
        for (var name : fed.getOrDefault(executable, List.of()))
            executable.bind(name, name.equals("x") ? from.x() : from.y());
    }

    /** Compiles a computation and binds all of its inputs and outputs. */
    Executable compile(Computation computation, Examples from) {
        return bound(backend.compile(computation), from);
    }

    /** As {@link #compile}, of what is this process's own part already. */
    Executable compileShare(Computation computation, Examples from) {
        return bound(backend.compileShare(computation), from);
    }

    private Executable bound(Executable executable, Examples from) {
        executables.add(executable);
        fed.put(
                executable,
                executable.plan().buffers().stream()
                        .filter(b -> b.place() != Place.SLAB)
                        .map(b -> b.name())
                        .filter(name -> name.equals("x") || name.equals("y"))
                        .toList());
        for (var b : executable.plan().buffers()) {
            if (b.place() == Place.SLAB) continue;
            executable.bind(
                    b.name(),
                    switch (b.name()) {
                        case "x" -> from.x();
                        case "y" -> from.y();
                        default -> state.find(b.name()).orElseGet(() -> named(b.name(), b.dtype(), b.shape()));
                    });
        }
        return executable;
    }

    private DeviceBuffer named(String name, DType dtype, Shape shape) {
        return named.computeIfAbsent(
                        name, n -> new Named(backend.allocate(dtype, shape), Tensor.allocate(dtype, shape)))
                .buffer();
    }

    /** Sets a scalar, where any computation reads it. */
    void set(String name, double value) {
        Named n = named.get(name);
        if (n == null) return;
        n.host.set(0, value);
        n.buffer.write(n.host);
    }

    /** As {@link #set(String, double)}, for whole numbers. */
    void set(String name, long value) {
        Named n = named.get(name);
        if (n == null) return;
        n.host.data().setAtIndex(Tensor.I64, 0, value);
        n.buffer.write(n.host);
    }

    /** The type of a named buffer. */
    Type type(String name) {
        Tensor t = require(name).host;
        return new Type(t.dtype(), t.shape());
    }

    /** Whether any computation names this. */
    boolean has(String name) {
        return named.containsKey(name);
    }

    /** Writes a tensor into a named buffer. */
    void write(String name, Tensor value) {
        require(name).buffer.write(value);
    }

    /** Sets a sum back to zero. */
    void clear(String name) {
        Named n = require(name);
        n.buffer.write(n.host);
    }

    double scalar(String name) {
        return require(name).buffer.first();
    }

    /** Some named buffers. */
    List<DeviceBuffer> buffers(List<String> names) {
        return names.stream().<DeviceBuffer>map(name -> require(name).buffer).toList();
    }

    Tensor read(String name) {
        return require(name).buffer.read();
    }

    /** Bytes of all buffers made here and of the slabs of all plans. */
    long bytes() {
        long sum = 0;
        for (var e : executables) sum += e.plan().slabBytes();
        for (var n : named.values()) sum += n.host.data().byteSize();
        for (var sort : examples.keySet())
            for (var t : List.of(sort.x, sort.y))
                sum += t.shape().size() * t.dtype().bytes();
        return sum;
    }

    /** Names with this prefix, in alphabetical order. */
    List<String> names(String prefix) {
        return named.keySet().stream().filter(n -> n.startsWith(prefix)).toList();
    }

    private Named require(String name) {
        @Nullable Named n = named.get(name);
        if (n == null) throw new IllegalArgumentException("no computation names " + name);
        return n;
    }

    @Override
    public void close() {
        executables.forEach(Executable::close);
        named.values().forEach(n -> n.buffer.close());
        examples.values().forEach(e -> {
            e.x().close();
            e.y().close();
        });
    }
}
