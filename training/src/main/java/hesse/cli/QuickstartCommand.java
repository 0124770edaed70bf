package hesse.cli;

import hesse.report.Report;
import hesse.run.Console;
import hesse.run.Quickstart;
import hesse.run.Quickstart.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code hesse quickstart}. */
@CommandLine.Command(
        name = "quickstart",
        description =
                "Trains a small network by SGD, SAM and PSAM, with GELU and ReLU, and compares what they come to.",
        footer = {"", "Example:", "  hesse quickstart"})
public final class QuickstartCommand implements Command {
    private static final String INTRODUCTION = "UCI handwritten digits, one small perceptron, by method and activation;"
            + " curvature by exact products on 512 training digits. ";

    @Option(names = "--out", paramLabel = "DIR", description = "Folder of runs and report. Default: runs/quickstart.")
    @Nullable
    Path out;

    @Option(
            names = "--seconds",
            defaultValue = "50",
            paramLabel = "S",
            description = "Begin no further round of runs that would end later (default: ${DEFAULT-VALUE}).")
    long seconds = 50;

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    @Override
    public int run(Console console) throws InterruptedException {
        Together.requireAlone("Start it without the launcher");
        var folder = out != null ? out : free();
        var overrides = new ArrayList<>(device.overrides());
        overrides.addAll(options.set);
        var outcomes = new Quickstart(folder, console).run(seconds, overrides);
        var table = table(outcomes);
        var conclusion = Quickstart.conclusion(outcomes);
        var report = folder.resolve("report.html");
        Report.of(List.of(folder), console::log)
                .introduced("Hesse quickstart", INTRODUCTION + conclusion, table.rows())
                .write(report);
        if (json) {
            console.print(Json.print(rows(outcomes, conclusion, report)));
            return 0;
        }
        table.lines().forEach(console::print);
        console.print("");
        console.print(conclusion);
        console.print("Curvature: exact products on 512 training digits. Report: " + report);
        return 0;
    }

    private static Path free() {
        Path folder = Path.of("runs", "quickstart");
        for (int i = 2; Files.exists(folder); i++) folder = Path.of("runs", "quickstart-" + i);
        return folder;
    }

    private static TextTable table(List<Outcome> all) {
        var table = new TextTable(
                "activation", "method", "test accuracy %", "λ₁(H)", "tr(G)", "tr(H)", "ms per step", "ratio to SGD");
        for (var activation : Quickstart.ACTIVATIONS) {
            double sgd = milliseconds(all, "SGD", activation);
            for (var method : Quickstart.METHODS) {
                double ms = milliseconds(all, method, activation);
                table.row(
                        activation,
                        method,
                        cell("%.1f", all, method, activation, o -> 100 * o.accuracy()),
                        cell("%.3g", all, method, activation, Outcome::eigenvalue),
                        cell("%.3g", all, method, activation, Outcome::traceGaussNewton),
                        cell("%.3g", all, method, activation, Outcome::traceHessian),
                        String.format(Locale.ROOT, "%.2f", ms),
                        String.format(Locale.ROOT, "%.2f", ms / sgd));
            }
        }
        return table;
    }

    /** The smallest over the seeds of a run's median: the first runs still compile. */
    private static double milliseconds(List<Outcome> all, String method, String activation) {
        return 1e3
                * all.stream()
                        .filter(o -> o.method().equals(method) && o.activation().equals(activation))
                        .mapToDouble(Outcome::stepSeconds)
                        .min()
                        .orElse(Double.NaN);
    }

    private static String cell(
            String format, List<Outcome> all, String method, String activation, ToDoubleFunction<Outcome> quantity) {
        var m = Quickstart.mean(all, method, activation, quantity);
        return String.format(Locale.ROOT, format + " ± " + format, m.value(), m.error());
    }

    private static Object rows(List<Outcome> all, String conclusion, Path report) {
        var rows = new ArrayList<Object>();
        for (var o : all) {
            var row = new LinkedHashMap<String, Object>();
            row.put("method", o.method().toLowerCase(Locale.ROOT));
            row.put("activation", o.activation().toLowerCase(Locale.ROOT));
            row.put("seed", o.seed());
            row.put("accuracy", o.accuracy());
            row.put("loss", o.loss());
            row.put("lambda_1", o.eigenvalue());
            row.put("trace_gauss_newton", o.traceGaussNewton());
            row.put("trace_hessian", o.traceHessian());
            row.put("step_seconds", o.stepSeconds());
            rows.add(row);
        }
        var result = new LinkedHashMap<String, Object>();
        result.put("runs", rows);
        result.put("conclusion", conclusion);
        result.put("report", report.toString());
        return result;
    }
}
