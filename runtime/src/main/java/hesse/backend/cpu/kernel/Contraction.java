package hesse.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;

/**
 * A product of two tensors of fixed shapes: matrix products and the three directions of a convolution.
 *
 * <p>An instance keeps the arguments of the run in progress: it serves one caller at a time. Running allocates nothing. The bits of the
 * result depend on the operands alone.
 */
public sealed interface Contraction permits Gemm, Correlation, StridedInputGradient, FilterGradient {
    /** What {@link #run} needs of its workspace. */
    Workspace.Need need();

    /** Multiply-adds of a run. */
    long multiplyAdds();

    /**
     * Computes {@code out = alpha · product(a, b)}, or adds it to {@code out}. Offsets are in elements; {@code out} may not overlap the
     * operands.
     *
     * @param workspace grown to {@link #need()} before
     * @param accumulate whether to add to {@code out} instead of overwriting it
     */
    void run(
            WorkerPool pool,
            Workspace workspace,
            MemorySegment a,
            long aAt,
            MemorySegment b,
            long bAt,
            MemorySegment out,
            long outAt,
            double alpha,
            boolean accumulate);
}
