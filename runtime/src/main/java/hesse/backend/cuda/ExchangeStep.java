package hesse.backend.cuda;

import hesse.plan.Plan;
import java.util.List;
import java.util.Optional;

/** Sums over ranks on the stream of the computation; a process by itself copies. */
final class ExchangeStep implements DeviceStep {
    private final Plan.Exchange step;
    private final Optional<NcclCollective> collective;
    private final List<Long> elements;
    private final long[] from;
    private final long[] to;

    ExchangeStep(Plan.Exchange step, Plan plan, Optional<NcclCollective> collective) {
        this.step = step;
        this.collective = collective;
        this.elements =
                step.inputs().stream().map(b -> plan.buffer(b).shape().size()).toList();
        this.from = new long[elements.size()];
        this.to = new long[elements.size()];
    }

    @Override
    public void enqueue(CudaStream stream, long[] addresses, long scratch) {
        for (int i = 0; i < from.length; i++) {
            from[i] = addresses[step.inputs().get(i)];
            to[i] = addresses[step.outputs().get(i)];
        }
        if (collective.isPresent()) {
            collective.get().sums(from, to, elements, step.dtype());
            return;
        }
        for (int i = 0; i < from.length; i++) {
            if (from[i] != to[i])
                stream.copy(to[i], from[i], elements.get(i) * step.dtype().bytes());
        }
    }

    @Override
    public long scratchBytes() {
        return 0;
    }
}
