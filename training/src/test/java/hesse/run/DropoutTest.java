package hesse.run;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.nn.Layers;
import hesse.nn.Model;
import hesse.scalar.Activations;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An example's dropout mask belongs to its place in the batch: every pass of a step and every way to divide the batch has the same. */
class DropoutTest {
    private static final int STEPS = 3;

    @TempDir
    Path folder;

    private static Model perceptron(int classes, double probability) {
        var phi = Activations.named("gelu");
        return (f, x) -> {
            var hidden = f.in("hidden");
            var h = Layers.activation(hidden, Layers.linear(hidden, x, 12), phi);
            return Layers.linear(f.in("head"), Layers.dropout(hidden, h, probability), classes);
        };
    }

    private Map<String, Tensor> weights(String name, double probability, String... set) throws InterruptedException {
        var all = new ArrayList<>(List.of(
                "data.limit=40",
                "data.batch=12",
                "train.steps=" + STEPS,
                "device={backend: cpu, precision: f64, threads: 1}"));
        all.addAll(List.of(set));
        Path run = folder.resolve(name);
        var own = new RunContext.OwnModel(classes -> perceptron(classes, probability));
        try (var context = RunContext.open(
                        Config.load("digits-mlp", all), Optional.empty(), Optional.of(own), line -> {});
                var trainer = new Trainer(context, run, false, SmallRuns.SILENT)) {
            trainer.run();
        }
        return Safetensors.read(run.resolve("checkpoints/step-%08d/weights.safetensors".formatted(STEPS)))
                .tensors();
    }

    private static double distance(Map<String, Tensor> a, Map<String, Tensor> b) {
        double squares = 0;
        for (var e : a.entrySet()) squares += Math.pow(Golden.distance(e.getValue(), b.get(e.getKey())), 2);
        return Math.sqrt(squares) / Golden.norm(List.copyOf(b.values()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{kind: sgd}",
                "{kind: sam, rho: 0.2}",
                "{kind: sam, rho: 0.2, m: 2}",
                "{kind: psam, rho: 0.2}",
                "{kind: gn_trace, sigma2: 0.01}",
                "{kind: weight_noise, sigma2: 0.01}"
            })
    void aBatchInPartsHasTheWholeBatchsMasks(String method) throws InterruptedException {
        var whole = weights("whole", 0.4, "method=" + method);
        var parts = weights("parts", 0.4, "method=" + method, "train.micro_batch=4");
        double error = distance(parts, whole);
        assertTrue(error < 1e-12, () -> method + " is off by " + error);
    }

    /** With no perturbation both passes of SAM are one, whatever the masks are, if only they are the same; so are all groups'. */
    @ParameterizedTest
    @ValueSource(strings = {"{kind: sam, rho: 0}", "{kind: sam, rho: 0, m: 3}", "{kind: psam, rho: 0}"})
    void allPassesOfAStepHaveTheSameMasks(String method) throws InterruptedException {
        double error = distance(weights("a", 0.4, "method=" + method), weights("b", 0.4, "method={kind: sgd}"));
        assertTrue(error < 1e-12, () -> method + " is off by " + error);
    }

    @Test
    void dropoutChangesTheSteps() throws InterruptedException {
        double none = distance(weights("a", 0.4), weights("b", 0));
        assertTrue(none > 1e-3, () -> "dropout changes nothing: " + none);
    }
}
