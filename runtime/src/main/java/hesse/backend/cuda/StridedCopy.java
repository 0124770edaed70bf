package hesse.backend.cuda;

import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * A kernel that copies a box of elements between two memories, each with its own distances along the axes: transpositions, slices,
 * padding, pieces side by side. It can add to the target, and convert.
 */
final class StridedCopy {
    private static final long NARROW = 1L << 31;

    /** One axis of the box: how many elements, and how far apart they lie on both sides. */
    record Axis(long size, long from, long to) {}

    private final CudaKernel kernel;
    private final LaunchShape shape;
    private final LaunchArguments arguments;
    private final String label;
    private final long fromStart;
    private final long toStart;
    private final int fromBytes;
    private final int toBytes;

    /**
     * @param fromStart elements before the first one read; {@code toStart} before the first one written
     * @param adds whether elements are added to the target's
     */
    StridedCopy(
            Kernels store,
            DType from,
            DType to,
            List<Axis> box,
            long fromStart,
            long toStart,
            boolean adds,
            String label) {
        this(store, from, to, box, fromStart, toStart, adds, to, label);
    }

    private StridedCopy(
            Kernels store,
            DType from,
            DType to,
            List<Axis> box,
            long fromStart,
            long toStart,
            boolean adds,
            DType rounded,
            String label) {
        var axes = merged(box);
        long points = axes.stream().mapToLong(Axis::size).reduce(1, (a, b) -> a * b);
        this.kernel = store.kernel(source(from, to, axes.size(), points >= NARROW, adds, rounded), "move", label);
        this.shape = LaunchShape.row(
                (int) Math.max(1, Math.min((points + FusedSource.BLOCK - 1) / FusedSource.BLOCK, 1 << 20)),
                FusedSource.BLOCK);
        this.arguments = new LaunchArguments(store.arena(), 3 + 3 * axes.size());
        arguments.set(0, points);
        for (var a = 0; a < axes.size(); a++) {
            arguments
                    .set(3 + 3 * a, axes.get(a).size())
                    .set(4 + 3 * a, axes.get(a).from())
                    .set(5 + 3 * a, axes.get(a).to());
        }
        this.label = label;
        this.fromStart = fromStart;
        this.toStart = toStart;
        this.fromBytes = from.bytes();
        this.toBytes = to.bytes();
    }

    /** A copy of elements that lie without gaps on both sides. */
    static StridedCopy dense(Kernels store, DType from, DType to, long count, boolean adds, String label) {
        return new StridedCopy(store, from, to, List.of(new Axis(count, 1, 1)), 0, 0, adds, label);
    }

    /** A dense copy of elements that are rounded to a shorter type on their way. */
    static StridedCopy rounded(Kernels store, DType from, DType rounded, DType to, long count, String label) {
        return new StridedCopy(store, from, to, List.of(new Axis(count, 1, 1)), 0, 0, false, rounded, label);
    }

    /** Axes that continue each other on both sides become one; axes of one element go. */
    static List<Axis> merged(List<Axis> box) {
        var axes = new ArrayList<Axis>();
        for (var axis : box) {
            if (axis.size() == 1) continue;
            if (!axes.isEmpty()) {
                var last = axes.getLast();
                if (last.from() == axis.size() * axis.from() && last.to() == axis.size() * axis.to()) {
                    axes.set(axes.size() - 1, new Axis(last.size() * axis.size(), axis.from(), axis.to()));
                    continue;
                }
            }
            axes.add(axis);
        }
        return axes;
    }

    private static String source(DType from, DType to, int rank, boolean wide, boolean adds, DType rounded) {
        var text = new StringBuilder(CudaPrelude.TEXT);
        text.append("typedef ").append(wide ? "u64" : "u32").append(" I;\n");
        text.append("extern \"C\" __global__ void move(const I points, const ").append(CudaPrelude.type(from));
        text.append(" *from, ").append(CudaPrelude.type(to)).append(" *to");
        for (var a = 0; a < rank; a++) text.append(", const I e" + a + ", const i64 f" + a + ", const i64 t" + a);
        text.append(
                ") {\n    for (I p = (I)blockIdx.x * blockDim.x + threadIdx.x; p < points; p += (I)gridDim.x * blockDim.x) {\n");
        text.append("        I q = p;\n        i64 f = 0, t = 0;\n");
        for (var a = rank - 1; a >= 0; a--) {
            text.append("        { const I c = q % e" + a + "; q /= e" + a + "; f += c * f" + a + "; t += c * t" + a
                    + "; }\n");
        }
        var element = "from[f]";
        if (from != to || adds || rounded != to) {
            var compute = from == DType.F64 || to == DType.F64 ? DType.F64 : DType.F32;
            var number = CudaPrelude.read(from, compute, element);
            if (rounded != to && rounded != from) {
                number = CudaPrelude.read(rounded, compute, CudaPrelude.write(rounded, compute, number));
            }
            if (adds) number = "(" + CudaPrelude.read(to, compute, "to[t]") + " + " + number + ")";
            element = CudaPrelude.write(to, compute, number);
        }
        return text.append("        to[t] = ")
                .append(element)
                .append(";\n    }\n}\n")
                .toString();
    }

    /** Copies between two device addresses. */
    void enqueue(CudaStream stream, long from, long to) {
        arguments.set(1, from + fromStart * fromBytes).set(2, to + toStart * toBytes);
        stream.launch(kernel, shape, arguments, label);
    }
}
