package hesse.bench;

import com.sun.management.OperatingSystemMXBean;
import hesse.bindings.jpeg.TurboJpeg;
import hesse.cli.Command;
import hesse.cli.Json;
import hesse.cli.TextTable;
import hesse.config.ConfigException;
import hesse.config.ConfigNode;
import hesse.data.DataConfig;
import hesse.data.DataFolders;
import hesse.data.DataSplits;
import hesse.data.Loader;
import hesse.run.Console;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** {@code hesse bench data}. */
@CommandLine.Command(
        name = "data",
        description = {
            "Measures the way from JPEG files of 500×375 to normalised 224×224 crops of a training batch, on made-up photographs.",
            "A second of the processor's time is one core's second, so that the rate per core holds on a busy machine too."
        },
        footer = {"", "Examples:", "  hesse bench data", "  HESSE_NATIVE_TURBOJPEG=none hesse bench data --workers 1,2"
        })
public final class DataBenchCommand implements Command {
    private static final int CLASSES = 10;

    @Option(names = "--images", defaultValue = "400", description = "Photographs (default: ${DEFAULT-VALUE}).")
    int images = 400;

    @Option(
            names = "--quality",
            defaultValue = "0.95",
            description = "JPEG's quality; ImageNet's files of this size have about 0.95 (default: ${DEFAULT-VALUE}).")
    double quality = 0.95;

    @Option(
            names = "--workers",
            split = ",",
            paramLabel = "LIST",
            description = "Numbers of loader threads (default: 1 and all cores).")
    List<Integer> workers = List.of();

    @Option(
            names = "--rounds",
            defaultValue = "5",
            description = "Timed epochs, the best counts (default: ${DEFAULT-VALUE}).")
    int rounds = 5;

    @Option(
            names = "--keep",
            paramLabel = "DIR",
            description =
                    "Write the photographs into DIR/train/CLASS and leave them there; used again when they are there.")
    @Nullable
    Path keep;

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Override
    public int run(Console console) throws InterruptedException {
        if (images < CLASSES || rounds < 1) throw new ConfigException("--images is at least 10, --rounds at least 1");
        int cores = Runtime.getRuntime().availableProcessors();
        var counts = workers.isEmpty() ? (cores > 1 ? List.of(1, cores) : List.of(1)) : workers;
        Path kept = keep;
        try {
            var folder = kept == null ? Files.createTempDirectory("hesse-photographs") : kept;
            try {
                if (!Files.isDirectory(folder.resolve("train"))) {
                    console.log("making " + images + " photographs in " + folder);
                    MadePhotographs.write(folder.resolve("train"), CLASSES, images / CLASSES, quality);
                }
                print(console, folder, counts);
            } finally {
                if (kept == null) delete(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return 0;
    }

    private static void delete(Path folder) throws IOException {
        try (var all = Files.walk(folder)) {
            for (var p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }

    private void print(Console console, Path folder, List<Integer> counts) throws InterruptedException {
        var decoder = TurboJpeg.find().map(t -> "libjpeg-turbo, " + t.place()).orElse("the JDK's libjpeg");
        console.log("JPEG decoder: " + decoder);
        var table = new TextTable("workers", "images/s", "images/s per core");
        var rows = new ArrayList<Map<String, Object>>();
        for (int count : counts) {
            var best = measure(folder, count);
            table.row(
                    count,
                    String.format(Locale.ROOT, "%.0f", best.rate),
                    String.format(Locale.ROOT, "%.0f", best.perCore));
            var row = new LinkedHashMap<String, Object>();
            row.put("workers", count);
            row.put("decoder", decoder);
            row.put("images_per_second", best.rate);
            row.put("images_per_second_and_core", best.perCore);
            rows.add(row);
        }
        if (json) console.print(Json.print(rows));
        else table.lines().forEach(console::print);
    }

    private record Speed(double rate, double perCore) {}

    private Speed measure(Path folder, int count) throws InterruptedException {
        var yaml = String.format(
                Locale.ROOT,
                "data: {name: image-folder, train: '%s', batch: 20, workers: %d, augment: [{kind: resized_crop, size: 224}, flip]}",
                folder.resolve("train").toAbsolutePath(),
                count);
        var config = DataConfig.read(ConfigNode.parse("benchmark", yaml).child("data"));
        var splits = DataSplits.open(config, DataFolders.of(Optional.empty()));
        var system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        double rate = 0;
        double perCore = 0;
        var options = Loader.Options.training(config, 0, DType.F32);
        try (var loader = new Loader(splits.train(), splits.normalization(), options, Loader.Position.START)) {
            var x = Tensor.allocate(loader.inputType(), loader.inputShape());
            var y = Tensor.allocate(loader.targetType(), loader.targetShape());
            // the first rounds compile
            for (int round = -2; round < rounds; round++) {
                long began = System.nanoTime();
                long used = system.getProcessCpuTime();
                long n = 0;
                for (long b = 0; b < loader.batchesPerEpoch(); b++) {
                    n += loader.next(x.data(), y.data()).orElseThrow().count();
                }
                if (round < 0) continue;
                rate = Math.max(rate, n * 1e9 / (System.nanoTime() - began));
                perCore = Math.max(perCore, n * 1e9 / (system.getProcessCpuTime() - used));
            }
        }
        return new Speed(rate, perCore);
    }
}
