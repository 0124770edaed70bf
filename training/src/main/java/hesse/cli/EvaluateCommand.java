package hesse.cli;

import hesse.collective.Ranks;
import hesse.config.ConfigException;
import hesse.graph.Graph;
import hesse.models.ConfiguredModel;
import hesse.models.WeightFile;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.run.Agreement;
import hesse.run.Batch;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.Evaluator;
import hesse.run.RunContext;
import hesse.run.Runs;
import hesse.run.Score;
import hesse.run.TrainingState;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse evaluate}: loss and accuracy of a run or of weights. */
@CommandLine.Command(
        name = "evaluate",
        description = "Prints loss and accuracy, overall and per class, on the test set or a batch.",
        footer = {
            "",
            "Examples:",
            "  hesse evaluate runs/first",
            "  hesse evaluate --config digits-mlp --weights W.safetensors --batch B.safetensors"
        })
public final class EvaluateCommand implements Command {
    @Parameters(arity = "0..1", paramLabel = "RUN", description = "A run's folder; its newest whole checkpoint counts.")
    @Nullable
    Path run;

    @Option(names = "--config", paramLabel = "C", description = "A preset's name or a YAML file, with --weights.")
    @Nullable
    String source;

    @Option(names = "--weights", paramLabel = "W", description = "Parameters and buffers, safetensors.")
    @Nullable
    Path weights;

    @Option(names = "--batch", paramLabel = "B", description = "Tensors x and y, in the place of the test set.")
    @Nullable
    Path batch;

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Mixin
    OwnModelOptions own = new OwnModelOptions();

    @Mixin
    DataCommand.Folder data = new DataCommand.Folder();

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    @Override
    public int run(Console console) throws InterruptedException {
        Path folder = run;
        String configuration = source;
        Path file = weights;
        if (folder != null && configuration == null && file == null) {
            configuration = Runs.config(folder).toString();
            file = Runs.newestWeights(folder, console::log);
        }
        if (configuration == null || file == null || folder != null && (source != null || weights != null)) {
            throw new ConfigException(
                    "name either a run's folder, or a configuration and weights: RUN, or --config C --weights W");
        }
        var config = options.load(configuration, own, device.overrides());
        Path examples = batch;
        var weightFile = file;
        return Together.run(console, (ranks, speaker) -> {
            print(
                    speaker,
                    examples != null
                            ? onBatch(speaker, config, weightFile, examples, ranks)
                            : onTestSet(speaker, config, weightFile, ranks));
            return 0;
        });
    }

    private Score onTestSet(Console console, Config config, Path file, Ranks ranks) throws InterruptedException {
        try (var context =
                RunContext.open(config, Optional.ofNullable(data.dataDir), Optional.empty(), console::log, ranks)) {
            var test = context.data()
                    .test()
                    .orElseThrow(() -> new ConfigException("the data set has no test set; name a batch by --batch"));
            return context.score(file, test);
        }
    }

    private Score onBatch(Console console, Config config, Path file, Path batchFile, Ranks ranks) {
        Agreement.require(Agreement.facts(config), ranks);
        var dtype = config.device().dtype();
        ConfiguredModel model = ModelCommand.build(config);
        var examples = Batch.read(batchFile, model.inputs(), dtype);
        var f = Forward.declaring(new Graph(), dtype, Mode.EVAL);
        model.model().apply(f, model.inputs().node(f.graph(), "x", 1, dtype));
        try (var backend = config.device().open(console::log, ranks);
                var state = new TrainingState(backend, f.parameters(), f.buffers(), Optional.empty(), dtype);
                var evaluator = new Evaluator(
                        backend, state, model.model(), config.loss().function(model), dtype)) {
            state.write(WeightFile.read(file, f.parameters(), f.buffers(), true, dtype));
            return evaluator.score(examples);
        }
    }

    private void print(Console console, Score score) {
        var values = new LinkedHashMap<String, Object>();
        values.put("examples", score.examples());
        values.put("loss", score.loss());
        score.accuracy().ifPresent(a -> values.put("accuracy", a));
        score.topFiveAccuracy().ifPresent(a -> values.put("accuracy_top_5", a));
        if (json) {
            var classes = new ArrayList<LinkedHashMap<String, Object>>();
            for (int k = 0; k < score.perClass().length; k++) {
                var row = new LinkedHashMap<String, Object>();
                row.put("class", k);
                row.put("labels", score.perClass()[k]);
                share(score, k).ifPresent(a -> row.put("accuracy", a));
                classes.add(row);
            }
            if (!classes.isEmpty()) values.put("classes", classes);
            console.print(Json.print(values));
            return;
        }
        values.forEach((name, v) -> console.print(
                name.replace('_', ' ') + " " + (v instanceof Double d ? String.format(Locale.ROOT, "%.6f", d) : v)));
        if (score.perClass().length == 0) return;
        var table = new TextTable("class", "labels", "accuracy");
        for (int k = 0; k < score.perClass().length; k++) {
            var a = share(score, k);
            table.row(k, score.perClass()[k], a.isPresent() ? String.format(Locale.ROOT, "%.4f", a.getAsDouble()) : "");
        }
        table.lines().forEach(console::print);
    }

    private static OptionalDouble share(Score score, int k) {
        return score.perClass()[k] == 0
                ? OptionalDouble.empty()
                : OptionalDouble.of(score.hits()[k] / (double) score.perClass()[k]);
    }
}
