package hesse.backend.cpu;

import hesse.backend.cpu.kernel.WorkerPool;
import hesse.collective.Collective;
import hesse.plan.Plan;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Sums over ranks: large tensors where they lie, the small ones of an exchange gathered in one piece of memory and summed in one call. */
final class ExchangeWork implements Work {
    /** From here on, copying there and back costs more than a call. */
    private static final long LARGE_BYTES = 256 << 10;

    /** A part of a sum, and where the sum belongs. */
    private record Pair(MemorySegment from, MemorySegment to) {
        long bytes() {
            return from.byteSize();
        }
    }

    private final Plan plan;
    private final Plan.Exchange step;
    private final Collective collective;
    private final long smallBytes;
    private final List<Pair> large = new ArrayList<>();
    private final List<Pair> small = new ArrayList<>();
    private MemorySegment flat = MemorySegment.NULL;

    ExchangeWork(Plan plan, Plan.Exchange step, Collective collective) {
        this.plan = plan;
        this.step = step;
        this.collective = collective;
        this.smallBytes = step.inputs().stream()
                .mapToLong(b -> plan.buffer(b).bytes())
                .filter(bytes -> bytes < LARGE_BYTES)
                .sum();
    }

    @Override
    public long scratchBytes() {
        return smallBytes;
    }

    @Override
    public void bind(Places places, long scratch) {
        large.clear();
        small.clear();
        for (int i = 0; i < step.inputs().size(); i++) {
            var pair = new Pair(
                    segment(places, step.inputs().get(i)),
                    segment(places, step.outputs().get(i)));
            (pair.bytes() < LARGE_BYTES ? small : large).add(pair);
        }
        flat = MemorySegment.ofAddress(scratch).reinterpret(smallBytes);
    }

    private MemorySegment segment(Places places, int buffer) {
        return MemorySegment.ofAddress(places.addresses()[buffer])
                .reinterpret(plan.buffer(buffer).bytes());
    }

    @Override
    public void run(WorkerPool pool) {
        for (int i = 0; i < large.size(); i++) {
            var pair = large.get(i);
            if (pair.from.address() != pair.to.address()) pair.to.copyFrom(pair.from);
            sum(pair.to);
        }
        if (smallBytes == 0) return;
        long at = 0;
        for (int i = 0; i < small.size(); i++) {
            var pair = small.get(i);
            MemorySegment.copy(pair.from, 0, flat, at, pair.bytes());
            at += pair.bytes();
        }
        sum(flat);
        at = 0;
        for (int i = 0; i < small.size(); i++) {
            var pair = small.get(i);
            MemorySegment.copy(flat, at, pair.to, 0, pair.bytes());
            at += pair.bytes();
        }
    }

    private void sum(MemorySegment data) {
        collective.sum(data.address(), data.byteSize() / step.dtype().bytes(), step.dtype());
    }
}
