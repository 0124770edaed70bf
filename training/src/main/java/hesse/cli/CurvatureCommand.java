package hesse.cli;

import hesse.config.ConfigException;
import hesse.config.Names;
import hesse.curvature.BatchSource;
import hesse.curvature.Lanczos;
import hesse.curvature.Measurement;
import hesse.curvature.ParameterSpace;
import hesse.curvature.ProbeConfig.Estimator;
import hesse.curvature.ProbeConfig.Operator;
import hesse.curvature.Problem;
import hesse.data.DataSplits;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.graph.Graph;
import hesse.models.ConfiguredModel;
import hesse.models.WeightFile;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.run.Batch;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.Interruption;
import hesse.sharpness.Method;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse curvature}: curvature of a network at given weights, or of a run's newest checkpoint. */
@CommandLine.Command(
        name = "curvature",
        description = "Measures eigenvalues, traces, spectral densities and edges of stability, exactly.",
        footer = {
            "",
            "Examples:",
            "  hesse curvature runs/first --what top,split,trace --k 3 --limit 1000",
            "  hesse curvature --config C.yaml --weights W.safetensors --batch B.safetensors --what density --plot d.svg"
        })
public final class CurvatureCommand implements Command {
    private static final List<String> WHAT =
            List.of("top", "bottom", "trace", "diagonal", "frobenius", "density", "edge", "split", "landscape");

    @Parameters(arity = "0..1", paramLabel = "RUN", description = "Folder of a run, or one of its checkpoints.")
    @Nullable
    Path run;

    @Option(names = "--config", paramLabel = "C", description = "A preset's name or a YAML file.")
    @Nullable
    String source;

    @Option(names = "--weights", paramLabel = "W", description = "Parameters (and running statistics), safetensors.")
    @Nullable
    Path weights;

    @Option(
            names = "--what",
            required = true,
            split = ",",
            paramLabel = "LIST",
            description = "Some of top, bottom, trace, diagonal, frobenius, density, edge, split, landscape.")
    List<String> what = new ArrayList<>();

    @Option(
            names = "--batch",
            paramLabel = "B",
            description = "Tensors x and y, safetensors. Default: the training set.")
    @Nullable
    Path batch;

    @Option(names = "--data", paramLabel = "NAME", description = "Another data set than the configuration's.")
    @Nullable
    String dataName;

    @Option(names = "--limit", paramLabel = "N", description = "The first N training examples only.")
    @Nullable
    Integer limit;

    @Option(
            names = "--operator",
            paramLabel = "O",
            defaultValue = "hessian",
            description = "hessian, gauss_newton, nme, nme_act, nme_rest, fisher_mc or fisher_empirical.")
    String operator = "hessian";

    @Option(
            names = "--parameters",
            paramLabel = "GLOB",
            defaultValue = "*",
            description = "Only parameters with such names.")
    String parameters = "*";

    @Option(names = "--k", defaultValue = "5", paramLabel = "K", description = "How many eigenvalues (default 5).")
    int k = 5;

    @Option(
            names = "--tol",
            defaultValue = "1e-6",
            paramLabel = "T",
            description = "Largest residual, relative to the eigenvalue (default 1e-6).")
    double tolerance = 1e-6;

    @Option(names = "--probes", defaultValue = "100", paramLabel = "N", description = "Random vectors (default 100).")
    int probes = 100;

    @Option(
            names = "--estimator",
            defaultValue = "hutchinson",
            paramLabel = "E",
            description = "hutchinson, hutchpp or xtrace.")
    String estimator = "hutchinson";

    @Option(
            names = "--mode",
            defaultValue = "train",
            paramLabel = "M",
            description = "train (statistics of each batch, default) or eval.")
    Mode mode = Mode.TRAIN;

