package hesse.plan;

import hesse.scalar.ScalarProgram;
import hesse.tensor.DType;
import java.util.List;

/**
 * The structure of a fused elementwise kernel, with several results in one pass over a dense index space of {@code rank} axes.
 * Extents, constants from the graph and buffers are arguments of the step, so that the layers of a deep network share a few
 * kernels. Program input i is load i; program output i is result i.
 *
 * @param compute element type of the arithmetic, F32 or F64
 */
public record Kernel(DType compute, int rank, List<Load> loads, ScalarProgram program, List<Result> results) {
    public Kernel {
        loads = List.copyOf(loads);
        results = List.copyOf(results);
    }

    /** Where a program input comes from. */
    public enum Source {
        /** An element of a buffer; booleans load as truth values, integers are converted. */
        DATA,
        /** The index along the one axis in the mask. */
        INDEX,
        /** A scalar argument of the step. */
        ARGUMENT
    }

    /**
     * @param axes bit i set: varies along axis i; the buffer is dense, row-major over those axes and constant along the others
     */
    public record Load(Source source, DType dtype, int axes) {}

    /** What becomes of a program output. */
    public enum Kind {
        STORE,
        SUM,
        MAX
    }

    /**
     * @param axes bit i set: axis i is kept; sums and maxima run over the others. A store keeps all.
     */
    public record Result(Kind kind, DType dtype, int axes) {}
}
