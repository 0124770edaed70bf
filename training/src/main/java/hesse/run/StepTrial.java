package hesse.run;

import hesse.backend.Executable;
import hesse.data.Loader;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.graph.Type;
import hesse.models.WeightFile;
import hesse.optim.Optimizer;
import hesse.plan.Plan;
import hesse.sharpness.Method;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A configuration's training step, repeated on its first batch from its initial weights: for measuring. The learning rate is 0, so that
 * the weights stay as they are while the work is that of training.
 */
public final class StepTrial implements AutoCloseable {
    /**
     * A first batch, shared by trials of the same data.
     *
     * @param x inputs
     * @param y targets
     */
    public record Batch(Tensor x, Tensor y) {}

    /**
     * One of the plans of a step.
     *
     * @param times how often it runs in a step
     * @param nanos what each of its steps took in all {@link #runTimed} so far
     */
    public record PartOfStep(Plan plan, int times, long[] nanos) {}

    private final RunContext context;
    private final Batch batch;
    private final TrainingState state;
    private final TrainingStep step;
    private final Map<String, Double> scalars;
    private long t;

    /** Compiles the step; the context's backend outlives the trial. */
    public StepTrial(RunContext context, Batch batch) {
        this.context = context;
        this.batch = batch;
        var config = context.config();
        var declared = context.declared();
        var optimizer = Optimizer.of(config.optimizer());
        this.state = new TrainingState(
                context.backend(),
                declared.parameters(),
                declared.buffers(),
                Optional.of(optimizer),
                context.floating());
        state.initialize(config.train().seed(), context.floating());
        try {
            this.step = TrainingStep.of(context, state, type(batch.x), type(batch.y));
        } catch (RuntimeException | Error e) {
            state.close();
            throw e;
        }
        this.scalars = optimizer.scalars(0, 0.0);
        Method.of(config.method()).strengths().forEach((name, s) -> scalars.put("method." + name, s.at(0, 1)));
    }

    private static Type type(Tensor t) {
        return new Type(t.dtype(), t.shape());
    }

    /** The first training batch of a configuration. */
    public static Batch firstBatch(RunContext context) throws InterruptedException {
        var config = context.config();
        var options =
                Loader.Options.training(config.requireData(), config.train().seed(), context.floating());
        try (var loader =
                new Loader(context.data().train(), context.data().normalization(), options, Loader.Position.START)) {
            var x = Tensor.allocate(loader.inputType(), loader.inputShape());
            var y = Tensor.allocate(loader.targetType(), loader.targetShape());
            int n = loader.next(x.data(), y.data()).orElseThrow().count();
            return new Batch(Slices.first(x, n), Slices.first(y, n));
        }
    }

    /**
     * Makes one step.
     *
     * @throws UserException (runtime) if loss or update are not finite
     */
    public void run() {
        boolean finite = step.run(context.config().train().seed(), t++, batch.x, batch.y, scalars);
        if (!finite) {
            throw new UserException(
                    Kind.RUNTIME,
                    "step " + t,
                    "loss or update is not finite at the initial weights",
                    "Lower the method's strength (rho or sigma2), or compute in device.precision f64");
        }
    }

    /** The last step's metrics by name: {@code loss}, {@code gradient_norm}, {@code update_norm} and what the method adds. */
    public Map<String, Double> metrics() {
        return step.metrics();
    }

    /** Parameters and buffers, laid out as in files (PyTorch's layout). */
    public Map<String, Tensor> storedWeights() {
        return WeightFile.stored(state.weights(), state.parameters());
    }

    /** The plans of a step, each once. */
    public List<PartOfStep> parts() {
        var times = new IdentityHashMap<Executable, Integer>();
        var distinct = new ArrayList<Executable>();
        for (var e : step.program()) if (times.merge(e, 1, Integer::sum) == 1) distinct.add(e);
        return distinct.stream()
                .map(e -> new PartOfStep(
                        e.plan(),
                        times.getOrDefault(e, 1),
                        new long[e.plan().steps().size()]))
                .toList();
    }

    /**
     * Runs the plans of a step once more as they stand, after {@link #run}, timing each of their steps.
     *
     * @param parts as {@link #parts} gave them; their times grow
     * @return whether the backend can tell the times of steps
     */
    public boolean runTimed(List<PartOfStep> parts) {
        boolean all = true;
        for (var e : step.program()) {
            for (var p : parts) if (p.plan == e.plan()) all &= e.runTimed(p.nanos);
        }
        return all;
    }

    /** Batch norms of the model. */
    public int batchNorms() {
        return (int) state.modelBuffers().stream()
                .filter(b -> b.name().endsWith("running_mean"))
                .count();
    }

    /** Bytes held for it: parameters, optimizer state, batch, sums and the slabs of its plans. */
    public long bytes() {
        return state.bytes() + step.bytes();
    }

    @Override
    public void close() {
        step.close();
        state.close();
    }
}
