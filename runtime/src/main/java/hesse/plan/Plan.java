package hesse.plan;

import hesse.graph.Op;
import hesse.plan.Computation.Mode;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;

/**
 * A computation ready to be executed: steps in order over buffers. Buffers of inputs and outputs are given from outside; the
 * others lie in one slab at fixed offsets, and two whose lives do not meet may share a place.
 *
 * @param slabBytes size of the slab; every offset in it is a multiple of 64
 */
public record Plan(List<Buffer> buffers, List<Step> steps, long slabBytes) {
    public Plan {
        buffers = List.copyOf(buffers);
        steps = List.copyOf(steps);
    }

    /** Where a buffer lives. */
    public enum Place {
        /** Bound from outside under its name, read. */
        INPUT,
        /** Bound from outside under its name, written. */
        OUTPUT,
        /** In the slab. */
        SLAB
    }

    /**
     * A dense tensor in memory.
     *
     * @param name of an input or output; for slab buffers the layer path that made the value, for messages
     * @param offset in the slab; −1 for inputs and outputs
     * @param occurrence counts the times that the same value is made again rather than kept
     */
    public record Buffer(int id, DType dtype, Shape shape, Place place, String name, long offset, int occurrence) {
        public long bytes() {
            return shape.size() * dtype.bytes();
        }
    }

    /** One piece of work. */
    public sealed interface Step permits Contraction, Fused, Move, Exchange {
        /** Buffers read. */
        List<Integer> reads();

        /** Buffers written. */
        List<Integer> writes();
    }

    /**
     * out = alpha · op(a, b), added to what is there when {@code accumulate}.
     *
     * @param op MatMul, Conv2d, ConvInputGradient or ConvFilterGradient
     */
    public record Contraction(
            Op op, int a, Shape aShape, int b, Shape bShape, int out, Shape outShape, double alpha, boolean accumulate)
            implements Step {
        @Override
        public List<Integer> reads() {
            return List.of(a, b);
        }

        @Override
        public List<Integer> writes() {
            return List.of(out);
        }
    }

    /**
     * A fused kernel over extents.
     *
     * @param inputs buffers of the DATA loads, in order of loads; −1 for other loads
     * @param arguments of the ARGUMENT loads, in order of loads; 0 for other loads
     * @param outputs buffers of the results
     * @param modes how each result meets its buffer
     */
    public record Fused(
            Kernel kernel,
            List<Integer> extents,
            List<Integer> inputs,
            List<Double> arguments,
            List<Integer> outputs,
            List<Mode> modes,
            String label)
            implements Step {
        public Fused {
            extents = List.copyOf(extents);
            inputs = List.copyOf(inputs);
            arguments = List.copyOf(arguments);
            outputs = List.copyOf(outputs);
            modes = List.copyOf(modes);
        }

        @Override
        public List<Integer> reads() {
            return inputs.stream().filter(i -> i >= 0).toList();
        }

        @Override
        public List<Integer> writes() {
            return outputs;
        }

        /** Number of points of the index space. */
        public long points() {
            long n = 1;
            for (int e : extents) n *= e;
            return n;
        }
    }

    /** An op that moves, selects or draws: one result, operands dense in memory under the given shapes. */
    public record Move(Op op, List<Integer> inputs, List<Shape> shapes, int out, Shape outShape) implements Step {
        public Move {
            inputs = List.copyOf(inputs);
            shapes = List.copyOf(shapes);
        }

        @Override
        public List<Integer> reads() {
            return inputs;
        }

        @Override
        public List<Integer> writes() {
            return List.of(out);
        }
    }

    /**
     * Sums over all ranks, in one call: each output is the sum of one input over the ranks, and may lie in its place. All ranks run the
     * same exchanges in the same order.
     *
     * @param round of the {@link hesse.graph.AllReduce} ops in it
     */
    public record Exchange(int round, DType dtype, List<Integer> inputs, List<Integer> outputs) implements Step {
        public Exchange {
            inputs = List.copyOf(inputs);
            outputs = List.copyOf(outputs);
        }

        @Override
        public List<Integer> reads() {
            return inputs;
        }

        @Override
        public List<Integer> writes() {
            return outputs;
        }
    }

    public Buffer buffer(int id) {
        return buffers.get(id);
    }

    /** Elements that an exchange sums. */
    public long elements(Exchange e) {
        long n = 0;
        for (int b : e.inputs()) n += buffer(b).shape().size();
        return n;
    }

    /** Everything about the plan as text; equal for equal computations, in any JVM. */
    public String text() {
        var s = new StringBuilder();
        s.append("slab ").append(slabBytes).append('\n');
        for (var b : buffers) s.append(b).append('\n');
        for (var step : steps) s.append(step).append('\n');
        return s.toString();
    }
}
