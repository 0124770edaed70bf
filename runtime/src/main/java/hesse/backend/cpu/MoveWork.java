package hesse.backend.cpu;

import hesse.backend.cpu.kernel.WorkerPool;
import hesse.backend.cpu.move.Move;
import hesse.backend.cpu.move.Moves;
import hesse.plan.Plan;
import hesse.tensor.DType;

/** An op that moves, selects or draws. */
final class MoveWork implements Work {
    private final Plan.Move step;
    private final Move move;

    MoveWork(Plan plan, Plan.Move step, int threads) {
        this.step = step;
        DType[] dtypes = step.inputs().stream().map(i -> plan.buffer(i).dtype()).toArray(DType[]::new);
        this.move = Moves.of(step, dtypes, plan.buffer(step.out()).dtype(), threads);
    }

    @Override
    public long scratchBytes() {
        return move.scratchBytes();
    }

    @Override
    public void bind(Places places, long scratch) {
        long[] from = new long[step.inputs().size()];
        for (int i = 0; i < from.length; i++)
            from[i] = places.addresses()[step.inputs().get(i)];
        move.bind(from, places.addresses()[step.out()], scratch);
    }

    @Override
    public void run(WorkerPool pool) {
        move.run(pool);
    }
}
