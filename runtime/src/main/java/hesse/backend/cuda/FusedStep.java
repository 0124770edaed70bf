package hesse.backend.cuda;

import hesse.plan.Kernel;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Source;
import hesse.plan.Plan.Fused;
import hesse.scalar.ScalarProgram;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.List;

/** A fused step on the device: its passes, with their kernels and arguments. */
final class FusedStep implements DeviceStep {
    /** Argument {@code index} of a launch is the address of buffer {@code buffer}. */
    private record Patch(int index, int buffer) {}

    private record Pass(
            CudaKernel kernel,
            LaunchShape shape,
            LaunchArguments arguments,
            List<Patch> patches,
            int partial,
            List<Finish> finish) {}

    private record Finish(
            CudaKernel kernel, LaunchShape shape, LaunchArguments arguments, List<Patch> patches, int partial) {}

    private final Fused step;
    private final List<Pass> passes = new ArrayList<>();
    private final long scratchBytes;

    /** @param program the kernel's, in basic operations */
    FusedStep(Fused step, ScalarProgram program, Kernels store) {
        this.step = step;
        long scratch = 0;
        for (var pass : FusedPass.of(step)) {
            passes.add(pass(pass, program, store));
            scratch = Math.max(scratch, pass.scratchBytes(step));
        }
        this.scratchBytes = scratch;
    }

    private Pass pass(FusedPass pass, ScalarProgram program, Kernels store) {
        var kernel = step.kernel();
        var source = FusedSource.of(kernel, program, step.modes(), pass.results(), pass.shape());
        var arguments = new LaunchArguments(
                store.arena(),
                4 + kernel.rank() + kernel.loads().size() + pass.results().size());
        var patches = new ArrayList<Patch>();
        int at = 0;
        if (pass.reduces()) {
            arguments.set(at++, pass.outputs()).set(at++, pass.inner()).set(at++, pass.chunk());
        } else {
            arguments.set(at++, pass.points());
        }
        for (int extent : step.extents()) arguments.set(at++, (long) extent);
        for (var l = 0; l < kernel.loads().size(); l++) {
            var load = kernel.loads().get(l);
            if (load.source() == Source.DATA)
                patches.add(new Patch(at++, step.inputs().get(l)));
            if (load.source() == Source.ARGUMENT) {
                double value = step.arguments().get(l);
                if (kernel.compute() == DType.F32) arguments.set(at++, (float) value);
                else arguments.set(at++, value);
            }
        }
        for (int r : pass.results()) patches.add(new Patch(at++, step.outputs().get(r)));
        var finish = pass.chunks() > 1 ? List.of(finish(pass, source, store)) : List.<Finish>of();
        return new Pass(
                store.kernel(source, "fused", step.label()),
                pass.launch(),
                arguments,
                patches,
                pass.reduces() ? at : -1,
                finish);
    }

    private Finish finish(FusedPass pass, String source, Kernels store) {
        var arguments = new LaunchArguments(store.arena(), 3 + pass.results().size());
        var patches = new ArrayList<Patch>();
        int at = 0;
        arguments.set(at++, pass.outputs()).set(at++, (long) pass.chunks());
        Kernel kernel = step.kernel();
        for (int r : pass.results()) {
            if (kernel.results().get(r).kind() != Kind.STORE)
                patches.add(new Patch(at++, step.outputs().get(r)));
        }
        return new Finish(store.kernel(source, "finish", step.label()), pass.finish(), arguments, patches, at);
    }

    @Override
    public void enqueue(CudaStream stream, long[] addresses, long scratch) {
        for (var pass : passes) {
            patch(pass.arguments(), pass.patches(), addresses);
            if (pass.partial() >= 0) pass.arguments().set(pass.partial(), scratch);
            stream.launch(pass.kernel(), pass.shape(), pass.arguments(), step.label());
            for (var finish : pass.finish()) {
                patch(finish.arguments(), finish.patches(), addresses);
                finish.arguments().set(finish.partial(), scratch);
                stream.launch(finish.kernel(), finish.shape(), finish.arguments(), step.label());
            }
        }
    }

    private static void patch(LaunchArguments arguments, List<Patch> patches, long[] addresses) {
        for (var patch : patches) arguments.set(patch.index(), addresses[patch.buffer()]);
    }

    @Override
    public long scratchBytes() {
        return scratchBytes;
    }
}
