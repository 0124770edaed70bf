package hesse.backend.cuda;

import hesse.backend.cuda.StridedCopy.Axis;
import hesse.graph.ArgMax;
import hesse.graph.ArgMaxPool;
import hesse.graph.Concat;
import hesse.graph.Gather;
import hesse.graph.Op;
import hesse.graph.Pad;
import hesse.graph.Pooling;
import hesse.graph.PutAlongAxis;
import hesse.graph.Random;
import hesse.graph.ScatterAdd;
import hesse.graph.Slice;
import hesse.graph.SumPool;
import hesse.graph.SumPoolTranspose;
import hesse.graph.TakeAlongAxis;
import hesse.graph.Transpose;
import hesse.plan.Plan;
import hesse.plan.Plan.Move;
import hesse.scalar.Philox;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** An op that moves, selects, pools or draws, on the device. */
final class MoveStep implements DeviceStep {
    private static final int MOST_BLOCKS = 1 << 20;
    private static final int MOST_ROWS_OF_BLOCKS = 64;

    /** Gives the op's work to a stream. */
    private interface Body {
        void run(CudaStream stream, long[] addresses);
    }

    private final Move step;
    private final Plan plan;
    private final Kernels store;
    private final String label;
    private final Body body;

    MoveStep(Move step, Plan plan, Kernels store, String label) {
        this.step = step;
        this.plan = plan;
        this.store = store;
        this.label = label;
        this.body = body(step.op());
    }

    private Body body(Op op) {
        Shape in = step.shapes().isEmpty() ? Shape.SCALAR : step.shapes().getFirst();
        Shape out = step.outShape();
        DType type = plan.buffer(step.out()).dtype();
        return switch (op) {
            case Transpose t -> copy(transposed(t, in, out), 0, 0);
            case Slice s -> copy(sliced(s, in, out), sliceStart(s, in), 0);
            case Pad p -> pad(p, in, out, type);
            case Concat c -> concat(c.axis(), out, type);
            case Gather g ->
                kernel(
                        MoveSource.gather(type, index()),
                        out.size(),
                        List.of(0, 1, OUT),
                        in.dim(0),
                        in.size() / in.dim(0));
            case TakeAlongAxis t ->
                kernel(
                        MoveSource.take(type, index()),
                        out.size(),
                        List.of(0, 1, OUT),
                        in.dim(t.axis()),
                        out.dim(t.axis()),
                        inner(in, t.axis()));
            case PutAlongAxis p ->
                kernel(
                        MoveSource.put(type, index()),
                        out.size(),
                        List.of(0, 1, OUT),
                        p.extent(),
                        in.dim(p.axis()),
                        inner(in, p.axis()));
            case ScatterAdd s -> scatterAdd(out, type);
            case ArgMax a ->
                kernel(MoveSource.argMax(type(0)), out.size(), List.of(0, OUT), in.dim(a.axis()), inner(in, a.axis()));
            case SumPool p -> pool(MoveSource.sumPool(type(0), type), p.window(), in, out, out.size());
            case SumPoolTranspose p ->
                pool(MoveSource.sumPoolTranspose(type(0), type), p.window(), out, in, out.size());
            case ArgMaxPool p -> pool(MoveSource.argMaxPool(type(0)), p.window(), in, out, out.size());
            case Random r ->
                kernel(
                        MoveSource.random(r.distribution(), type),
                        out.size(),
                        List.of(OUT, 0, 1, 2),
                        Philox.hash(r.use()));
            default -> throw new IllegalArgumentException("no kernel for " + op);
        };
    }

    private static final int OUT = -1;

    private DType type(int input) {
        return plan.buffer(step.inputs().get(input)).dtype();
    }

    private DType index() {
        return type(1);
    }

    private static long inner(Shape shape, int axis) {
        long n = 1;
        for (var a = axis + 1; a < shape.rank(); a++) n *= shape.dim(a);
        return n;
    }

    private static long[] strides(Shape shape) {
        var strides = new long[shape.rank()];
        long stride = 1;
        for (var a = shape.rank() - 1; a >= 0; a--) {
            strides[a] = stride;
            stride *= shape.dim(a);
        }
        return strides;
    }

    private static List<Axis> transposed(Transpose op, Shape in, Shape out) {
        var from = strides(in);
        var to = strides(out);
        var box = new ArrayList<Axis>();
        for (var a = 0; a < out.rank(); a++)
            box.add(new Axis(out.dim(a), from[op.permutation().get(a)], to[a]));
        return box;
    }

