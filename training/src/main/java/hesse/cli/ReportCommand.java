package hesse.cli;

import hesse.report.Report;
import hesse.run.Console;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse report}: tables and figures of any runs, in one file. */
@CommandLine.Command(
        name = "report",
        description =
                "Writes one HTML file on runs, sweeps and experiments: tables, interactive figures, verdicts. It needs no network.",
        footer = {
            "",
            "Examples:",
            "  hesse report runs/first runs/second -o report.html",
            "  hesse report sweeps/rho reproductions/B1"
        })
public final class ReportCommand implements Command {
    @Parameters(
            arity = "1..*",
            paramLabel = "RUN",
            description = "Folders of runs, of sweeps, of experiments, or folders that hold such folders.")
    List<Path> folders = new ArrayList<>();

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            description = "The file to write (default: ${DEFAULT-VALUE}).")
    Path out = Path.of("report.html");

    @Option(names = "--title", paramLabel = "TEXT", description = "Its title (default: ${DEFAULT-VALUE}).")
    String title = "Report on runs";

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Override
    public int run(Console console) {
        var report = Report.of(folders, console::log).introduced(title, "", List.of());
        report.write(out);
        if (json) {
            var result = new LinkedHashMap<String, Object>();
            result.put("report", out.toString());
            result.put("runs", report.runs());
            result.put("groups", report.groups());
            result.put("verdicts", report.verdicts());
            console.print(Json.print(result));
            return 0;
        }
        console.print(report.runs() + " runs in " + report.groups() + " groups, "
                + report.verdicts().size() + " verdicts: " + out);
        return 0;
    }
}
