package hesse.experiment;

import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import hesse.config.ConfigYaml;
import hesse.nn.Mode;
import hesse.run.Config;
import hesse.run.Products;
import hesse.run.Runs;
import hesse.run.Snapshot;
import hesse.sharpness.Method;
import hesse.sharpness.MethodConfig;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Exact products before the first step, as {@code hesse product} computes them, and the update of the configuration's method; in
 * {@code results.safetensors}. Without a {@code data} section the examples are made up.
 *
 * @param examples in the batch
 * @param compute quantities
 * @param gradient whether the direction v is the gradient; drawn by the seed otherwise
 * @param predicted whether the targets are the model's own predictions, as probabilities, in place of labels
 */
record ProductTask(int examples, List<String> compute, boolean gradient, boolean predicted) implements Task {
    static ProductTask read(ConfigNode n) {
        var wanted = n.items("compute").stream()
                .map(v -> v instanceof ConfigValue.Scalar s ? s.text() : "")
                .toList();
        wanted.stream()
                .filter(q -> !Products.QUANTITIES.contains(q))
                .forEach(q -> n.problem("compute", "names '" + q + "', which there is not"));
        return new ProductTask(
                n.integer("examples").atLeast(1).or(16),
                wanted,
                n.choice("direction", "drawn", "gradient").or("drawn").equals("gradient"),
                n.choice("targets", "labels", "predicted").or("labels").equals("predicted"));
    }

    @Override
    public String identity() {
        return "task=product " + examples + " " + compute + " " + gradient + " " + predicted + "\n";
    }

    @Override
    public boolean run(Config config, Path folder, Workbench bench) throws InterruptedException {
        var backend = bench.backend(config);
        var at = config.data().isPresent()
                ? Snapshot.initial(bench.context(config), examples)
                : Snapshot.madeUp(config, backend, examples);
        RunRecord.writeText(folder.resolve(Runs.CONFIG), ConfigYaml.print(config.resolved()));
        at.write(folder, at.y());
        Optional<Method> method = config.method() instanceof MethodConfig.Sgd
                ? Optional.empty()
                : Optional.of(Method.of(config.method()));
        var inputs = new Inputs(config, at, folder);
        if (predicted) {
            var logits = Products.compute(inputs.request(Set.of("logits"), Optional.empty(), Optional.empty()), backend)
                    .get("logits");
            at.write(folder, softmax(java.util.Objects.requireNonNull(logits)));
        }
        Optional<Path> direction = Optional.empty();
        if (gradient) {
            var found =
                    Products.compute(inputs.request(Set.of("gradient"), Optional.empty(), Optional.empty()), backend);
            var vector = new LinkedHashMap<String, Tensor>();
            found.forEach((name, t) -> vector.put(name.substring("gradient.".length()), t));
            var file = folder.resolve("vector.safetensors");
            Safetensors.write(file, vector);
            direction = Optional.of(file);
        }
        var results = Products.compute(inputs.request(Set.copyOf(compute), method, direction), backend);
        Safetensors.write(folder.resolve("results.safetensors"), results, Map.of("format", "pt"));
        var summary = new LinkedHashMap<String, Object>();
        summary.put("status", "done");
        summary.put("seed", config.train().seed());
        results.forEach((name, t) -> {
            if (t.shape().rank() == 0) summary.put(name, t.get(0));
        });
        RunRecord.write(folder.resolve(Runs.SUMMARY), summary);
        return true;
    }

    /** What all requests share. */
    private record Inputs(Config config, Snapshot at, Path folder) {
        Products.Request request(Set<String> compute, Optional<Method> method, Optional<Path> vector) {
            return new Products.Request(
                    at.model(),
                    config.loss().function(),
                    folder.resolve("weights.safetensors"),
                    folder.resolve("batch.safetensors"),
                    vector,
                    compute,
                    method,
                    config.normStatistics().inFurtherPasses(),
                    Mode.TRAIN,
                    config.device().dtype(),
                    config.train().seed());
        }
    }

    /** Over the last axis. */
    private static Tensor softmax(Tensor logits) {
        int classes = logits.shape().dim(logits.shape().rank() - 1);
        var p = Tensor.allocate(DType.F64, logits.shape());
        for (long row = 0; row < logits.size(); row += classes) {
            double most = Double.NEGATIVE_INFINITY;
            for (int k = 0; k < classes; k++) most = Math.max(most, logits.get(row + k));
            double sum = 0;
            for (int k = 0; k < classes; k++) sum += StrictMath.exp(logits.get(row + k) - most);
            for (int k = 0; k < classes; k++) p.set(row + k, StrictMath.exp(logits.get(row + k) - most) / sum);
        }
        return p;
    }
}
