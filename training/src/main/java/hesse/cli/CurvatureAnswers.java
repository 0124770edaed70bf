package hesse.cli;

import hesse.config.ConfigException;
import hesse.curvature.Direction;
import hesse.curvature.Eigenpairs;
import hesse.curvature.Lanczos;
import hesse.curvature.Landscape;
import hesse.curvature.Measurement;
import hesse.curvature.ParameterSpace;
import hesse.curvature.Problem;
import hesse.curvature.Records;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** What {@code hesse curvature} finds: a record for JSON, tensors for a file, pictures. Asked to stop, it goes on with none of the rest. */
final class CurvatureAnswers {
    private static final int DENSITY_POINTS = 1000;
    private static final double DENSITY_WIDTH = 0.01;
    /** Eigenvalues this much smaller than the largest stand at the left end of a logarithmic axis. */
    private static final double SMALLEST_SHARE = 1e-8;

    private static final double DECADES_WIDTH = 0.05;

    private final Problem problem;
    private final ParameterSpace space;
    private final Measurement measurement;
    private final Measurement.Training training;
    private final BooleanSupplier stop;
    private final String operator;

    private final Map<String, Object> record = new LinkedHashMap<>();
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final Map<String, Picture> pictures = new LinkedHashMap<>();
    private Optional<Eigenpairs> top = Optional.empty();

    CurvatureAnswers(
            Problem problem,
            ParameterSpace space,
            Measurement measurement,
            Measurement.Training training,
            String operator,
            BooleanSupplier stop) {
        this.problem = problem;
        this.space = space;
        this.measurement = measurement;
        this.training = training;
        this.operator = operator;
        this.stop = stop;
    }

    Map<String, Object> record() {
        return record;
    }

    Map<String, Tensor> tensors() {
        return tensors;
    }

    Map<String, Picture> pictures() {
        return pictures;
    }

    private boolean goesOn() {
        return !stop.getAsBoolean();
    }

    /** Answers in order; what was asked for and is missing afterwards was not reached. */
    void answer(List<String> wanted, Optional<Double> prior, LandscapeOptions.Axes axes) {
        var here = measurement.lossGradient();
        record.put("loss", here.loss());
        record.put("gradient_norm", here.norm());
        record.put("parameters", space.size());
        record.put("examples", problem.data().examples());
        record.put("operator", operator);
        if ((wanted.contains("top") || wanted.contains("split")) && goesOn()) top(wanted.contains("split"));
        if (wanted.contains("bottom") && goesOn()) {
            var bottom = measurement.eigenpairs(Lanczos.End.SMALLEST);
            record.put("bottom", Records.of(bottom));
            vectors(record.containsKey("top") ? "bottom_vectors." : "vectors.", bottom);
        }
        if (wanted.contains("trace") && goesOn()) record.put("trace", measurement.trace());
        if (wanted.contains("diagonal") && goesOn()) {
            var d = measurement.diagonal();
            record.put("diagonal", Records.of(d, space));
            space.stored(d.estimate(), dtype()).forEach((name, t) -> tensors.put("diagonal." + name, t));
        }
        if (wanted.contains("frobenius") && goesOn()) record.put("frobenius", measurement.frobenius());
        if (wanted.contains("edge") && goesOn()) record.put("edge", measurement.edge(training));
        if (wanted.contains("landscape") && goesOn()) landscape(axes);
        if (wanted.contains("density") && goesOn()) density(prior);
        record.put("contractions", measurement.contractions());
        if (!goesOn()) record.put("interrupted", true);
    }

    private void top(boolean split) {
        var found = measurement.eigenpairs(Lanczos.End.LARGEST);
        top = Optional.of(found);
        var m = Records.of(found);
        record.put("top", m);
        if (split && goesOn()) m.put("split", measurement.split(found));
        vectors("vectors.", found);
        double[] index = new double[found.size()];
        for (int i = 0; i < index.length; i++) index[i] = i + 1;
        pictures.put("top", new CurvePlot("largest eigenvalues", "index", "eigenvalue", index, found.values()));
    }

