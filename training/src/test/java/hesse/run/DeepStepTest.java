package hesse.run;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.graph.Type;
import hesse.models.Inputs;
import hesse.optim.Optimizer;
import hesse.plan.PlanCost;
import hesse.sharpness.Method;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** A deep net's whole step: its kernels are shared by its layers, and it is compiled in seconds. */
class DeepStepTest {
    /** A wide residual net of 28 layers, momentum and batch statistics as its preset has them, on few images. */
    private static void step(String method) {
        var config = Config.load("cifar-wrn-28-10", List.of("method=" + method, "model.width=4"));
        var built = config.model().build(Optional.of(new Inputs.Images(3, 32, 32)), OptionalInt.of(10));
        var recipe = new StepGraph.Recipe(
                built.model(),
                config.loss().function(),
                DType.F32,
                Method.of(config.method()),
                config.normStatistics().inFurtherPasses(),
                Optimizer.of(config.optimizer()));
        var x = new Type(DType.F32, built.inputs().shape(16));
        var y = new Type(DType.I64, Shape.of(16));
        long start = System.nanoTime();
        try (var backend = Backends.open("cpu", BackendOptions.defaults(), line -> {});
                var step = backend.compile(StepGraph.whole(recipe, x, y))) {
            double seconds = (System.nanoTime() - start) / 1e9;
            var text = "%s: %d kernels compiled, %d with those interpreted, %.1f s"
                    .formatted(
                            method,
                            PlanCost.compiledKernels(step.plan()).size(),
                            PlanCost.distinctKernels(step.plan()),
                            seconds);
            System.out.println(text);
            assertTrue(PlanCost.compiledKernels(step.plan()).size() <= 30, text);
            assertTrue(seconds < 10, text);
        }
    }

    @Test
    void aPsamStepOfTwentyEightLayersHasFewKernels() {
        step("{kind: psam, rho: 0.1}");
    }

    @Test
    void soDoTheOthers() {
        step("{kind: sgd}");
        step("{kind: sam, rho: 0.1}");
    }
}
