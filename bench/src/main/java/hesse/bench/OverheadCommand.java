package hesse.bench;

import hesse.bench.proof.MethodTables;
import hesse.cli.Command;
import hesse.cli.ConfigOptions;
import hesse.cli.DataCommand;
import hesse.cli.DeviceOptions;
import hesse.cli.Json;
import hesse.cli.TextTable;
import hesse.cli.Together;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.LossConfig;
import hesse.run.RunContext;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse bench overhead}. */
@CommandLine.Command(
        name = "overhead",
        description = {
            "Times a training step of each method, in interleaved rounds, beside plain SGD; counts contractions and memory.",
            "CONFIG's own method is listed as 'configured', with its own strengths."
        },
        footer = {
            "",
            "Examples:",
            "  hesse bench overhead digits-cnn",
            "  hesse bench overhead cifar-wrn-16-4 --methods sam,psam,hessian_trace --steps 10 --set data.batch=32"
        })
public final class OverheadCommand implements Command {
    @Parameters(paramLabel = "CONFIG", description = "A preset's name or a YAML file.")
    String source = "";

    @Option(
            names = "--methods",
            split = ",",
            paramLabel = "NAMES",
            description = "Methods beside SGD, by name; all by default.")
    List<String> methods = List.of();

    @Option(
            names = "--steps",
            defaultValue = "30",
            paramLabel = "N",
            description =
                    "Timed steps of each method; 0 counts contractions and memory alone (default: ${DEFAULT-VALUE}).")
    int steps = 30;

    @Option(
            names = "--warm-up",
            defaultValue = "20",
            paramLabel = "SECONDS",
            description = "Untimed work before, in which kernels are compiled (default: ${DEFAULT-VALUE}).")
    double warmUp = 20;

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Mixin
    DataCommand.Folder data = new DataCommand.Folder();

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    @Override
    public int run(Console console) throws InterruptedException {
        Together.requireAlone("Start it without the launcher");
        if (steps < 0) throw new hesse.config.ConfigException("--steps is " + steps + "; it has to be at least 0");
        var configured = options.load(source, device.overrides());
        var sgd = with("sgd");
        try (var context = RunContext.open(sgd, data.folder(), Optional.empty(), console::log)) {
            console.log(context.backend().description());
            var contexts = new LinkedHashMap<String, RunContext>();
            contexts.put("sgd", context);
            for (var name : chosen(sgd)) contexts.putIfAbsent(name, context.with(with(name)));
            if (!configured.method().equals(sgd.method())) contexts.put("configured", context.with(configured));
            print(console, context, Overhead.measure(contexts, steps, warmUp, console::log));
        }
        return 0;
    }

    private Config with(String method) {
        return options.load(source, device.overrides(), List.of("method=" + MethodTables.of(method)));
    }

    private LinkedHashSet<String> chosen(Config config) {
        if (!methods.isEmpty()) {
            var names = new LinkedHashSet<String>();
            for (var m : methods) names.add(m.strip().replace('-', '_'));
            return names;
        }
        var names = new LinkedHashSet<>(MethodTables.ALL.keySet());
        if (!(config.loss() instanceof LossConfig.CrossEntropy)) names.removeIf(MethodTables::needsCrossEntropy);
        return names;
    }

    private void print(Console console, RunContext context, List<Overhead.Cost> costs) {
        var sgd = costs.getFirst();
        if (json) {
            var all = new LinkedHashMap<String, Object>();
            all.put("device", context.backend().description());
            all.put("precision", context.floating().toString().toLowerCase(Locale.ROOT));
            all.put("batch", context.config().requireData().batch());
            all.put("steps", steps);
            all.put("methods", costs.stream().map(c -> c.toMap(sgd)).toList());
            console.print(Json.print(all));
            return;
        }
        var table = new TextTable(
                "method", "median ms", "time / SGD", "quartiles", "contractions / SGD", "memory / SGD", "kernels");
        for (var c : costs) {
            double[] ratios = c.ratios(sgd);
            boolean timed = ratios.length > 0;
            table.row(
                    c.method(),
                    timed ? number("%.2f", c.median()) : "",
                    timed ? number("%.2f", Overhead.quantile(ratios, 0.5)) : "",
                    timed
                            ? number("%.2f", Overhead.quantile(ratios, 0.25)) + " … "
                                    + number("%.2f", Overhead.quantile(ratios, 0.75))
                            : "",
                    number("%.2f", c.multiplyAdds() / sgd.multiplyAdds()),
                    number("%.2f", c.bytes() / (double) sgd.bytes()),
                    c.kernels());
        }
        table.lines().forEach(console::print);
        console.print(String.format(
                Locale.ROOT,
                "SGD: %.4g multiply-adds in contractions, %.1f MiB for parameters, optimizer state, batch and activations",
                sgd.multiplyAdds(),
                sgd.bytes() / (double) (1 << 20)));
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
