package hesse.backend.cuda;

import hesse.backend.cuda.ConvolutionChoice.Algorithm;
import hesse.backend.cuda.ConvolutionChoice.Layout;
import hesse.backend.cuda.ConvolutionSpec.Direction;
import hesse.backend.cuda.StridedCopy.Axis;
import hesse.graph.Conv2d;
import hesse.graph.ConvFilterGradient;
import hesse.graph.ConvGeometry;
import hesse.graph.ConvInputGradient;
import hesse.graph.MatMul;
import hesse.plan.Plan;
import hesse.plan.Plan.Contraction;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;

/**
 * A contraction on the device: a matrix product by cuBLASLt, a convolution by cuDNN or by a kernel of our own, whichever way was found. Where
 * operands are to be rounded to bf16 and lie in f32, rounded copies are made in scratch memory first.
 */
final class ContractionStep implements DeviceStep {
    /** What runs once operands are as the library wants them. */
    private interface Body {
        void run(CudaStream stream, long a, long b, long out, long scratch);
    }

    private static final int SLAB_ALIGNMENT = 64;

    private final Contraction step;
    private final Body body;
    private final long bodyBytes;
    private final List<StridedCopy> casts;
    private final long secondCast;
    private final long castBytes;
    private final String way;

    private record Built(Body body, long scratchBytes, String way) {}

    /**
     * @param wanted how the user wants f32 operands multiplied: F32, TF32 or BF16
     * @param label of the step, named in errors
     */
    ContractionStep(Contraction step, Plan plan, Precision wanted, Libraries libraries, String label) {
        this.step = step;
        var stored = plan.buffer(step.a()).dtype();
        var precision = switch (stored) {
            case F64 -> Precision.F64;
            case BF16 -> Precision.BF16;
            default -> wanted;
        };
        var output = plan.buffer(step.out()).dtype();
        var built = step.op() instanceof MatMul product
                ? matmul(product, precision, output, libraries, label)
                : convolution(precision, output, libraries, label);
        this.body = built.body();
        this.bodyBytes = aligned(built.scratchBytes());
        this.way = built.way();
        if (precision.operand() != stored) {
            long first = step.aShape().size();
            long second = step.bShape().size();
            this.casts = List.of(
                    StridedCopy.dense(libraries.kernels(), stored, precision.operand(), first, false, label),
                    StridedCopy.dense(libraries.kernels(), stored, precision.operand(), second, false, label));
            this.secondCast = aligned(first * precision.operand().bytes());
            this.castBytes = secondCast + aligned(second * precision.operand().bytes());
        } else {
            this.casts = List.of();
            this.secondCast = 0;
            this.castBytes = 0;
        }
    }

    /** What contractions are done with. */
    record Libraries(CublasLt products, ConvolutionLibrary convolutions, Kernels kernels, long workspaceLimit) {}

    private Built matmul(MatMul op, Precision precision, DType output, Libraries libraries, String label) {
        Shape out = step.outShape();
        int m = out.dim(-2);
        int n = out.dim(-1);
        int k = step.aShape().dim(op.transposeA() ? -2 : -1);
        int batch = Math.toIntExact(out.size() / ((long) m * n));
        var spec = new MatmulSpec(
                m,
                n,
                k,
                batch,
                op.transposeA(),
                op.transposeB(),
                op.transposeA() ? m : k,
                op.transposeB() ? k : n,
                n,
                (long) m * k,
                (long) k * n,
                (long) m * n,
                precision,
                output,
                step.accumulate(),
                SLAB_ALIGNMENT);
        var plan = libraries.products().plan(spec, libraries.workspaceLimit(), label);
        double beta = step.accumulate() ? 1 : 0;
        return new Built(
                (stream, a, b, c, scratch) -> plan.run(stream, step.alpha(), a, b, beta, c, scratch),
                plan.workspaceBytes(),
                "cublasLt");
    }

    private Built convolution(Precision precision, DType output, Libraries libraries, String label) {
        var spec = spec(step, precision, output);
        return switch (libraries.convolutions().choose(spec)) {
            case ConvolutionChoice.Direct direct -> direct(spec, direct.algorithm(), libraries, label);
            case ConvolutionChoice.IntoScratch scratch -> intoScratch(spec, scratch.algorithm(), libraries, label);
            case ConvolutionChoice.Transposed transposed -> transposed(spec, transposed.algorithm(), libraries, label);
            case ConvolutionChoice.Generated generated -> {
                var kernel = new GeneratedConvolution(libraries.kernels(), spec, step.alpha(), label);
                yield new Built(
                        (stream, a, b, c, scratch) -> kernel.enqueue(stream, a, b, c),
                        0,
                        "generated; " + String.join("; ", generated.refusals()));
            }
        };
    }

    private Built direct(ConvolutionSpec spec, Algorithm algorithm, Libraries libraries, String label) {
        var plan = libraries.convolutions().plan(spec, Layout.NHWC, algorithm, label);
        double beta = spec.accumulate() ? 1 : 0;
        return new Built(
                (stream, a, b, c, scratch) -> plan.run(step.alpha(), a, b, beta, c, scratch),
                plan.workspaceBytes(),
                "cudnn NHWC algorithm " + algorithm.number());
    }

