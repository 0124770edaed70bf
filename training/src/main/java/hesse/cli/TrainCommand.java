package hesse.cli;

import hesse.collective.Ranks;
import hesse.config.ConfigException;
import hesse.data.Shuffle;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.Presets;
import hesse.run.RunContext;
import hesse.run.StateCurvature;
import hesse.run.Trainer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hesse train}: one run. */
@CommandLine.Command(
        name = "train",
        description = "Trains a network, by any method, and writes a run's folder.",
        footer = {
            "",
            "Examples:",
            "  hesse train digits-mlp --set method.kind=psam --set method.rho=0.1",
            "  hesse train run.yaml --out runs/first --resume"
        })
public final class TrainCommand implements Command {
    /** Models up to this size have their largest Hessian eigenvalue measured at the end. */
    private static final int EIGENVALUE_PARAMETERS = 300_000;

    private static final int EIGENVALUE_EXAMPLES = 512;
    private static final int EIGENVALUE_PRODUCTS = 60;

    @Parameters(arity = "0..1", paramLabel = "CONFIG", description = "A preset's name or a YAML file.")
    @Nullable
    String source;

    @Option(names = "--list", description = "List the presets.")
    boolean list;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Folder of the run. Default: runs/CONFIG-METHOD-seedN, numbered on when it is taken.")
    @Nullable
    Path out;

    @Option(names = "--resume", description = "Go on from the newest checkpoint in --out, or begin.")
    boolean resume;

    @Option(
            names = "--memory",
            paramLabel = "M",
            description = "fast or lean; lean makes the same plans as fast so far.")
    @Nullable
    String memory;

    @Option(names = "--autotune", description = "Choose kernels by timing; bits may then differ between runs.")
    boolean autotune;

    @Option(names = "--json", description = "Print the result as JSON.")
    boolean json;

    @Mixin
    OwnModelOptions own = new OwnModelOptions();

    @Mixin
    DataCommand.Folder data = new DataCommand.Folder();

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    @Spec
    @Nullable
    CommandSpec spec;

    @Override
    public int run(Console console) throws InterruptedException {
        if (list) {
            var table = new TextTable("preset", "what");
            for (var name : Presets.NAMES) table.row(name, Presets.description(name));
            table.lines().forEach(console::print);
            return 0;
        }
        if (source == null) {
            throw new ParameterException(
                    java.util.Objects.requireNonNull(spec).commandLine(),
                    "Missing required parameter: 'CONFIG', a preset or a file; --list shows the presets");
        }
        if (resume && out == null) {
            throw new ConfigException("--resume needs --out, the folder of the run that is to go on");
        }
        var config = options.load(source, own, device.overrides(), more());
        return Together.run(console, (ranks, speaker) -> run(config, ranks, speaker));
    }

    private int run(Config config, Ranks ranks, Console console) throws InterruptedException {
        try (var context =
                RunContext.open(config, Optional.ofNullable(data.dataDir), Optional.empty(), console::log, ranks)) {
            var folder = out != null ? out : free(String.valueOf(source), context);
            console.log(context.backend().description());
            console.log("run folder " + folder);
            try (var trainer = new Trainer(context, folder, resume, console)) {
                var result = trainer.run();
                if (result.status() == Trainer.Status.INTERRUPTED) {
                    console.log("stopped after step " + result.steps() + "; go on with --out " + folder + " --resume");
                    return 130;
                }
                report(console, context, trainer, result);
                return 0;
            }
        }
    }

    private List<String> more() {
        var all = new ArrayList<String>();
        if (memory != null) all.add("device.memory=" + memory);
        if (autotune) all.add("device.autotune=true");
        return all;
    }

    private static Path free(String source, RunContext context) {
        var config = context.config();
        String file = Path.of(source).getFileName().toString().replaceFirst("\\.ya?ml$", "");
        String method = config.method().getClass().getSimpleName().toLowerCase(Locale.ROOT);
        String name = file + "-" + method + "-seed" + config.train().seed();
        Path folder = Path.of("runs", name);
        for (int i = 2; Files.exists(folder); i++) folder = Path.of("runs", name + "-" + i);
        return folder;
    }

    private void report(Console console, RunContext context, Trainer trainer, Trainer.Result result)
            throws InterruptedException {
        var values = new LinkedHashMap<String, Object>();
        var table = new TextTable("", "loss", "accuracy");
        values.put("steps", result.steps());
        row(values, table, "train", result.trainLoss(), result.trainAccuracy());
        result.test().ifPresent(t -> row(values, table, "test", t.loss(), t.accuracy()));
        var eigenvalue = eigenvalue(context, trainer);
        eigenvalue.ifPresent(e -> values.put("lambda_1", e));
        values.put("folder", trainer.folder().toString());
        if (json) {
            console.print(Json.print(values));
            return;
        }
        table.lines().forEach(console::print);
        eigenvalue.ifPresent(e -> console.print(String.format(
                Locale.ROOT,
                "λ₁(H) = %.4g (Lanczos on exact products, first %s training examples, residual %.1g)",
                number(e, "value"),
                e.get("examples"),
                number(e, "residual"))));
        console.print("run folder " + trainer.folder());
    }

    private static void row(Map<String, Object> values, TextTable table, String split, double loss, double accuracy) {
        var m = new LinkedHashMap<String, Object>();
        m.put("loss", loss);
        if (!Double.isNaN(accuracy)) m.put("accuracy", accuracy);
        values.put(split, m);
        table.row(
                split,
                String.format(Locale.ROOT, "%.4f", loss),
                Double.isNaN(accuracy) ? "" : String.format(Locale.ROOT, "%.4f", accuracy));
    }

    private static double number(Map<String, Object> values, String key) {
        return values.get(key) instanceof Number n ? n.doubleValue() : Double.NaN;
    }

    private static Optional<Map<String, Object>> eigenvalue(RunContext context, Trainer trainer)
            throws InterruptedException {
        long parameters = trainer.state().parameters().stream()
                .mapToLong(p -> p.shape().size())
                .sum();
        if (parameters > EIGENVALUE_PARAMETERS) return Optional.empty();
        var train = context.data().train();
        int n = Math.min(EIGENVALUE_EXAMPLES, train.size());
        try (var curvature = new StateCurvature(context, trainer.state(), train.pick(Shuffle.identity(n)))) {
            var top = curvature.largestEigenvalue(context.config().train().seed(), EIGENVALUE_PRODUCTS, 1e-3);
            var m = new LinkedHashMap<String, Object>();
            m.put("value", top.values()[0]);
            m.put("residual", top.residuals()[0]);
            m.put("examples", n);
            return Optional.of(m);
        }
    }
}
