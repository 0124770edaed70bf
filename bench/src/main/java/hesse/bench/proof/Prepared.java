package hesse.bench.proof;

import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.plan.Plan.Place;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A computation with random inputs, compiled and bound: given to the device as often as asked, and waited for by reading one number. */
final class Prepared implements Timing.Work, AutoCloseable {
    private static final String MARK = "mark";
    private static final long REPEATED = 1 << 20;

    private final Executable executable;
    private final List<DeviceBuffer> buffers = new ArrayList<>();
    private final DeviceBuffer mark;
    private long bytes;

    /**
     * @param outputs by name
     * @param values of inputs that are not to be random, by name
     */
    Prepared(Backend backend, Map<String, Node> outputs, Map<String, Tensor> values) {
        var named = new LinkedHashMap<>(outputs);
        var graph = outputs.values().iterator().next().graph();
        // a number that is made anew in every run
        named.put(MARK, Ops.scale(2, graph.input("marked", DType.F32, Shape.SCALAR)));
        this.executable = backend.compile(Computation.of(named));
        try {
            var random = new SplittableRandom(7);
            DeviceBuffer found = null;
            for (var b : executable.plan().buffers()) {
                if (b.place() == Place.SLAB) continue;
                var buffer = backend.allocate(b.dtype(), b.shape());
                buffers.add(buffer);
                bytes += b.bytes();
                if (b.place() == Place.INPUT) {
                    var given = values.get(b.name());
                    buffer.write(given == null ? random(b.dtype(), b.shape(), random) : given);
                }
                if (b.name().equals(MARK)) found = buffer;
                executable.bind(b.name(), buffer);
            }
            if (found == null) throw new IllegalStateException("the mark is no output");
            this.mark = found;
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Small numbers of both signs, which repeat after the first million; integers are 0 or 1. */
    static Tensor random(DType dtype, Shape shape, SplittableRandom random) {
        var t = Tensor.allocate(dtype, shape);
        long n = t.size();
        long drawn = Math.min(n, REPEATED);
        for (long i = 0; i < drawn; i++) t.set(i, dtype.isFloat() ? random.nextDouble() - 0.5 : random.nextInt(2));
        long block = drawn * dtype.bytes();
        for (long at = block; at < t.data().byteSize(); at += block) {
            long bytes = Math.min(block, t.data().byteSize() - at);
            t.data().asSlice(at, bytes).copyFrom(t.data().asSlice(0, bytes));
        }
        return t;
    }

    Plan plan() {
        return executable.plan();
    }

    /** Bytes of inputs and outputs: what has to be read and written at least. */
    long boundBytes() {
        return bytes;
    }

    /** Bytes of inputs, outputs and the plan's own values. */
    long allBytes() {
        return bytes + plan().slabBytes();
    }

    @Override
    public void give() {
        executable.run();
    }

    @Override
    public void await() {
        mark.first();
    }

    @Override
    public void close() {
        executable.close();
        buffers.forEach(DeviceBuffer::close);
    }
}
