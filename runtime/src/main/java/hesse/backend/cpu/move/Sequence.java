package hesse.backend.cpu.move;

import hesse.backend.cpu.kernel.WorkerPool;
import java.util.List;

/** Several moves into one result, one after the other: the parts of a concatenation. */
final class Sequence extends Move {
    private final List<? extends Move> parts;

    Sequence(List<? extends Move> parts) {
        this.parts = parts;
    }

    @Override
    public void bind(long[] from, long to, long scratch) {
        for (Move m : parts) m.bind(from, to, scratch);
    }

    @Override
    public void run(WorkerPool pool) {
        for (int i = 0; i < parts.size(); i++) parts.get(i).run(pool);
    }

    @Override
    int tasks() {
        return 0;
    }

    @Override
    public void run(int task, int worker) {
        throw new IllegalStateException("a sequence has no tasks of its own");
    }
}
