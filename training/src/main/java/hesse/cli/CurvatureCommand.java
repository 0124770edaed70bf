package hesse.cli;

import hesse.collective.Ranks;
import hesse.config.ConfigException;
import hesse.config.Names;
import hesse.curvature.BatchSource;
import hesse.curvature.Measurement;
import hesse.curvature.MeasurementSettings;
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
import hesse.optim.Optimizer;
import hesse.run.Agreement;
import hesse.run.Batch;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.Interruption;
import hesse.sharpness.Method;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.stream.Stream;
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
            "  hesse curvature --config C.yaml --weights W.safetensors --batch B.safetensors --what density --plot d.svg",
            "  hesse curvature runs/first --what landscape --directions filters:1,filters:2 --nme --plot plane.png,plane.svg"
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
            split = ",",
            paramLabel = "F",
            description =
                    "Pictures of the density, else the landscape, else the eigenvalues: .png or .svg, or both. What else"
                            + " can be drawn goes beside it, its name before the ending.")
    List<Path> plots = List.of();

    @Option(
            names = "--micro-batch",
            paramLabel = "N",
            description = "Examples at once, to save memory; the mean is over all.")
    @Nullable
    Integer microBatch;

    @Option(
            names = "--relative",
            defaultValue = "0",
            paramLabel = "R",
            description = "A trace ends when its standard error is below R times the estimate (default 0: never).")
    double relative;

    @Option(
            names = "--finite-difference",
            paramLabel = "R",
            description = "Not exact: central differences of gradients with radius R in place of products with the"
                    + " Hessian, for comparison.")
    @Nullable
    Double difference;

    @Option(
            names = "--prior",
            paramLabel = "L",
            description = "With density: the effective dimension, the sum of x/(x + L) over positive eigenvalues x.")
    @Nullable
    Double prior;

    @Mixin
    LandscapeOptions landscape = new LandscapeOptions();

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Mixin
    DataCommand.Folder folder = new DataCommand.Folder();

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    OwnModelOptions own = new OwnModelOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    @Override
    public int run(Console console) throws InterruptedException {
        return Together.run(console, this::run);
    }

    private int run(Ranks ranks, Console console) {
        var wanted = what.stream().map(w -> known("--what", w, WHAT)).toList();
        check();
        var given = given();
        var config = options.load(given.config(), own, device.overrides(), dataOverrides());
        var dtype = config.device().dtype();
        long key = seed != null ? seed : config.train().seed();
        Agreement.require(Agreement.facts(config), ranks);
        try (var interruption = new Interruption();
                var backend = config.device().open(console::log, ranks);
                var examples = ranks.apart(() -> new Opened(config, dtype))) {
            Agreement.require(Map.of("examples", examples.source.examples() + ""), ranks);
            var scratch = Forward.declaring(new Graph(), dtype, mode);
            var model = examples.model;
            model.model().apply(scratch, model.inputs().node(scratch.graph(), "x", 1, dtype));
            Function<Path, Map<String, Tensor>> read =
                    file -> WeightFile.read(file, scratch.parameters(), scratch.buffers(), mode == Mode.EVAL, dtype);
            if (mode == Mode.TRAIN
                    && examples.source.count() > 1
                    && !scratch.buffers().isEmpty()) {
                console.log("normalisation uses the statistics of each batch of "
                        + examples.source.batch(0).size()
                        + " examples: results depend on that number; --mode eval uses running statistics");
            }
            var asked = new Patience(console, interruption, ranks);
            try (var problem = new Problem(
                            model.model(),
                            config.loss().function(model),
                            backend,
                            read.apply(given.weights()),
                            examples.source,
                            new Problem.Options(mode, dtype, key, memory()));
                    var m = new Measurement(
                            problem, problem.space(parameters), settings(key).until(asked))) {
                var label = Names.of(choice("--operator", operator, Operator.values()))
                        + (difference == null ? "" : " by central differences, radius " + difference);
                var answers = new CurvatureAnswers(
                        problem,
                        problem.space(parameters),
                        m,
                        training(config, given.weights()),
                        label,
                        asked::isAsked);
                answers.answer(wanted, Optional.ofNullable(prior), landscape.read(read));
                boolean ended = asked.isAsked();
                if (ranks.first()) tell(console, answers, ended);
                // a process that was asked to end is gone when the interruption closes: not before all is told
                if (ended) ranks.close();
            }
        }
        return 0;
    }

    private void tell(Console console, CurvatureAnswers answers, boolean ended) {
        if (ended) console.log("interrupted: what was found so far");
        if (out != null) Safetensors.write(out, answers.tensors(), Map.of("format", "pt"));
        draw(answers.pictures());
        if (json) console.print(Json.print(answers.record()));
        else print(console, "", answers.record());
    }

    private void check() {
        if (k < 1 || probes < 1 || !(tolerance >= 0) || !(relative >= 0)) {
            throw new ConfigException("--k and --probes are at least 1, --tol and --relative at least 0");
        }
        if (microBatch != null && microBatch < 1) throw new ConfigException("--micro-batch is at least 1");
        if (prior != null && !(prior > 0)) throw new ConfigException("--prior is above 0");
        if (difference != null && !(difference > 0)) throw new ConfigException("--finite-difference is above 0");
        if (difference != null && choice("--operator", operator, Operator.values()) != Operator.HESSIAN) {
            throw new ConfigException("--finite-difference approximates the Hessian only");
        }
    }

    private MeasurementSettings settings(long key) {
        return MeasurementSettings.of(
                        choice("--operator", operator, Operator.values()),
                        k,
                        tolerance,
                        probes,
                        choice("--estimator", estimator, Estimator.values()),
                        key)
                .toRelative(relative)
                .byDifferences(difference == null ? OptionalDouble.empty() : OptionalDouble.of(difference));
    }

    /** Half of the free memory may hold primal passes, and 2 GiB always. */
    private static long memory() {
        long least = 2L << 30;
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os
                ? Math.max(least, os.getFreeMemorySize() / 2)
                : least;
    }

    private void draw(Map<String, ? extends Picture> pictures) {
        if (!plots.isEmpty() && pictures.isEmpty()) {
            throw new ConfigException("--plot needs top, density or landscape in --what");
        }
        String first = Stream.of("density", "landscape", "top")
                .filter(pictures::containsKey)
                .findFirst()
                .orElse("");
        for (Path plot : plots) {
            pictures.forEach((name, picture) -> {
                String file = plot.getFileName().toString();
                int dot = file.lastIndexOf('.');
                String own = name.equals(first) || dot < 0
                        ? file
                        : file.substring(0, dot) + "-" + name + file.substring(dot);
                picture.write(plot.resolveSibling(own));
            });
        }
    }

    /** What the configuration's optimizer and method can bear, at the peak learning rate; Adam's state from beside a checkpoint's weights. */
    private static Measurement.Training training(Config config, Path weights) {
        var rho = Method.of(config.method()).strengths().get("rho");
        var plain = Measurement.Training.of(
                config.optimizer(), config.optimizer().learningRate(), rho == null ? 0 : rho.at(0, 1));
        Path state = weights.resolveSibling("state.safetensors");
        if (!plain.adaptive() || !Files.exists(state)) return plain;
        var tensors = Safetensors.read(state).tensors();
        var step = tensors.get("step");
        if (step == null) return plain;
        return Optimizer.of(config.optimizer())
                .preconditioner(step.getLong(0) - 1, () -> tensors)
                .map(plain::preconditioned)
                .orElse(plain);
    }

    private static void print(Console console, String prefix, Map<?, ?> values) {
        values.forEach((name, v) -> {
            String path = prefix + name;
            switch (v) {
                case Map<?, ?> inner -> print(console, path + ".", inner);
                case double[] a -> console.print(path + " " + numbers(a));
                case double[][] rows ->
                    console.print(path + " " + rows.length + " × " + rows[0].length + " numbers (--json)");
                case List<?> all ->
                    console.print(path + " "
                            + all.stream()
                                    .map(e -> e instanceof double[] a ? numbers(a) : String.valueOf(e))
                                    .toList());
                default -> console.print(path + " " + v);
            }
        });
    }

    private static String numbers(double[] a) {
        return a.length > 20 ? a.length + " numbers (--json)" : java.util.Arrays.toString(a);
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
                var b = Batch.read(batch, model, dtype);
                var whole = new BatchSource.Batch(b.x(), b.y());
                source = microBatch == null ? BatchSource.of(whole) : BatchSource.inParts(whole, microBatch);
                return;
            }
            var splits = DataSplits.open(config.requireData(), folder.folders());
            var spec = splits.train().spec();
            model = config.model()
                    .build(
                            Optional.of(spec.inputs()),
                            java.util.OptionalInt.of(splits.dataset().classes()));
            source = BatchSource.streamed(
                    splits.train(),
                    splits.normalization(),
                    microBatch == null ? config.requireData().batch() : microBatch,
                    dtype);
        }

        @Override
        public void close() {
            source.close();
        }
    }
}
