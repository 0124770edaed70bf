package hesse.plan;

import hesse.graph.Conv2d;
import hesse.graph.ConvFilterGradient;
import hesse.graph.ConvInputGradient;
import hesse.graph.MatMul;
import hesse.plan.Plan.Contraction;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Step;
import hesse.tensor.Shape;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What a plan costs, counted on its steps: multiply-adds of contractions, bytes moved, kernels. */
public final class PlanCost {
    /** Fused steps over fewer points are small: a kernel of their own does not repay the time that compiling it takes. */
    public static final int SMALL_POINTS = 4096;

    private PlanCost() {}

    /** Multiply-adds of all contractions, recomputed ones included. */
    public static double multiplyAdds(Plan plan) {
        return plan.steps().stream()
                .filter(s -> s instanceof Contraction)
                .mapToDouble(s -> multiplyAdds((Contraction) s))
                .sum();
    }

    /** Multiply-adds of one contraction. */
    public static double multiplyAdds(Contraction c) {
        return switch (c.op()) {
            case MatMul m -> (double) c.outShape().size() * c.aShape().dim(m.transposeA() ? -2 : -1);
            case Conv2d d -> convolution(c.outShape(), c.bShape());
            case ConvInputGradient d -> convolution(c.aShape(), c.bShape());
            case ConvFilterGradient d -> convolution(c.bShape(), c.outShape());
            default -> throw new IllegalStateException("not a contraction: " + c.op());
        };
    }

    /** Each of the outputs [N, OH, OW, K] meets one filter of [R, S, C/groups]. */
    private static double convolution(Shape output, Shape filters) {
        return (double) output.size() * filters.dim(1) * filters.dim(2) * filters.dim(3);
    }

    /** Bytes that a step reads and writes, each operand once. */
    public static long bytesMoved(Plan plan, Step step) {
        return bytes(plan, step.reads()) + bytes(plan, step.writes());
    }

    private static long bytes(Plan plan, List<Integer> ids) {
        return ids.stream().mapToLong(i -> plan.buffer(i).bytes()).sum();
    }

    /** The structurally different fused kernels. */
    public static Set<Kernel> kernels(Plan plan) {
        var seen = new HashSet<Kernel>();
        for (Step s : plan.steps()) if (s instanceof Fused f) seen.add(f.kernel());
        return seen;
    }

    /** How many {@link #kernels} there are. */
    public static int distinctKernels(Plan plan) {
        return kernels(plan).size();
    }

    /** Those over index spaces that are not small: what a backend compiles at run time. */
    public static Set<Kernel> compiledKernels(Plan plan) {
        var seen = new HashSet<Kernel>();
        for (Step s : plan.steps()) if (s instanceof Fused f && f.points() >= SMALL_POINTS) seen.add(f.kernel());
        return seen;
    }
}
