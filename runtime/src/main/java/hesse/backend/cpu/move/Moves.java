package hesse.backend.cpu.move;

import hesse.graph.ArgMax;
import hesse.graph.ArgMaxPool;
import hesse.graph.Concat;
import hesse.graph.Gather;
import hesse.graph.Pad;
import hesse.graph.PutAlongAxis;
import hesse.graph.Random;
import hesse.graph.ScatterAdd;
import hesse.graph.Slice;
import hesse.graph.SumPool;
import hesse.graph.SumPoolTranspose;
import hesse.graph.TakeAlongAxis;
import hesse.graph.Transpose;
import hesse.plan.Plan;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;

/** Prepares the moves of a plan. */
public final class Moves {
    private Moves() {}

    /**
     * @param from element types of the operands
     * @param to element type of the result
     */
    public static Move of(Plan.Move m, DType[] from, DType to, int threads) {
        Shape out = m.outShape();
        Shape in = m.shapes().isEmpty() ? out : m.shapes().getFirst();
        int bytes = to.bytes();
        return switch (m.op()) {
            case Transpose t -> transpose(t, in, out, bytes);
            case Slice s -> slice(s, in, out, bytes);
            case Pad p -> pad(p, in, out, bytes);
            case Concat c -> concat(c, m, out, bytes);
            case Gather g ->
                new RowGather(from[1], in.dim(0), in.size() / in.dim(0) * bytes, (int)
                        m.shapes().get(1).size());
            case ScatterAdd s ->
                new RowScatter(to, from[1], s.rows(), (int) (out.size() / s.rows()), (int)
                        m.shapes().get(1).size());
            case TakeAlongAxis t ->
                new AlongAxis(
                        false,
                        to,
                        from[1],
                        outer(in, t.axis()),
                        in.dim(t.axis()),
                        out.dim(t.axis()),
                        inner(in, t.axis()));
            case PutAlongAxis p ->
                new AlongAxis(
                        true, to, from[1], outer(in, p.axis()), p.extent(), in.dim(p.axis()), inner(in, p.axis()));
            case ArgMax a -> new ArgMaximum(from[0], outer(in, a.axis()), in.dim(a.axis()), inner(in, a.axis()));
            case SumPool p -> pool(Pool.Kind.SUM, to, p.window(), in, out);
            case SumPoolTranspose p -> pool(Pool.Kind.SPREAD, to, p.window(), out, in);
            case ArgMaxPool p -> pool(Pool.Kind.ARGMAX, from[0], p.window(), in, out);
            case Random r -> new Draw(r, threads);
            default -> throw new IllegalStateException("not a move: " + m.op());
        };
    }

    private static Pool pool(Pool.Kind kind, DType dtype, hesse.graph.Pooling window, Shape image, Shape pooled) {
        return new Pool(
                kind,
                dtype,
                window,
                image.dim(0),
                image.dim(1),
                image.dim(2),
                image.dim(3),
                pooled.dim(1),
                pooled.dim(2));
    }

    private static int outer(Shape s, int axis) {
        int n = 1;
        for (int a = 0; a < axis; a++) n *= s.dim(a);
        return n;
    }

    private static int inner(Shape s, int axis) {
        int n = 1;
        for (int a = axis + 1; a < s.rank(); a++) n *= s.dim(a);
        return n;
    }

    private static long[] strides(Shape s) {
        long[] strides = new long[s.rank()];
        long stride = 1;
        for (int a = s.rank() - 1; a >= 0; a--) {
            strides[a] = stride;
            stride *= s.dim(a);
        }
        return strides;
    }

    private static Move transpose(Transpose t, Shape in, Shape out, int bytes) {
        long[] own = strides(in);
        long[] from = new long[own.length];
        for (int i = 0; i < from.length; i++) from[i] = own[t.permutation().get(i)];
        return new StridedCopy(0, bytes, out.dims(), from, 0, strides(out), 0, 0);
    }

    private static Move slice(Slice s, Shape in, Shape out, int bytes) {
        long[] from = strides(in);
        long offset = 0;
        for (int a = 0; a < from.length; a++) {
            offset += s.starts().get(a) * from[a];
            from[a] *= s.strides().get(a);
        }
        return new StridedCopy(0, bytes, out.dims(), from, offset, strides(out), 0, 0);
    }

    private static Move pad(Pad p, Shape in, Shape out, int bytes) {
        long[] to = strides(out);
        long offset = 0;
        for (int a = 0; a < to.length; a++) {
            offset += p.before().get(a) * to[a];
            to[a] *= p.between().get(a) + 1;
        }
        return new StridedCopy(0, bytes, in.dims(), strides(in), 0, to, offset, out.size());
    }

    private static Move concat(Concat c, Plan.Move m, Shape out, int bytes) {
        var parts = new ArrayList<StridedCopy>();
        long[] to = strides(out);
        long offset = 0;
        for (int i = 0; i < m.shapes().size(); i++) {
            Shape part = m.shapes().get(i);
            parts.add(new StridedCopy(i, bytes, part.dims(), strides(part), 0, to, offset, 0));
            offset += part.dim(c.axis()) * to[c.axis()];
        }
        return new Sequence(parts);
    }
}