    private static List<Axis> sliced(Slice op, Shape in, Shape out) {
        var from = strides(in);
        var to = strides(out);
        var box = new ArrayList<Axis>();
        for (var a = 0; a < out.rank(); a++)
            box.add(new Axis(out.dim(a), from[a] * op.strides().get(a), to[a]));
        return box;
    }

    private static long sliceStart(Slice op, Shape in) {
        var from = strides(in);
        long start = 0;
        for (var a = 0; a < in.rank(); a++) start += from[a] * op.starts().get(a);
        return start;
    }

    private Body copy(List<Axis> box, long fromStart, long toStart) {
        DType type = plan.buffer(step.out()).dtype();
        var copy = new StridedCopy(store, type(0), type, box, fromStart, toStart, false, label);
        int in = step.inputs().getFirst();
        return (stream, addresses) -> copy.enqueue(stream, addresses[in], addresses[step.out()]);
    }

    private Body pad(Pad op, Shape in, Shape out, DType type) {
        var from = strides(in);
        var to = strides(out);
        var box = new ArrayList<Axis>();
        long start = 0;
        for (var a = 0; a < in.rank(); a++) {
            box.add(new Axis(in.dim(a), from[a], to[a] * (op.between().get(a) + 1)));
            start += to[a] * op.before().get(a);
        }
        var copy = copy(box, 0, start);
        long bytes = out.size() * type.bytes();
        return (stream, addresses) -> {
            stream.fill(addresses[step.out()], 0, bytes);
            copy.run(stream, addresses);
        };
    }

    private Body concat(int axis, Shape out, DType type) {
        var to = strides(out);
        var copies = new ArrayList<StridedCopy>();
        long start = 0;
        for (var k = 0; k < step.shapes().size(); k++) {
            Shape part = step.shapes().get(k);
            var from = strides(part);
            var box = new ArrayList<Axis>();
            for (var a = 0; a < part.rank(); a++) box.add(new Axis(part.dim(a), from[a], to[a]));
            copies.add(new StridedCopy(store, type(k), type, box, 0, start, false, label));
            start += part.dim(axis) * to[axis];
        }
        return (stream, addresses) -> {
            for (var k = 0; k < copies.size(); k++) {
                copies.get(k).enqueue(stream, addresses[step.inputs().get(k)], addresses[step.out()]);
            }
        };
    }

    private Body scatterAdd(Shape out, DType type) {
        long rows = out.dim(0);
        long width = out.size() / rows;
        long count = step.shapes().get(1).size();
        int columns = (int) Math.min(MOST_ROWS_OF_BLOCKS, (width + FusedSource.BLOCK - 1) / FusedSource.BLOCK);
        var shape = new LaunchShape(Math.toIntExact(rows), columns, 1, FusedSource.BLOCK, 1, 1, 0);
        return kernel(MoveSource.scatterAdd(type, index()), shape, count, List.of(0, 1, OUT), width);
    }

    private Body pool(String source, Pooling window, Shape images, Shape pooled, long count) {
        int[] sizes = {
            images.dim(1),
            images.dim(2),
            images.dim(3),
            pooled.dim(1),
            pooled.dim(2),
            window.height(),
            window.width(),
            window.strideH(),
            window.strideW()
        };
        var numbers = new long[sizes.length];
        for (var i = 0; i < sizes.length; i++) numbers[i] = sizes[i];
        return kernel(source, count, List.of(0, OUT), numbers);
    }

    private Body kernel(String source, long count, List<Integer> buffers, long... numbers) {
        long blocks = (count + FusedSource.BLOCK - 1) / FusedSource.BLOCK;
        var shape = LaunchShape.row((int) Math.max(1, Math.min(blocks, MOST_BLOCKS)), FusedSource.BLOCK);
        return kernel(source, shape, count, buffers, numbers);
    }

    /** A launch whose arguments are the count, then buffers (operands by number, or the result), then numbers. */
    private Body kernel(String source, LaunchShape shape, long count, List<Integer> buffers, long... numbers) {
        var kernel = store.kernel(source, "move", label);
        var arguments = new LaunchArguments(store.arena(), 1 + buffers.size() + numbers.length);
        arguments.set(0, count);
        for (var i = 0; i < numbers.length; i++) arguments.set(1 + buffers.size() + i, numbers[i]);
        return (stream, addresses) -> {
            for (var i = 0; i < buffers.size(); i++) {
                int b = buffers.get(i);
                arguments.set(
                        1 + i, addresses[b == OUT ? step.out() : step.inputs().get(b)]);
            }
            stream.launch(kernel, shape, arguments, label);
        };
    }

    @Override
    public void enqueue(CudaStream stream, long[] addresses, long scratch) {
        body.run(stream, addresses);
    }

    @Override
    public long scratchBytes() {
        return 0;
    }
}
