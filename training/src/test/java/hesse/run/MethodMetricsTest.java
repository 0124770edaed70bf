package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What each step of a method reports beside loss and accuracy: whatever the method has anyway. */
class MethodMetricsTest {
    private static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);
    private static final Set<String> ALWAYS = Set.of("step", "epoch", "split", "loss", "accuracy", "lr", "update_norm");

    @TempDir
    Path folder;

    private List<JsonNode> metrics(String method, String... more) throws IOException, InterruptedException {
        var set = new java.util.ArrayList<>(List.of(
                "model.hidden=[8]",
                "data.limit=64",
                "data.batch=32",
                "train.steps=2",
                "train.log_every=1",
                "device={backend: cpu, precision: f64, threads: 1}",
                "method=" + method));
        set.addAll(List.of(more));
        var run = folder.resolve("run");
        try (var context = RunContext.open(
                        Config.load("digits-mlp", set), Optional.empty(), Optional.empty(), line -> {});
                var trainer = new Trainer(context, run, false, SILENT)) {
            trainer.run();
        }
        return Files.readAllLines(run.resolve("metrics.jsonl")).stream()
                .map(new JsonMapper()::readTree)
                .toList();
    }

    private static List<JsonNode> steps(List<JsonNode> metrics) {
        return metrics.stream()
                .filter(m -> m.path("split").asString("").equals("train"))
                .toList();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{kind: sgd}                                                    | gradient_norm update_cosine",
                "{kind: sam, rho: 0.1}                                          | gradient_norm update_cosine",
                "{kind: asam, rho: 0.1}                                         | gradient_norm update_cosine",
                "{kind: usam, rho: 0.1}                                         | gradient_norm update_cosine",
                "{kind: psam, rho: 0.1}                                         | gradient_norm update_cosine penalty hessian_gradient_ratio",
                "{kind: pusam, rho: 0.1}                                        | gradient_norm update_cosine penalty hessian_gradient_ratio",
                "{kind: gradient_penalty, rho: 0.1, p: 3}                       | gradient_norm update_cosine penalty hessian_gradient_ratio",
                "{kind: fd_gradient_penalty, rho: 0.1, radius: 0.1}             | gradient_norm update_cosine penalty",
                "{kind: hessian_trace, sigma2: 0.001}                           | penalty",
                "{kind: gn_trace, sigma2: 0.001}                                | penalty label_entropy",
                "{kind: gn_trace, sigma2: 0.001, estimator: straight_through}   | penalty label_entropy",
                "{kind: gn_trace, sigma2: 0.001, estimator: hutchinson}         | penalty",
                "{kind: trace_mix, sigma2: 0.001, c: 0.5}                       | penalty"
            })
    void everyStepReportsWhatTheMethodHasAnyway(String method, String expected)
            throws IOException, InterruptedException {
        var steps = steps(metrics(method));
        assertEquals(2, steps.size());
        for (var step : steps) {
            var names = new TreeSet<>(step.propertyNames());
            names.removeAll(ALWAYS);
            assertEquals(new TreeSet<>(List.of(expected.split(" "))), names, method);
            for (var name : names) assertTrue(Double.isFinite(step.get(name).asDouble()), name);
        }
    }

    @Test
    void figuresFitEachOther() throws IOException, InterruptedException {
        for (var step : steps(metrics("{kind: psam, rho: 0.1}"))) {
            double g = step.get("gradient_norm").asDouble();
            assertEquals(0.1 * g, step.get("penalty").asDouble(), 1e-13 * g);
            double cosine = step.get("update_cosine").asDouble();
            assertTrue(-1 <= cosine && cosine <= 1 + 1e-15, "cosine " + cosine);
            // the update is g + ρHĝ, and the ratio is ‖Hĝ‖ = ‖Hg‖/‖g‖
            double longest = g + 0.1 * step.get("hessian_gradient_ratio").asDouble();
            assertTrue(step.get("update_norm").asDouble() <= longest * (1 + 1e-13));
        }
    }

    @Test
    void plainDescentGoesAlongItsGradient() throws IOException, InterruptedException {
        for (var step : steps(metrics("{kind: sgd}")))
            assertEquals(1, step.get("update_cosine").asDouble(), 1e-14);
    }

    /** At most ln 10 for ten classes. */
    @Test
    void entropyOfLabelsIsThatOfTenClasses() throws IOException, InterruptedException {
        for (var step : steps(metrics("{kind: gn_trace, sigma2: 0.001}"))) {
            double entropy = step.get("label_entropy").asDouble();
            assertTrue(0 < entropy && entropy <= Math.log(10), "entropy " + entropy);
        }
    }

    @ParameterizedTest
    @CsvSource({"relu, 0, 0", "gelu, 0.9, 1", "'{kind: relu, second_derivative: {kind: gaussian, beta: 1}}', 0.5, 1"})
    void theShareOfCurvedActivationsIsThereEachStepWithItsTolerance(String activation, double least, double most)
            throws IOException, InterruptedException {
        var probes = metrics(
                        "{kind: psam, rho: 0.1}",
                        "model.activation=" + activation,
                        "probes=[{kind: phi2, every: 1, tolerance: 1.0e-6}]")
                .stream()
                .filter(m -> m.path("probe").asString("").equals("phi2"))
                .toList();
        assertEquals(2, probes.size());
        for (var p : probes) {
            assertEquals(1e-6, p.get("tolerance").asDouble());
            double fraction = p.get("fraction_nonzero").asDouble();
            assertTrue(least <= fraction && fraction <= most, activation + ": " + fraction);
        }
    }
}
