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
import java.util.Optional;

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
    private final Cast first;
    private final Cast second;
    private final String way;

    /**
     * @param operand how the body wants its operands
     * @param scratchBytes beside the operands' copies
     */
    private record Built(Body body, DType operand, long scratchBytes, String way) {}

    /** A copy of an operand in scratch memory, of the type and rounding that the body wants; none if it lies so already. */
    private record Cast(Optional<StridedCopy> copy, long bytes) {
        static Cast of(DType stored, DType rounded, DType wanted, long count, Kernels kernels, String label) {
            if (stored == wanted && stored == rounded) return new Cast(Optional.empty(), 0);
            return new Cast(
                    Optional.of(StridedCopy.rounded(kernels, stored, rounded, wanted, count, label)),
                    aligned(count * wanted.bytes()));
        }

        /** The address of what the body reads. */
        long enqueue(CudaStream stream, long operand, long scratch) {
            if (copy.isEmpty()) return operand;
            copy.get().enqueue(stream, operand, scratch);
            return scratch;
        }
    }

    /**
     * @param wanted how the user wants f32 operands multiplied: F32, TF32 or BF16
     * @param label of the step, named in errors
     */
    ContractionStep(Contraction step, Plan plan, Precision wanted, Libraries libraries, String label) {
        this.step = step;
        var stored = plan.buffer(step.a()).dtype();
        var beside = plan.buffer(step.b()).dtype();
        var precision = stored == DType.F64
                ? Precision.F64
                : stored == DType.BF16 && beside == DType.BF16 ? Precision.BF16 : wanted;
        var output = plan.buffer(step.out()).dtype();
        var built = step.op() instanceof MatMul product
                ? matmul(product, precision, output, libraries, label)
                : convolution(precision, output, libraries, label);
        this.body = built.body();
        this.bodyBytes = aligned(built.scratchBytes());
        this.way = built.way();
        var kernels = libraries.kernels();
        var rounded = precision.operand();
        this.first = Cast.of(stored, rounded, built.operand(), step.aShape().size(), kernels, label);
        this.second = Cast.of(beside, rounded, built.operand(), step.bShape().size(), kernels, label);
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
                precision.operand(),
                plan.workspaceBytes(),
                "cublasLt");
    }

    private Built convolution(Precision precision, DType output, Libraries libraries, String label) {
        var spec = spec(step, precision, output);
        return convolution(spec, libraries.convolutions().choose(spec), libraries, label);
    }

    private Built convolution(ConvolutionSpec spec, ConvolutionChoice choice, Libraries libraries, String label) {
        return switch (choice) {
            case ConvolutionChoice.Direct direct -> direct(spec, direct.algorithm(), libraries, label);
            case ConvolutionChoice.IntoScratch scratch -> intoScratch(spec, scratch.algorithm(), libraries, label);
            case ConvolutionChoice.Widened widened -> convolution(spec.widened(), widened.way(), libraries, label);
            case ConvolutionChoice.Transposed transposed -> transposed(spec, transposed.algorithm(), libraries, label);
            case ConvolutionChoice.Generated generated -> {
                var kernel = new GeneratedConvolution(libraries.kernels(), spec, step.alpha(), label);
                yield new Built(
                        (stream, a, b, c, scratch) -> kernel.enqueue(stream, a, b, c),
                        spec.precision().operand(),
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
                spec.precision().operand(),
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
                spec.precision().operand(),
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
                operand,
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
        long a = first.enqueue(stream, addresses[step.a()], scratch);
        long b = second.enqueue(stream, addresses[step.b()], scratch + first.bytes());
        body.run(stream, a, b, addresses[step.out()], scratch + first.bytes() + second.bytes());
    }

    @Override
    public long scratchBytes() {
        return first.bytes() + second.bytes() + bodyBytes;
    }

    private static long aligned(long bytes) {
        return (bytes + 255) / 256 * 256;
    }
}
