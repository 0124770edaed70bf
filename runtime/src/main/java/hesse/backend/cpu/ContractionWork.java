package hesse.backend.cpu;

import hesse.backend.cpu.kernel.Contraction;
import hesse.backend.cpu.kernel.Conv;
import hesse.backend.cpu.kernel.ConvShape;
import hesse.backend.cpu.kernel.Gemm;
import hesse.backend.cpu.kernel.GemmShape;
import hesse.backend.cpu.kernel.WorkerPool;
import hesse.backend.cpu.kernel.Workspace;
import hesse.graph.Conv2d;
import hesse.graph.ConvFilterGradient;
import hesse.graph.ConvGeometry;
import hesse.graph.ConvInputGradient;
import hesse.graph.MatMul;
import hesse.plan.Plan;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A matrix product or convolution through the packed kernels. */
final class ContractionWork implements Work {
    private final Plan.Contraction step;
    private final Contraction kernel;
    private final Workspace workspace;
    private @Nullable MemorySegment a;
    private @Nullable MemorySegment b;
    private @Nullable MemorySegment out;
    private long aAt;
    private long bAt;
    private long outAt;

    ContractionWork(Plan.Contraction step, DType dtype, Workspace workspace) {
        this.step = step;
        this.kernel = kernel(step, dtype);
        this.workspace = workspace;
        workspace.reserve(kernel.need());
    }

    private static Contraction kernel(Plan.Contraction s, DType dtype) {
        return switch (s.op()) {
            case MatMul m ->
                new Gemm(GemmShape.batched(
                        dtype,
                        batch(s.outShape()),
                        s.outShape().dim(-2),
                        s.outShape().dim(-1),
                        s.aShape().dim(m.transposeA() ? -2 : -1),
                        m.transposeA(),
                        m.transposeB()));
            case Conv2d c -> Conv.forward(shape(dtype, s.aShape(), s.bShape(), c.geometry()));
            case ConvInputGradient c -> Conv.inputGradient(shape(dtype, s.outShape(), s.bShape(), c.geometry()));
            case ConvFilterGradient c -> Conv.filterGradient(shape(dtype, s.aShape(), s.outShape(), c.geometry()));
            default -> throw new IllegalStateException("not a contraction: " + s.op());
        };
    }

    private static int batch(Shape s) {
        int n = 1;
        for (int i = 0; i < s.rank() - 2; i++) n = Math.multiplyExact(n, s.dim(i));
        return n;
    }

    private static ConvShape shape(DType dtype, Shape images, Shape filters, ConvGeometry g) {
        return new ConvShape(
                dtype,
                images.dim(0),
                images.dim(1),
                images.dim(2),
                images.dim(3),
                filters.dim(0),
                filters.dim(1),
                filters.dim(2),
                g.strideH(),
                g.strideW(),
                g.padTop(),
                g.padBottom(),
                g.padLeft(),
                g.padRight(),
                g.dilationH(),
                g.dilationW(),
                g.groups());
    }

    @Override
    public void bind(Places places, long scratch) {
        a = places.segment(step.a());
        b = places.segment(step.b());
        out = places.segment(step.out());
        aAt = places.at(step.a());
        bAt = places.at(step.b());
        outAt = places.at(step.out());
    }

    @Override
    public void run(WorkerPool pool) {
        if (a == null || b == null || out == null) throw new IllegalStateException("not bound");
        kernel.run(pool, workspace, a, aAt, b, bAt, out, outAt, step.alpha(), step.accumulate());
    }
}