    private void landscape(LandscapeOptions.Axes wanted) {
        var axes = new ArrayList<Landscape.Axis>();
        for (var a : wanted.all()) {
            axes.add(new Landscape.Axis(
                    direction(a), a.from(), a.to(), a.points(wanted.all().size())));
        }
        var l = measurement.landscape(axes, wanted.nme());
        record.put("landscape", Records.of(l));
        String x = axes.getFirst().direction().name();
        if (axes.size() == 1) {
            pictures.put(
                    "landscape",
                    new CurvePlot("loss", x, "loss", axes.getFirst().steps(), l.loss()[0]));
            l.nme()
                    .ifPresent(n -> pictures.put(
                            "landscape-nme",
                            new CurvePlot(
                                    "|N| on the line", x, "|N|", axes.getFirst().steps(), n[0])));
            return;
        }
        var y = axes.get(1);
        pictures.put(
                "landscape",
                new HeatMap("loss", x, y.direction().name(), axes.getFirst().steps(), y.steps(), l.loss()));
        l.nme()
                .ifPresent(n -> pictures.put(
                        "landscape-nme",
                        new HeatMap(
                                "|N| on the plane",
                                x,
                                y.direction().name(),
                                axes.getFirst().steps(),
                                y.steps(),
                                n)));
    }

    private Direction direction(LandscapeOptions.Way way) {
        return switch (way) {
            case LandscapeOptions.Eigen e -> {
                if (top.isEmpty() || top.get().size() < e.number()) {
                    top = Optional.of(measurement.eigenpairs(Lanczos.End.LARGEST));
                }
                if (top.get().size() < e.number()) {
                    throw new ConfigException("--directions eigen:" + e.number() + " needs --k " + e.number());
                }
                yield Direction.eigenvector(top.get(), e.number());
            }
            case LandscapeOptions.Gradient g -> Direction.gradient(measurement.lossGradient());
            case LandscapeOptions.Random r -> Direction.random(space, r.seed());
            case LandscapeOptions.Filters f -> Direction.filterNormalised(space, problem.weights(), f.seed());
            case LandscapeOptions.To t -> Direction.between(t.name(), space, problem.weights(), t.weights());
            case LandscapeOptions.Coordinate c -> Direction.coordinate(space, c.parameter(), c.element());
        };
    }

    private Direction direction(LandscapeOptions.Line line) {
        return direction(line.way());
    }

    private void density(Optional<Double> prior) {
        var density = measurement.density();
        var curve = density.linear(DENSITY_POINTS, DENSITY_WIDTH);
        var m = Records.of(curve);
        pictures.put(
                "density",
                new CurvePlot("spectral density, " + operator, "eigenvalue", "density", curve.grid(), curve.values()));
        double largest = Math.max(Math.abs(curve.grid()[0]), Math.abs(curve.grid()[curve.grid().length - 1]));
        var logarithmic = new LinkedHashMap<String, Object>();
        for (boolean positive : new boolean[] {true, false}) {
            if (largest == 0) break;
            var c = density.logarithmic(positive, SMALLEST_SHARE * largest, DENSITY_POINTS, DECADES_WIDTH);
            String name = positive ? "positive" : "negative";
            logarithmic.put(name, Records.of(c));
            pictures.put(
                    "density-" + name,
                    new CurvePlot(
                            "spectral density, " + operator + ", " + name + " eigenvalues",
                            "log10 of the magnitude",
                            "density per decade",
                            c.grid(),
                            c.values()));
        }
        m.put("log10", logarithmic);
        m.put("products", density.products());
        prior.ifPresent(l -> {
            var e = density.effectiveDimension(l);
            m.put("effective_dimension", Map.of("estimate", e.estimate(), "stderr", e.stderr(), "prior", l));
        });
        record.put("density", m);
    }

    private void vectors(String prefix, Eigenpairs pairs) {
        for (int i = 0; i < pairs.size(); i++) {
            int at = i;
            space.stored(pairs.vectors().get(i), dtype())
                    .forEach((name, t) -> tensors.put(prefix + at + "." + name, t));
        }
    }

    private DType dtype() {
        return problem.options().dtype();
    }
}
