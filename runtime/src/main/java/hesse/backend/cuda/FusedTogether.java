package hesse.backend.cuda;

import hesse.plan.Kernel.Source;
import hesse.plan.Plan;
import hesse.plan.Plan.Fused;
import hesse.scalar.Lowering;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * Several fused steps of one kernel, which store only and do not depend on each other, as one launch. Each has blocks of its own, as many
 * as it would have alone, so that the results are the same. What they are given lies in the launch's own parameters: nothing has to be
 * copied before it, and a recorded graph keeps the addresses it was recorded with.
 */
final class FusedTogether implements DeviceStep {
    /** Slot {@code slot} of the arguments is the address of buffer {@code buffer}. */
    private record Patch(int slot, int buffer) {}

    private final CudaKernel kernel;
    private final LaunchShape shape;
    private final LaunchArguments arguments;
    private final List<Patch> patches = new ArrayList<>();
    private final String label;

    private FusedTogether(List<Fused> steps, Kernels store) {
        var first = steps.getFirst();
        var structure = first.kernel();
        this.label = (first.label().isEmpty() ? "a step" : first.label()) + " and " + (steps.size() - 1) + " more";
        var program = Lowering.lower(structure.program(), structure.compute());
        var source = FusedSource.together(
                structure,
                program,
                first.modes(),
                FusedPass.of(first).getFirst().shape());
        this.kernel = store.kernel(source, "fused_together", label);
        // The driver copies the whole structure, whatever is used of it.
        this.arguments = new LaunchArguments(
                store.arena(), 1 + FusedSource.room(structure) * FusedSource.recordSlots(structure), 2);
        arguments.set(0, steps.size());
        int blocks = 0;
        for (var s = 0; s < steps.size(); s++) {
            int own = FusedPass.of(steps.get(s)).getFirst().launch().gridX();
            record(steps.get(s), 1 + s * FusedSource.recordSlots(structure), blocks, own);
            blocks += own;
        }
        this.shape = LaunchShape.row(blocks, FusedSource.BLOCK);
    }

    /** @param steps of one kernel, modes and cut, as {@link Launches} gives them */
    static FusedTogether of(List<Plan.Step> steps, Kernels store) {
        return new FusedTogether(steps.stream().map(step -> (Fused) step).toList(), store);
    }

    private void record(Fused step, int from, int firstBlock, int blocks) {
        int at = from;
        arguments.set(at++, (long) blocks << 32 | firstBlock).set(at++, step.points());
        for (int extent : step.extents()) arguments.set(at++, (long) extent);
        var structure = step.kernel();
        for (var l = 0; l < structure.loads().size(); l++) {
            var source = structure.loads().get(l).source();
            if (source == Source.DATA) patches.add(new Patch(at++, step.inputs().get(l)));
            if (source == Source.ARGUMENT) {
                double value = step.arguments().get(l);
                if (structure.compute() == DType.F32) arguments.set(at++, (float) value);
                else arguments.set(at++, value);
            }
        }
        for (int buffer : step.outputs()) patches.add(new Patch(at++, buffer));
    }

    @Override
    public void enqueue(CudaStream stream, long[] addresses, long scratch) {
        for (var patch : patches) arguments.set(patch.slot(), addresses[patch.buffer()]);
        stream.launch(kernel, shape, arguments, label);
    }

    @Override
    public long scratchBytes() {
        return 0;
    }
}