    @Option(names = "--seed", paramLabel = "N", description = "Keys everything that is drawn; train.seed by default.")
    @Nullable
    Long seed;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "F",
            description = "Where eigenvectors (and the diagonal) go, safetensors.")
    @Nullable
    Path out;

    @Option(
            names = "--plot",
            paramLabel = "F",
            description = "Picture of the density, the landscape or the eigenvalues: .png or .svg.")
    @Nullable
    Path plot;

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Mixin
    DataCommand.Folder folder = new DataCommand.Folder();

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    @Override
    public int run(Console console) {
        var wanted = what.stream().map(w -> known("--what", w, WHAT)).toList();
        if (k < 1 || probes < 1 || !(tolerance >= 0)) {
            throw new ConfigException("--k and --probes are at least 1, --tol at least 0");
        }
        var given = given();
        var config = options.load(given.config(), device.overrides(), dataOverrides());
        var dtype = config.device().dtype();
        long key = seed != null ? seed : config.train().seed();
        try (var interruption = new Interruption();
                var backend = config.device().open(console::log);
                var examples = new Opened(config, dtype)) {
            var scratch = Forward.declaring(new Graph(), dtype, mode);
            var model = examples.model;
            model.model().apply(scratch, model.inputs().node(scratch.graph(), "x", 1, dtype));
            var values =
                    WeightFile.read(given.weights(), scratch.parameters(), scratch.buffers(), mode == Mode.EVAL, dtype);
            if (mode == Mode.TRAIN
                    && examples.source.count() > 1
                    && !scratch.buffers().isEmpty()) {
                console.log("normalisation uses the statistics of each batch of "
                        + config.requireData().batch()
                        + " examples: results depend on data.batch; --mode eval uses running statistics");
            }
            try (var problem = new Problem(
                            model.model(),
                            config.loss().function(),
                            backend,
                            values,
                            examples.source,
                            new Problem.Options(mode, dtype, key, 2L << 30));
                    var m = new Measurement(
                            problem,
                            problem.space(parameters),
                            new Measurement.Settings(
                                    choice("--operator", operator, Operator.values()),
                                    k,
                                    tolerance,
                                    probes,
                                    choice("--estimator", estimator, Estimator.values()),
                                    key,
                                    interruption::asked))) {
                var result = measure(wanted, config, problem, m);
                if (interruption.asked()) console.log("interrupted: what was found so far");
                if (json) console.print(Json.print(result));
                else print(console, "", result);
            }
        }
        return 0;
    }

    private Map<String, Object> measure(List<String> wanted, Config config, Problem problem, Measurement m) {
        var space = problem.space(parameters);
        var result = new LinkedHashMap<String, Object>();
        var tensors = new LinkedHashMap<String, Tensor>();
        var here = m.lossGradient();
        result.put("loss", here.loss());
        result.put("gradient_norm", here.norm());
        result.put("parameters", space.size());
        result.put("examples", problem.data().examples());
        var dtype = problem.options().dtype();
        Optional<CurvePlot> picture = Optional.empty();
        if (wanted.contains("top") || wanted.contains("split")) {
            var top = m.eigenpairs(Lanczos.End.LARGEST);
            var record = Measurement.record(top);
            if (wanted.contains("split")) record.put("split", m.split(top));
            result.put("top", record);
            put(tensors, "vectors.", space, top.vectors(), dtype);
            picture = Optional.of(new CurvePlot(
                    "largest eigenvalues",
                    "index",
                    "eigenvalue",
                    java.util.stream.IntStream.range(0, top.size())
                            .asDoubleStream()
                            .toArray(),
                    top.values()));
        }
        if (wanted.contains("bottom")) {
            var bottom = m.eigenpairs(Lanczos.End.SMALLEST);
            result.put("bottom", Measurement.record(bottom));
            put(tensors, result.containsKey("top") ? "bottom_vectors." : "vectors.", space, bottom.vectors(), dtype);
        }
        if (wanted.contains("trace")) result.put("trace", m.trace());
        if (wanted.contains("diagonal")) {
            var d = m.diagonal();
            result.put("diagonal", m.record(d));
            space.stored(d.estimate(), dtype).forEach((name, t) -> tensors.put("diagonal." + name, t));
        }
        if (wanted.contains("frobenius")) result.put("frobenius", m.frobenius());
        if (wanted.contains("edge")) result.put("edge", m.edge(training(config)));
        if (wanted.contains("landscape")) {
            var v = m.eigenpairs(Lanczos.End.LARGEST).vectors().getFirst();
            var slice = m.slice(v, 1, 41);
            result.put("landscape", slice.record());
            picture = Optional.of(new CurvePlot(
                    "loss along the first eigenvector", "distance", "loss", slice.steps(), slice.losses()));
        }
        if (wanted.contains("density")) {
            var curve = m.density().linear(1000, 0.01);
            var d = new LinkedHashMap<String, Object>();
            d.put("grid", curve.grid());
            d.put("values", curve.values());
            d.put("width", curve.width());
            result.put("density", d);
            picture = Optional.of(new CurvePlot(
                    "spectral density, " + operator, "eigenvalue", "density", curve.grid(), curve.values()));
        }
        if (out != null) Safetensors.write(out, tensors, Map.of("format", "pt"));
        if (plot != null) {
            picture.orElseThrow(() -> new ConfigException("--plot needs top, density or landscape in --what"))
                    .write(plot);
        }
        return result;
    }

    private static void put(
            Map<String, Tensor> into, String prefix, ParameterSpace space, List<double[]> vectors, DType dtype) {
        for (int i = 0; i < vectors.size(); i++) {
            int at = i;
            space.stored(vectors.get(i), dtype).forEach((name, t) -> into.put(prefix + at + "." + name, t));
        }
    }

    /** What the configuration's optimizer and method can bear, at the peak learning rate. */
    static Measurement.Training training(Config config) {
        var rho = Method.of(config.method()).strengths().get("rho");
        return Measurement.Training.of(
                config.optimizer(), config.optimizer().learningRate(), rho == null ? 0 : rho.at(0, 1));
    }

    private static void print(Console console, String prefix, Map<?, ?> values) {
        values.forEach((name, v) -> {
            String path = prefix + name;
            if (v instanceof Map<?, ?> inner) print(console, path + ".", inner);
            else if (v instanceof double[] a && a.length > 20)
                console.print(path + " " + a.length + " numbers (--json)");
            else if (v instanceof double[] a) console.print(path + " " + java.util.Arrays.toString(a));
            else console.print(path + " " + v);
        });
    }

    private static String known(String option, String name, List<String> all) {
        return all.stream()
                .filter(q -> Names.equal(q, name.strip()))
                .findFirst()
                .orElseThrow(() -> new ConfigException(option + ": there is no '" + name + "'"
                        + Names.didYouMean(name, all) + "; choose from " + String.join(", ", all)));
    }

    private static <E extends Enum<E>> E choice(String option, String name, E[] all) {
        var names = java.util.Arrays.stream(all).map(Names::of).toList();
        return all[names.indexOf(known(option, name, names))];
    }

    private List<String> dataOverrides() {
        var all = new ArrayList<String>();
        if (dataName != null) all.add("data.name=" + dataName);
        if (limit != null && batch == null) all.add("data.limit=" + limit);
        return all;
    }

    /** A configuration and the weights that belong to it. */
    private record Given(String config, Path weights) {}

    private Given given() {
        if (run == null) {
            if (source == null || weights == null) {
                throw new ConfigException("name a RUN, or a configuration with --config and weights with --weights");
            }
            return new Given(source, weights);
        }
        Path own = run.resolve("weights.safetensors");
        // a checkpoint lies two folders below its run
        Path folderOfRun = (Files.exists(own) ? run.resolve("../..") : run).normalize();
        Path config = folderOfRun.resolve("config.yaml");
        if (!Files.exists(config)) {
            throw new UserException(
                    Kind.RUNTIME, run.toString(), "is no run's folder: there is no config.yaml", "Name another one");
        }
        String name = source != null ? source : config.toString();
        if (weights != null) return new Given(name, weights);
        return new Given(name, Files.exists(own) ? own : newest(folderOfRun));
    }

    private static Path newest(Path run) {
        try (var all = Files.list(run.resolve("checkpoints"))) {
            return all.filter(p -> p.getFileName().toString().matches("step-\\d+"))
                    .sorted(java.util.Comparator.<Path>naturalOrder().reversed())
                    .map(p -> p.resolve("weights.safetensors"))
                    .filter(Files::exists)
                    .findFirst()
                    .orElseThrow(() -> new IOException("it holds none"));
        } catch (IOException e) {
            throw new UserException(
                    Kind.RUNTIME, run.toString(), "has no checkpoint (" + e.getMessage() + ")", "Name --weights", e);
        }
    }

    /** The examples that are asked for, and the model fitted to them. */
    private final class Opened implements AutoCloseable {
        final ConfiguredModel model;
        final BatchSource source;

        Opened(Config config, DType dtype) {
            if (batch != null) {
                model = ModelCommand.build(config);
                var b = Batch.read(batch, model.inputs(), dtype);
                source = BatchSource.of(new BatchSource.Batch(b.x(), b.y()));
                return;
            }
            var splits = DataSplits.open(config.requireData(), folder.folders());
            var spec = splits.train().spec();
            model = config.model()
                    .build(
                            Optional.of(spec.inputs()),
                            java.util.OptionalInt.of(splits.dataset().classes()));
            source = BatchSource.streamed(
                    splits.train(), splits.normalization(), config.requireData().batch(), dtype);
        }

        @Override
        public void close() {
            source.close();
        }
    }
}
