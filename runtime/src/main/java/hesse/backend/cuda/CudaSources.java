package hesse.backend.cuda;

import hesse.graph.MatMul;
import hesse.plan.Plan;
import hesse.plan.Plan.Contraction;
import hesse.plan.Plan.Exchange;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Move;
import hesse.scalar.Lowering;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;

/** The CUDA C that a plan needs, without a device: to be read, and to be compiled by whoever has a compiler. */
public final class CudaSources {
    /** Notes what is asked for; nothing can be started with what it hands out. */
    private record Collector(Map<String, String> labels, Arena arena) implements Kernels {
        @Override
        public CudaKernel kernel(String source, String name, String label) {
            labels.putIfAbsent(source, label);
            return new CudaKernel(name, MemorySegment.NULL, 0, 0, Lifetime.root("a kernel without a device", () -> {}));
        }
    }

    private CudaSources() {}

    /**
     * Every source once, in the order of the steps, with the label of the first step that needs it. For convolutions it is our own kernel,
     * which a device needs only where cuDNN refuses.
     */
    public static Map<String, String> of(Plan plan) {
        var labels = new LinkedHashMap<String, String>();
        try (var arena = Arena.ofConfined()) {
            var kernels = new Collector(labels, arena);
            for (var launch : Launches.of(plan)) {
                if (launch.size() > 1) FusedTogether.of(launch, kernels);
                else prepare(launch.getFirst(), plan, kernels);
            }
        }
        return labels;
    }

    /** Into how many pieces of work a device gets a plan: steps that start together are one. */
    public static int launches(Plan plan) {
        return Launches.of(plan).size();
    }

    private static void prepare(Plan.Step step, Plan plan, Kernels kernels) {
        switch (step) {
            case Fused f ->
                new FusedStep(f, Lowering.lower(f.kernel().program(), f.kernel().compute()), kernels);
            case Move m -> new MoveStep(m, plan, kernels, plan.buffer(m.out()).name());
            case Exchange e -> {
                // a library's
            }
            case Contraction c -> {
                if (c.op() instanceof MatMul) return;
                var type = plan.buffer(c.out()).dtype();
                var precision = switch (type) {
                    case F64 -> Precision.F64;
                    case BF16 -> Precision.BF16;
                    default -> Precision.F32;
                };
                new GeneratedConvolution(
                        kernels,
                        ContractionStep.spec(c, precision, type),
                        c.alpha(),
                        plan.buffer(c.out()).name());
            }
        }
    }
}