    private Built intoScratch(ConvolutionSpec spec, Algorithm algorithm, Libraries libraries, String label) {
        var plan = libraries.convolutions().plan(spec.accumulate(false), Layout.NHWC, algorithm, label);
        var add = StridedCopy.dense(
                libraries.kernels(), spec.output(), spec.output(), spec.outputElements(), true, label);
        long result = aligned(spec.outputElements() * spec.output().bytes());
        return new Built(
                (stream, a, b, c, scratch) -> {
                    plan.run(step.alpha(), a, b, 0, scratch, scratch + result);
                    add.enqueue(stream, scratch, c);
                },
                result + plan.workspaceBytes(),
                "cudnn NHWC algorithm " + algorithm.number() + ", then added");
    }

    private Built transposed(ConvolutionSpec spec, Algorithm algorithm, Libraries libraries, String label) {
        var plan = libraries.convolutions().plan(spec.accumulate(false), Layout.NCHW, algorithm, label);
        var kernels = libraries.kernels();
        var operand = spec.precision().operand();
        var first = channelsFirst(kernels, operand, step.aShape(), label);
        var second = channelsFirst(kernels, operand, step.bShape(), label);
        var back = channelsLast(kernels, spec.output(), step.outShape(), spec.accumulate(), label);
        long secondAt = aligned(step.aShape().size() * operand.bytes());
        long resultAt = secondAt + aligned(step.bShape().size() * operand.bytes());
        long workspaceAt =
                resultAt + aligned(step.outShape().size() * spec.output().bytes());
        return new Built(
                (stream, a, b, c, scratch) -> {
                    first.enqueue(stream, a, scratch);
                    second.enqueue(stream, b, scratch + secondAt);
                    plan.run(step.alpha(), scratch, scratch + secondAt, 0, scratch + resultAt, scratch + workspaceAt);
                    back.enqueue(stream, scratch + resultAt, c);
                },
                workspaceAt + plan.workspaceBytes(),
                "cudnn NCHW algorithm " + algorithm.number() + " between transpositions");
    }

    /** From [A, B, C, D] to [A, D, B, C]; read in the order of the target. */
    private static StridedCopy channelsFirst(Kernels kernels, DType type, Shape s, String label) {
        long plane = (long) s.dim(1) * s.dim(2);
        var box = List.of(
                new Axis(s.dim(0), plane * s.dim(3), plane * s.dim(3)),
                new Axis(s.dim(3), 1, plane),
                new Axis(plane, s.dim(3), 1));
        return new StridedCopy(kernels, type, type, box, 0, 0, false, label);
    }

    private static StridedCopy channelsLast(Kernels kernels, DType type, Shape s, boolean adds, String label) {
        long plane = (long) s.dim(1) * s.dim(2);
        var box = List.of(
                new Axis(s.dim(0), plane * s.dim(3), plane * s.dim(3)),
                new Axis(plane, 1, s.dim(3)),
                new Axis(s.dim(3), plane, 1));
        return new StridedCopy(kernels, type, type, box, 0, 0, adds, label);
    }

    /** The convolution of a step. */
    static ConvolutionSpec spec(Contraction step, Precision precision, DType output) {
        return switch (step.op()) {
            case Conv2d c ->
                spec(step, Direction.FORWARD, c.geometry(), step.aShape(), step.bShape(), precision, output);
            case ConvInputGradient c ->
                spec(step, Direction.BACKWARD_DATA, c.geometry(), step.outShape(), step.bShape(), precision, output);
            case ConvFilterGradient c ->
                spec(step, Direction.BACKWARD_FILTER, c.geometry(), step.aShape(), step.outShape(), precision, output);
            default -> throw new IllegalArgumentException("not a contraction: " + step.op());
        };
    }

    private static ConvolutionSpec spec(
            Contraction step,
            Direction direction,
            ConvGeometry g,
            Shape image,
            Shape filter,
            Precision precision,
            DType output) {
        return new ConvolutionSpec(
                direction,
                image.dim(0),
                image.dim(1),
                image.dim(2),
                image.dim(3),
                filter.dim(0),
                filter.dim(1),
                filter.dim(2),
                g.padTop(),
                g.padBottom(),
                g.padLeft(),
                g.padRight(),
                g.strideH(),
                g.strideW(),
                g.dilationH(),
                g.dilationW(),
                g.groups(),
                precision,
                output,
                step.accumulate());
    }

    /** In words, how it is done. */
    String way() {
        return way;
    }

    @Override
    public void enqueue(CudaStream stream, long[] addresses, long scratch) {
        long a = addresses[step.a()];
        long b = addresses[step.b()];
        if (!casts.isEmpty()) {
            casts.get(0).enqueue(stream, a, scratch);
            casts.get(1).enqueue(stream, b, scratch + secondCast);
            a = scratch;
            b = scratch + secondCast;
        }
        body.run(stream, a, b, addresses[step.out()], scratch + castBytes);
    }

    @Override
    public long scratchBytes() {
        return castBytes + bodyBytes;
    }

    private static long aligned(long bytes) {
        return (bytes + 255) / 256 * 256;
    }
}
