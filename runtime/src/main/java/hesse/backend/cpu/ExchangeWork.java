package hesse.backend.cpu;

import hesse.backend.cpu.kernel.WorkerPool;
import hesse.collective.Collective;
import hesse.plan.Plan;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Sums over ranks, all of one exchange in one call: gathered in one piece of memory, summed, and put where they belong. */
final class ExchangeWork implements Work {
    private final Plan plan;
    private final Plan.Exchange step;
    private final Collective collective;
    private final long bytes;
    private final List<MemorySegment> from = new ArrayList<>();
    private final List<MemorySegment> to = new ArrayList<>();
    private MemorySegment flat = MemorySegment.NULL;

    ExchangeWork(Plan plan, Plan.Exchange step, Collective collective) {
        this.plan = plan;
        this.step = step;
        this.collective = collective;
        this.bytes = plan.elements(step) * step.dtype().bytes();
    }

    @Override
    public long scratchBytes() {
        return bytes;
    }

    @Override
    public void bind(Places places, long scratch) {
        from.clear();
        to.clear();
        for (int b : step.inputs()) from.add(segment(places, b));
        for (int b : step.outputs()) to.add(segment(places, b));
        flat = MemorySegment.ofAddress(scratch).reinterpret(bytes);
    }

    private MemorySegment segment(Places places, int buffer) {
        return MemorySegment.ofAddress(places.addresses()[buffer])
                .reinterpret(plan.buffer(buffer).bytes());
    }

    @Override
    public void run(WorkerPool pool) {
        long at = 0;
        for (int i = 0; i < from.size(); i++) {
            var part = from.get(i);
            MemorySegment.copy(part, 0, flat, at, part.byteSize());
            at += part.byteSize();
        }
        collective.sum(flat.address(), plan.elements(step), step.dtype());
        at = 0;
        for (int i = 0; i < to.size(); i++) {
            var part = to.get(i);
            MemorySegment.copy(flat, at, part, 0, part.byteSize());
            at += part.byteSize();
        }
    }
}
