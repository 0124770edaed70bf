package hesse.cli;

import hesse.data.DataException;
import hesse.data.DataSources;
import hesse.data.Fetcher;
import hesse.run.Console;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse data fetch}: downloads a set from its authors' addresses, verified. */
@CommandLine.Command(
        name = "fetch",
        description = {
            "Downloads a data set and compares it with its published SHA-256.",
            "What has arrived of an interrupted download is continued; what is not as published is removed."
        },
        footer = {"", "Example:", "  hesse data fetch cifar-10 --data-dir ~/data"})
public final class DataFetchCommand implements Command {
    @Parameters(paramLabel = "NAME", description = "Name of the data set.")
    String name = "";

    @Mixin
    DataCommand.Folder folder = new DataCommand.Folder();

    @Option(
            names = "--mirror",
            paramLabel = "URL",
            description = "Address of a folder that holds the set's files; tried before the published ones.")
    List<String> mirrors = List.of();

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Override
    public int run(Console console) throws InterruptedException {
        var source = DataSources.named(name);
        var set = DataSources.published(source.name()).orElseThrow(() -> notPublished(source.name()));
        for (var mirror : mirrors) {
            if (!mirror.matches("https?://[^\\s\"<>\\\\^`{|}]+")) {
                throw DataException.misfit("--mirror", "'" + mirror + "' is no http(s) address", "Name a folder's URL");
            }
        }
        var to = folder.folders().home(source.name());
        Fetcher.Outcome outcome;
        try (var bars = new Bars(console)) {
            outcome = new Fetcher(Fetcher.Options.USUAL, bars, console::log).fetch(set, to, mirrors);
        }
        print(console, outcome);
        return 0;
    }

    private static DataException notPublished(String name) {
        return name.equals("imagenet")
                ? DataException.misfit(
                        name,
                        "is given out at image-net.org to who has an account there, and cannot be fetched",
                        "Put it into train/CLASS/IMAGE.JPEG and val/CLASS/IMAGE.JPEG, or tar shards; see docs/data.md")
                : DataException.misfit(name, "is no published data set", "Name one that 'hesse data list' shows");
    }

    private void print(Console console, Fetcher.Outcome outcome) {
        var table = new TextTable("file", "state");
        var rows = new ArrayList<Map<String, Object>>();
        outcome.present().forEach(f -> row(table, rows, f, "was there"));
        outcome.fetched().forEach(f -> row(table, rows, f, "fetched"));
        if (json) console.print(Json.print(rows));
        else table.lines().forEach(console::print);
    }

    private static void row(TextTable table, List<Map<String, Object>> rows, Path file, String state) {
        table.row(file, state);
        var row = new LinkedHashMap<String, Object>();
        row.put("file", file.toString());
        row.put("state", state);
        rows.add(row);
    }

    /** A bar for each file on a terminal, otherwise a line at each tenth. */
    private static final class Bars implements Fetcher.Progress, AutoCloseable {
        private final Console console;
        private @Nullable ProgressBar bar;
        private String file = "";
        private long tenth;

        Bars(Console console) {
            this.console = console;
        }

        @Override
        public void at(String name, long done, OptionalLong total) {
            if (!name.equals(file)) {
                close();
                file = name;
                tenth = -1;
                bar = open(name).orElse(null);
            }
            var open = bar;
            if (open != null) {
                if (total.isPresent()) open.maxHint(total.getAsLong());
                open.stepTo(done);
            } else if (total.isPresent() && total.getAsLong() > 0 && 10 * done / total.getAsLong() > tenth) {
                tenth = 10 * done / total.getAsLong();
                console.log(name + ": " + done + " of " + total.getAsLong() + " bytes, " + 10 * tenth + " %");
            }
        }

        private Optional<ProgressBar> open(String name) {
            if (!console.terminal() || console.quiet()) return Optional.empty();
            return Optional.of(new ProgressBarBuilder()
                    .setTaskName(name)
                    .setUnit(" MiB", 1 << 20)
                    .showSpeed()
                    .setStyle(console.colour() ? ProgressBarStyle.COLORFUL_UNICODE_BLOCK : ProgressBarStyle.ASCII)
                    .setConsumer(new ConsoleProgressBarConsumer(console.err()))
                    .build());
        }

        @Override
        public void finished(String name) {
            close();
            console.log(name + ": as published");
        }

        @Override
        public void close() {
            var open = bar;
            if (open != null) open.close();
            bar = null;
        }
    }
}
