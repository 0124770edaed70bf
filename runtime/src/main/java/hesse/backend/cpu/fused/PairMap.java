package hesse.backend.cpu.fused;

import hesse.backend.cpu.kernel.VectorBits;
import hesse.plan.Kernel;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Load;
import hesse.plan.Kernel.Result;
import hesse.plan.Kernel.Source;
import hesse.scalar.ScalarProgram;
import hesse.tensor.DType;
import java.util.List;

/** A program of two f64 inputs and one output, mapped over arrays in native memory by generated code. */
public final class PairMap {
    private static final double[] NO_ARGUMENTS = new double[2];
    private static final long[] GEOMETRY = new long[3];
    private static final int[] NO_EXTENTS = new int[0];

    private final FusedKernel kernel;

    private PairMap(FusedKernel kernel) {
        this.kernel = kernel;
    }

    /** @param vectors whether by vectors; the bits are the same */
    public static PairMap of(ScalarProgram program, boolean vectors) {
        var load = new Load(Source.DATA, DType.F64, 1);
        var result = new Result(Kind.STORE, DType.F64, 1);
        var kernel = new Kernel(DType.F64, 1, List.of(load, load), program, List.of(result));
        return new PairMap(FusedGenerator.generate(
                kernel, vectors ? VectorBits.species(double.class).length() : 0));
    }

    /**
     * out[i] = program(a[i], b[i]) for i below n.
     *
     * @param places native addresses of a, b and out
     */
    public void run(long[] places, int n) {
        kernel.run(places, NO_ARGUMENTS, GEOMETRY, NO_EXTENTS, 0, 0, 1, 0, n);
    }
}
