package hesse.run;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.graph.Type;
import hesse.models.Inputs;
import hesse.optim.Optimizer;
import hesse.sharpness.Method;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** A deep network's step is ready within seconds: graph, derivatives, plan, kernels. */
class CompileTimeTest {
    private static final double SECONDS = 10;

    /** In seconds of this thread's own work, on a fresh JVM or not; the width changes sizes only, not what there is to compile. */
    @Test
    void theSecondOrderStepOf28LayersIsCompiledWithinTenSeconds() {
        var config = Config.load("cifar-wrn-28-10", List.of("method={kind: psam, rho: 0.1}", "model.width=1"));
        var built = config.model().build(Optional.of(new Inputs.Images(3, 32, 32)), OptionalInt.of(10));
        var recipe = new StepGraph.Recipe(
                built.model(),
                config.loss().function(),
                DType.F32,
                Method.of(config.method()),
                config.normStatistics().inFurtherPasses(),
                Optimizer.of(config.optimizer()));
        var x = new Type(DType.F32, built.inputs().shape(8));
        var y = new Type(DType.I64, Shape.of(8));
        var clock = ManagementFactory.getThreadMXBean();
        try (var backend = Backends.open("cpu", BackendOptions.defaults(), line -> {})) {
            long before = clock.getCurrentThreadCpuTime();
            var executable = backend.compile(StepGraph.whole(recipe, x, y));
            double seconds = (clock.getCurrentThreadCpuTime() - before) / 1e9;
            int steps = executable.plan().steps().size();
            executable.close();
            assertTrue(steps > 300, steps + " steps are too few for 28 layers of second order");
            assertTrue(seconds < SECONDS, seconds + " s to compile " + steps + " steps");
        }
    }
}
