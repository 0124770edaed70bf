package hesse.cli;

import hesse.config.ConfigException;
import hesse.data.DataFolders;
import hesse.experiment.Experiment;
import hesse.experiment.Reproduction;
import hesse.run.Console;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse reproduce}: the papers' experiments, each judged by its rule. */
@CommandLine.Command(
        name = "reproduce",
        description = "Runs experiments of the two papers, judges each by its rule, and draws its figure.",
        footer = {
            "",
            "Called again, it goes on where it was. A verdict does not change the exit code, runs that failed do;",
            "a run whose loss stops being finite is a result.",
            "",
            "Examples:",
            "  hesse reproduce --list",
            "  hesse reproduce all --scale smoke",
            "  hesse reproduce A1 --scale small --data-dir /data"
        })
public final class ReproduceCommand implements Command {
    private static final int MOST_JOBS = 4;

    @Parameters(arity = "0..*", paramLabel = "ID", description = "Experiments A1 … E7, or all.")
    List<String> ids = new ArrayList<>();

    @Option(names = "--list", description = "List the experiments, with what they cost.")
    boolean list;

    @Option(
            names = "--scale",
            defaultValue = "smoke",
            paramLabel = "S",
            description = "smoke, small or paper (default: ${DEFAULT-VALUE}).")
    String scale = "smoke";

    @Option(names = "--out", paramLabel = "DIR", description = "Folder of results. Default: runs/reproduce-SCALE.")
    @Nullable
    Path out;

    @Option(
            names = "--jobs",
            paramLabel = "N",
            description = "Runs at a time. Default: one per core, at most 4; one at the scale paper.")
    @Nullable
    Integer jobs;

    @Option(names = "--retry-failed", description = "Make runs again that diverged or failed.")
    boolean retry;

    @Option(names = "--json", description = "Print verdicts as JSON.")
    boolean json;

    @Mixin
    DataCommand.Folder data = new DataCommand.Folder();

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    @Override
    public int run(Console console) throws IOException, InterruptedException {
        if (list) {
            var table = new TextTable("id", "experiment", "small costs");
            for (var id : Experiment.IDS) {
                var e = Experiment.named(id);
                var small = e.scales().get("small");
                table.row(id, e.title(), small == null ? "" : small.cost());
            }
            table.lines().forEach(console::print);
            return 0;
        }
        if (!Experiment.SCALES.contains(scale)) {
            throw new ConfigException("--scale: choose from " + String.join(", ", Experiment.SCALES));
        }
        Together.requireAlone("Start it without the launcher; --jobs makes several runs at a time");
        var experiments = experiments();
        int workers = workers();
        var overrides = new ArrayList<>(options.set);
        overrides.addAll(device.overrides(workers));
        System.setProperty("java.awt.headless", "true");
        var how = new Reproduction.Options(
                out != null ? out : Path.of("runs", "reproduce-" + scale),
                workers,
                retry,
                DataFolders.of(Optional.ofNullable(data.dataDir)),
                overrides,
                Version.hesse());
        var results = new ArrayList<Reproduction.Result>();
        for (var e : experiments) {
            console.log(e.id() + ": " + e.title());
            long began = System.nanoTime();
            var result = new Reproduction(e, scale, how, console).run();
            results.add(result);
            if (result.interrupted()) {
                console.log("stopped; called again it goes on");
                return 130;
            }
            report(console, result, (System.nanoTime() - began) / 1e9);
        }
        print(console, results);
        return results.stream().anyMatch(r -> r.failed() > 0) ? 1 : 0;
    }

    private List<Experiment> experiments() {
        if (ids.isEmpty()) throw new ConfigException("name experiments, or all; --list shows them");
        boolean all = ids.stream().anyMatch("all"::equalsIgnoreCase);
        return (all ? Experiment.IDS : ids).stream().map(Experiment::named).toList();
    }

    private int workers() {
        if (jobs != null) {
            if (jobs < 1) throw new ConfigException("--jobs: at least 1");
            return jobs;
        }
        boolean one = scale.equals("paper") || "cuda".equals(device.backend) || "auto".equals(device.backend);
        return one ? 1 : Math.clamp(Runtime.getRuntime().availableProcessors(), 1, MOST_JOBS);
    }

    private static void report(Console console, Reproduction.Result result, double seconds) {
        result.judgement().ifPresent(j -> j.findings().forEach(f -> console.log("  " + f)));
        result.messages().forEach(m -> console.log("  failed: " + m));
        String verdict = result.judgement().map(j -> j.verdict().toString()).orElse("no verdict");
        console.log(String.format(
                Locale.ROOT,
                "%s: %s (%d runs, %d diverged, %d failed; %.1f s)",
                result.id(),
                verdict,
                result.runs(),
                result.diverged(),
                result.failed(),
                seconds));
    }

    private void print(Console console, List<Reproduction.Result> results) {
        if (json) {
            var all = new ArrayList<Object>();
            for (var r : results) {
                var m = new LinkedHashMap<String, Object>();
                m.put("id", r.id());
                m.put("scale", scale);
                m.put("verdict", r.judgement().map(j -> j.verdict().toString()).orElse(""));
                m.put("runs", r.runs());
                m.put("diverged", r.diverged());
                m.put("failed", r.failed());
                m.put("folder", r.folder().toString());
                all.add(m);
            }
            console.print(Json.print(all));
            return;
        }
        var table = new TextTable("id", "verdict", "runs", "diverged", "failed", "folder");
        for (var r : results) {
            table.row(
                    r.id(),
                    r.judgement().map(j -> j.verdict().toString()).orElse(""),
                    Integer.toString(r.runs()),
                    Integer.toString(r.diverged()),
                    Integer.toString(r.failed()),
                    r.folder().toString());
        }
        table.lines().forEach(console::print);
    }
}
