package hesse.backend.cpu;

import hesse.backend.cpu.fused.FusedStep;
import hesse.backend.cpu.kernel.WorkerPool;
import hesse.plan.Plan;

/** A generated elementwise kernel. */
final class FusedWork implements Work {
    private final FusedStep step;

    FusedWork(Plan.Fused fused, FusedStep.Cache cache) {
        step = new FusedStep(fused, cache);
    }

    @Override
    public long scratchBytes() {
        return step.scratchBytes();
    }

    @Override
    public void bind(Places places, long scratch) {
        step.bind(places.addresses(), scratch);
    }

    @Override
    public void run(WorkerPool pool) {
        step.run(pool);
    }
}
