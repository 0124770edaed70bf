package hesse.cli;

import hesse.config.Names;
import hesse.data.DataShape;
import hesse.data.DataSources;
import hesse.models.ConfiguredModel;
import hesse.models.ModelDescription;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.DeviceConfig;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code hesse model describe}. */
@CommandLine.Command(
        name = "model",
        description = "Shows what a model consists of.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = ModelCommand.Describe.class,
        footer = {"", "Example:", "  hesse model describe --config cifar-wrn-16-4"})
public final class ModelCommand implements Group {
    /**
     * Contractions and stored activations of a step, in units of one forward pass's: what exact derivatives on a deep net need at most
     * (three products a layer for a gradient; the outputs of contractions are stored, everything elementwise is computed again).
     */
    private enum Cost {
        SGD(3, 1),
        SAM(6, 1),
        PSAM(9, 3),
        GN_TRACE(9.9, 2.1),
        HESSIAN_TRACE(13, 3.1);

        private final double forwards;
        private final double stored;

        Cost(double forwards, double stored) {
            this.forwards = forwards;
            this.stored = stored;
        }
    }

    /** The model of a configuration for its data set, if it names one. */
    static ConfiguredModel build(Config config) {
        var shape = config.data().flatMap(DataSources::shape);
        return config.model()
                .build(
                        shape.map(DataShape::inputs),
                        shape.map(DataShape::classes).orElse(OptionalInt.empty()));
    }

    /** Parameters, buffers, layers, and estimates of memory and work. */
    @CommandLine.Command(
            name = "describe",
            description = "Prints parameters, buffers, layers, and estimates of memory and work for each method.",
            footer = {"", "Example:", "  hesse model describe --config cifar-wrn-16-4 --json"})
    public static final class Describe implements Command {
        @Option(names = "--config", required = true, paramLabel = "C", description = "A preset's name or a YAML file.")
        String source = "";

        @Mixin
        OwnModelOptions own = new OwnModelOptions();

        @Mixin
        ConfigOptions options = new ConfigOptions();

        @Option(names = "--json", description = "Print JSON.")
        boolean json;

        @Override
        public int run(Console console) {
            var config = options.load(source, own);
            var model = build(config);
            var description = ModelDescription.of(model.model(), model.inputs());
            int batch = config.data().map(d -> d.batch()).orElse(1);
            int bytes = config.device().precision() == DeviceConfig.Precision.F64 ? 8 : 4;
            long stored = description.layers().stream()
                            .mapToLong(l -> l.output().size())
                            .sum()
                    * batch
                    * bytes;
            double forward = 2.0 * description.multiplyAdds() * batch;
            var estimates = Arrays.stream(Cost.values())
                    .map(c ->
                            new Estimate(Names.of(c), Math.round(c.stored * stored), Math.round(c.forwards * forward)))
                    .toList();
            long parameterBytes = description.total() * bytes;
            if (json) console.print(Json.print(json(description, batch, parameterBytes, estimates)));
            else text(console, description, batch, parameterBytes, estimates);
            return 0;
        }

        private record Estimate(String method, long activationBytes, long flops) {}

        private static Map<String, Object> json(
                ModelDescription d, int batch, long parameterBytes, List<Estimate> estimates) {
            var result = new LinkedHashMap<String, Object>();
            result.put(
                    "parameters",
                    d.parameters().stream()
                            .map(p -> entry(p.name(), p.fileShape()))
                            .toList());
            result.put(
                    "buffers",
                    d.buffers().stream().map(b -> entry(b.name(), b.shape())).toList());
            result.put("total", d.total());
            result.put("outputs", List.of(dims(d.output())));
            var layers = new ArrayList<Map<String, Object>>();
            for (var l : d.layers()) {
                var row = new LinkedHashMap<String, Object>();
                row.put("name", l.path());
                row.put("output", dims(l.output()));
                row.put("multiply_adds", l.multiplyAdds());
                layers.add(row);
            }
            result.put("layers", layers);
            var activations = new LinkedHashMap<String, Object>();
            var flops = new LinkedHashMap<String, Object>();
            for (var e : estimates) {
                activations.put(e.method, e.activationBytes);
                flops.put(e.method, e.flops);
            }
            var memory = new LinkedHashMap<String, Object>();
            memory.put("batch", batch);
            memory.put("parameters_bytes", parameterBytes);
            memory.put("activations_bytes", activations);
            result.put("memory", memory);
            result.put("flops_per_step", flops);
            return result;
        }

        private static Map<String, Object> entry(String name, Shape shape) {
            var row = new LinkedHashMap<String, Object>();
            row.put("name", name);
            row.put("shape", dims(shape));
            row.put("count", shape.size());
            return row;
        }

        private static List<Integer> dims(Shape shape) {
            return Arrays.stream(shape.dims()).boxed().toList();
        }

        private static void text(
                Console console, ModelDescription d, int batch, long parameterBytes, List<Estimate> estimates) {
            var parameters = new TextTable("parameter", "shape", "count");
            for (var p : d.parameters())
                parameters.row(p.name(), p.fileShape(), p.shape().size());
            parameters.lines().forEach(console::print);
            if (!d.buffers().isEmpty()) {
                console.print("");
                var buffers = new TextTable("buffer", "shape", "count");
                for (var b : d.buffers())
                    buffers.row(b.name(), b.shape(), b.shape().size());
                buffers.lines().forEach(console::print);
            }
            console.print("");
            var layers = new TextTable("layer", "output of one example", "multiply-adds");
            for (var l : d.layers()) layers.row(l.path(), l.output(), l.multiplyAdds());
            layers.lines().forEach(console::print);
            console.print("");
            console.print("parameters: " + d.total() + ", " + mib(parameterBytes));
            console.print("outputs: " + d.output() + " for one example");
            console.print("");
            console.print("Estimates for a step of batch " + batch + ":");
            var table = new TextTable("method", "stored activations", "floating-point operations");
            for (var e : estimates)
                table.row(e.method, mib(e.activationBytes), String.format(Locale.ROOT, "%.3g", (double) e.flops));
            table.lines().forEach(line -> console.print("  " + line));
        }

        private static String mib(long bytes) {
            return String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1 << 20));
        }
    }
}
