package hesse.experiment.outcome;

import hesse.config.ConfigNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.json.JsonMapper;

/** One number of a run. */
public sealed interface Measure
        permits Measure.Summary, Measure.OfSeries, Measure.Plane, Measure.Relative, TensorMeasure {
    /**
     * Its value.
     *
     * @param run the run's folder
     * @param others folders of other arms' runs on the same panel with the same seed, by arm
     * @return NaN where the run does not have it
     */
    double of(Path run, boolean diverged, Function<String, Optional<Path>> others);

    /**
     * A number of {@code summary.json}.
     *
     * @param diverged what a run counts with that diverged
     */
    record Summary(String path, Optional<Double> diverged) implements Measure {
        private static final JsonMapper JSON = JsonMapper.builder().build();

        @Override
        public double of(Path run, boolean hasDiverged, Function<String, Optional<Path>> others) {
            if (hasDiverged) return diverged.orElse(Double.NaN);
            Path file = run.resolve("summary.json");
            if (!Files.exists(file)) return Double.NaN;
            try {
                return Series.number(Series.at(JSON.readTree(Files.readString(file)), path));
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    /** How a series becomes one number. */
    enum Reduction {
        FIRST,
        LAST,
        /** The first value after the share of the steps that is left out. */
        AT_SHARE,
        MEAN,
        MEDIAN,
        MIN,
        MAX,
        /** The share of points above 0. */
        SHARE_POSITIVE,
        /** The last value over the one at half of the steps: above 2 for what grows faster than linearly. */
        DOUBLING
    }

    /**
     * A quantity over the steps, reduced.
     *
     * @param from the share of the run's steps that is left out at the beginning
     */
    record OfSeries(Series series, Reduction reduction, double from) implements Measure {
        @Override
        public double of(Path run, boolean diverged, Function<String, Optional<Path>> others) {
            var points = series.of(run);
            if (points.isEmpty()) return Double.NaN;
            long end = points.getLast().step();
            var part = points.stream().filter(p -> p.step() >= from * end).toList();
            double[] v = part.stream().mapToDouble(Series.Point::value).toArray();
            return switch (reduction) {
                case FIRST, AT_SHARE -> v[0];
                case LAST -> v[v.length - 1];
                case MEAN -> Arrays.stream(v).average().orElse(Double.NaN);
                case MEDIAN -> median(v);
                case MIN -> Arrays.stream(v).min().orElse(Double.NaN);
                case MAX -> Arrays.stream(v).max().orElse(Double.NaN);
                case SHARE_POSITIVE -> Arrays.stream(v).filter(x -> x > 0).count() / (double) v.length;
                case DOUBLING -> v[v.length - 1] / half(points);
            };
        }

        private static double half(List<Series.Point> points) {
            long middle = points.getLast().step() / 2;
            return points.stream()
                    .filter(p -> p.step() >= middle)
                    .findFirst()
                    .map(Series.Point::value)
                    .orElse(Double.NaN);
        }

        private static double median(double[] values) {
            double[] v = values.clone();
            Arrays.sort(v);
            int n = v.length;
            return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
        }
    }

    /** What is read off a plane of losses and sizes of N. */
    enum Reading {
        /** The share of places where ‖N‖ is above {@code threshold} of its largest value. */
        NME_SHARE,
        /** The largest ‖N‖. */
        NME_MAX,
        /** The share of places whose third difference of the loss along the first axis is below {@code threshold} of the largest. */
        QUADRATIC_SHARE
    }

    /** One number of {@code landscape.json}. */
    record Plane(Reading reading, double threshold) implements Measure {
        @Override
        public double of(Path run, boolean diverged, Function<String, Optional<Path>> others) {
            var plane = PlaneData.read(run);
            if (plane.isEmpty()) return Double.NaN;
            return switch (reading) {
                case NME_SHARE -> shareAbove(plane.get().nme(), threshold);
                case NME_MAX -> largest(plane.get().nme());
                case QUADRATIC_SHARE ->
                    1 - shareAbove(thirdDifferences(plane.get().loss()), threshold);
            };
        }

        private static double largest(double[][] rows) {
            return Arrays.stream(rows).flatMapToDouble(Arrays::stream).max().orElse(Double.NaN);
        }

        private static double shareAbove(double[][] rows, double threshold) {
            double most = largest(rows);
            long all = Arrays.stream(rows).mapToLong(r -> r.length).sum();
            long above = Arrays.stream(rows)
                    .flatMapToDouble(Arrays::stream)
                    .filter(v -> v > threshold * most)
                    .count();
            return above / (double) all;
        }

        private static double[][] thirdDifferences(double[][] loss) {
            double[][] out = new double[loss.length][];
            for (int j = 0; j < loss.length; j++) {
                double[] row = loss[j];
                out[j] = new double[Math.max(0, row.length - 3)];
                for (int i = 0; i + 3 < row.length; i++)
                    out[j][i] = Math.abs(row[i + 3] - 3 * row[i + 2] + 3 * row[i + 1] - row[i]);
            }
            return out;
        }
    }

    /** A measure over that of another arm's run. */
    record Relative(Measure measure, String arm) implements Measure {
        @Override
        public double of(Path run, boolean diverged, Function<String, Optional<Path>> others) {
            var base = others.apply(arm);
            if (base.isEmpty()) return Double.NaN;
            return measure.of(run, diverged, others) / measure.of(base.get(), false, others);
        }
    }

    /** Reads a measure, perhaps with {@code over_arm}; problems are noted in it. */
    static Measure read(ConfigNode n) {
        var measure = alone(n);
        return n.text("over_arm")
                .optional()
                .<Measure>map(arm -> new Relative(measure, arm))
                .orElse(measure);
    }

    private static Measure alone(ConfigNode n) {
        return switch (n.choice("kind", "summary", "series", "plane", "tensors").required()) {
            case "series" ->
                new OfSeries(
                        Series.read(n),
                        n.choice("reduce", Reduction.class).or(Reduction.LAST),
                        n.number("from").atLeast(0).below(1).or(0.0));
            case "plane" ->
                new Plane(
                        n.choice("reading", Reading.class).required(),
                        n.number("threshold").atLeast(0).or(0.1));
            case "tensors" -> TensorMeasure.read(n);
            default ->
                new Summary(n.text("path").required(), n.number("diverged").optional());
        };
    }
}
