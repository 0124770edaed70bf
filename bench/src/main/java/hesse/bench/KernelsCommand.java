package hesse.bench;

import hesse.backend.cpu.kernel.KernelProvider;
import hesse.cli.Command;
import hesse.cli.Json;
import hesse.cli.TextTable;
import hesse.config.ConfigException;
import hesse.run.Console;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** {@code hesse bench kernels}. */
@CommandLine.Command(
        name = "kernels",
        description = {
            "Prints how fast the CPU backend's matrix products and convolutions are on given shapes, in f32:",
            "10⁹ operations a second, and their share of the fused multiply-add peak of this machine, measured between the runs."
        },
        footer = {"", "Examples:", "  hesse bench kernels", "  hesse bench kernels --shapes all --threads 2 --seconds 2"
        })
public final class KernelsCommand implements Command {
    @Option(
            names = "--shapes",
            defaultValue = "wrn",
            paramLabel = "SET",
            description =
                    "wrn: WideResNet-16-4 at batch 32; mixed: other networks; gemm; all (default: ${DEFAULT-VALUE}).")
    ContractionTable.Shapes shapes = ContractionTable.Shapes.WRN;

    @Option(
            names = "--threads",
            defaultValue = "1",
            paramLabel = "N",
            description = "Worker threads; one is timed by its CPU time, more by the wall (default: ${DEFAULT-VALUE}).")
    int threads = 1;

    @Option(
            names = "--seconds",
            defaultValue = "1",
            paramLabel = "S",
            description = "Time for each shape, of which the best run counts (default: ${DEFAULT-VALUE}).")
    double seconds = 1;

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Override
    public int run(Console console) {
        if (threads < 1) throw new ConfigException("--threads is " + threads + "; it has to be at least 1");
        if (!(seconds >= 0)) throw new ConfigException("--seconds is " + seconds + "; it has to be at least 0");
        var kernels = KernelProvider.get().description() + ", threads: " + threads;
        console.log(kernels);
        var rows = ContractionTable.measure(shapes, threads, seconds);
        if (json) json(console, kernels, rows);
        else text(console, rows);
        return 0;
    }

    private static void json(Console console, String kernels, List<ContractionTable.Row> rows) {
        var all = new LinkedHashMap<String, Object>();
        all.put("kernels", kernels);
        var list = new ArrayList<Map<String, Object>>();
        for (var row : rows) {
            var m = new LinkedHashMap<String, Object>();
            m.put("contraction", row.contraction());
            m.put("gflops", row.gigaflops());
            m.put("peak_gflops", row.peak());
            m.put("share", row.share());
            list.add(m);
        }
        all.put("contractions", list);
        console.print(Json.print(all));
    }

    private static void text(Console console, List<ContractionTable.Row> rows) {
        var table = new TextTable("contraction", "GFLOP/s", "peak", "share");
        for (var row : rows) {
            table.row(
                    row.contraction(),
                    String.format(Locale.ROOT, "%.1f", row.gigaflops()),
                    String.format(Locale.ROOT, "%.1f", row.peak()),
                    String.format(Locale.ROOT, "%.0f %%", 100 * row.share()));
        }
        table.lines().forEach(console::print);
    }
}
