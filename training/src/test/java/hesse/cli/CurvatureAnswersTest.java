package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.curvature.BatchSource;
import hesse.curvature.Measurement;
import hesse.curvature.MeasurementSettings;
import hesse.curvature.ProbeConfig.Estimator;
import hesse.curvature.ProbeConfig.Operator;
import hesse.curvature.Problem;
import hesse.graph.Graph;
import hesse.models.Mlp;
import hesse.nn.CrossEntropy;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What is left of a measurement that was asked to stop. */
class CurvatureAnswersTest {
    private final SplittableRandom random = new SplittableRandom(7);

    private Tensor normal(Shape shape) {
        double[] values = new double[(int) shape.size()];
        for (int i = 0; i < values.length; i++) values[i] = random.nextGaussian();
        return Tensor.of(shape, values);
    }

    @Test
    void interruptedItKeepsThePairsFoundAndLeavesOutTheRest() {
        var model = new Mlp(List.of(20), 3, Activations.named("gelu", Map.of()).asActivation());
        var f = Forward.declaring(new Graph(), DType.F64, Mode.TRAIN);
        model.apply(f, f.graph().input("x", DType.F64, Shape.of(1, 6)));
        Map<String, Tensor> weights = new HashMap<>();
        for (var p : f.parameters()) weights.put(p.name(), normal(p.shape()));
        var batch = new BatchSource.Batch(normal(Shape.of(9, 6)), normal(Shape.of(9, 3)));
        int[] asked = {0};
        try (var backend = Backends.open("reference", BackendOptions.defaults(), line -> {});
                var problem = new Problem(
                        model,
                        new CrossEntropy(),
                        backend,
                        weights,
                        BatchSource.of(batch),
                        Problem.Options.of(DType.F64));
                var m = new Measurement(
                        problem,
                        problem.space(),
                        MeasurementSettings.of(Operator.HESSIAN, 3, 1e-13, 100, Estimator.HUTCHINSON, 0)
                                .until(() -> ++asked[0] >= 9))) {
            var training = new Measurement.Training(0.1, 20, 0);
            var answers = new CurvatureAnswers(problem, problem.space(), m, training, "hessian", () -> asked[0] >= 9);
            answers.answer(
                    List.of("top", "split", "trace", "density", "landscape"),
                    Optional.empty(),
                    new LandscapeOptions().read(file -> Map.of()));
            var top = (Map<?, ?>) answers.record().get("top");
            assertEquals(3, ((double[]) top.get("values")).length);
            assertEquals(9, top.get("products"));
            assertEquals(false, top.get("converged"));
            for (double r : (double[]) top.get("residuals")) assertTrue(r > 0 && Double.isFinite(r));
            assertFalse(top.containsKey("split"));
            assertFalse(
                    answers.record().containsKey("trace") || answers.record().containsKey("landscape"));
            assertEquals(true, answers.record().get("interrupted"));
            assertTrue(answers.tensors().containsKey("vectors.2.layers.0.weight"));
        }
    }
}
