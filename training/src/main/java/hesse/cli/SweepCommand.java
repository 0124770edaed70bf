package hesse.cli;

import hesse.config.ConfigException;
import hesse.data.DataFolders;
import hesse.experiment.RunIdentity;
import hesse.experiment.RunRecord.Status;
import hesse.experiment.Sweep;
import hesse.experiment.Sweeper;
import hesse.run.Console;
import hesse.tensor.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse sweep}: many runs, and a table of what they came to. */
@CommandLine.Command(
        name = "sweep",
        description = "Makes the runs of a grid, a list or a random search, and a table of them.",
        footer = {
            "",
            "Stopped, it goes on where it was with --resume. A run that diverges or fails is written into the table;",
            "the others go on, and the exit code is then 1.",
            "",
            "Examples:",
            "  hesse sweep rho.yaml --out runs/rho --jobs 2",
            "  hesse sweep rho.yaml --out runs/rho --shard 1/4"
        })
public final class SweepCommand implements Command {
    private static final Pattern SHARD = Pattern.compile("(\\d{1,6})/(\\d{1,6})");
    private static final int MESSAGES = 5;

    @Parameters(paramLabel = "SWEEP", description = "A YAML file: base, set, grid, list, random, seeds.")
    Path file = Path.of("");

    @Option(names = "--out", paramLabel = "DIR", description = "Folder of runs and table. Default: runs/SWEEP.")
    @Nullable
    Path out;

    @Option(names = "--resume", description = "Go on with the sweep in the folder, or begin.")
    boolean resume;

    @Option(names = "--retry-failed", description = "With --resume: make runs again that diverged or failed.")
    boolean retry;

    @Option(names = "--jobs", paramLabel = "N", description = "Runs at a time (default: ${DEFAULT-VALUE}).")
    int jobs = 1;

    @Option(
            names = "--shard",
            paramLabel = "I/N",
            description = "Only the I-th of N parts, for several machines or processes over one folder.")
    @Nullable
    String shard;

    @Option(names = "--json", description = "Print the outcome as JSON.")
    boolean json;

    @Mixin
    DataCommand.Folder data = new DataCommand.Folder();

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    @Override
    public int run(Console console) throws IOException, InterruptedException {
        if (jobs < 1) throw new ConfigException("--jobs: at least 1");
        int[] part = part();
        if (shard == null) {
            Together.requireAlone("Start it without the launcher, or give each process its own part with --shard I/N");
        }
        var folders = DataFolders.of(Optional.ofNullable(data.dataDir));
        var sweep = Sweep.load(file);
        var overrides = new ArrayList<>(options.set);
        overrides.addAll(device.overrides(jobs));
        var runs = sweep.runs(overrides, new RunIdentity(folders, Version.hesse()));
        var folder = folder();
        if (Files.exists(folder.resolve("runs")) && !resume && shard == null) {
            throw new ConfigException(
                    folder + ": holds a sweep already. Go on with it by --resume, or name another folder with --out");
        }
        Files.createDirectories(folder);
        keep(file, folder);
        var sweeper = new Sweeper(new Sweeper.Options(folder.resolve("runs"), jobs, retry, folders), console);
        console.log("sweep folder " + folder + ", " + runs.size() + " runs");
        var own = Sweeper.shard(runs, part[0], part[1]);
        var outcome = sweeper.run(own);
        var table = folder.resolve("table.csv");
        sweeper.table(runs, sweep.keys(), table);
        int bad = outcome.count(Status.FAILED) + outcome.count(Status.DIVERGED);
        if (json) {
            var m = new LinkedHashMap<String, Object>();
            m.put("runs", own.size());
            m.put("done", outcome.count(Status.DONE));
            m.put("diverged", outcome.count(Status.DIVERGED));
            m.put("failed", outcome.count(Status.FAILED));
            m.put("table", table.toString());
            console.print(Json.print(m));
        } else {
            console.print(outcome.count(Status.DONE) + " of " + own.size() + " runs done, "
                    + outcome.count(Status.DIVERGED) + " diverged, " + outcome.count(Status.FAILED)
                    + " failed; table " + table);
        }
        sweeper.failures(own, MESSAGES).forEach(console::log);
        if (outcome.interrupted()) {
            console.log("stopped; go on with 'hesse sweep " + file + " --out " + folder + " --resume'");
            return 130;
        }
        return bad > 0 ? 1 : 0;
    }

    /** Copies the sweep's file into its folder, where several processes may do so at once. */
    private static void keep(Path file, Path folder) throws IOException {
        var copy = folder.resolve("sweep.yaml");
        byte[] text = Files.readAllBytes(file);
        AtomicFile.write(copy, channel -> {
            var buffer = ByteBuffer.wrap(text);
            while (buffer.hasRemaining()) channel.write(buffer);
        });
    }

    private int[] part() {
        if (shard == null) return new int[] {1, 1};
        var m = SHARD.matcher(shard);
        if (m.matches()) {
            int part = Integer.parseInt(m.group(1));
            int parts = Integer.parseInt(m.group(2));
            if (part >= 1 && part <= parts) return new int[] {part, parts};
        }
        throw new ConfigException("--shard: '" + shard + "' is not I/N with 1 ≤ I ≤ N");
    }

    private Path folder() {
        if (out != null) return out;
        String name = file.getFileName().toString().replaceFirst("\\.ya?ml$", "");
        return Path.of("runs", name);
    }
}
