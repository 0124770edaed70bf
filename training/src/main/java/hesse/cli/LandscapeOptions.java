package hesse.cli;

import hesse.config.ConfigException;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a landscape is looked at: its directions, how far along each, and how finely. */
final class LandscapeOptions {
    private static final int LINE_POINTS = 41;
    private static final int PLANE_POINTS = 25;
    private static final Pattern COORDINATE = Pattern.compile("(.+)\\[(\\d+)]");

    @Option(
            names = "--directions",
            split = ",",
            paramLabel = "LIST",
            description =
                    "Of a landscape, one or two: eigen:N, gradient, random:SEED, filters:SEED (normalised by filter),"
                            + " to:FILE (other weights), NAME[I] (one number of a parameter). Default eigen:1.")
    List<String> directions = List.of("eigen:1");

    @Option(
            names = "--range",
            split = ",",
            paramLabel = "FROM:TO",
            description = "Of each direction; -1:1 by default, -0.5:1.5 for to:FILE.")
    List<String> ranges = List.of();

    @Option(names = "--points", paramLabel = "N", description = "On each axis; 41 on a line, 25 on a plane.")
    @Nullable
    Integer points;

    @Option(names = "--nme", description = "A landscape also measures the size of N on the line or plane.")
    boolean nme;

    /** A way to go, not yet a vector. */
    sealed interface Way {}

    record Eigen(int number) implements Way {}

    record Gradient() implements Way {}

    record Random(long seed) implements Way {}

    record Filters(long seed) implements Way {}

    record To(String name, Map<String, Tensor> weights) implements Way {}

    record Coordinate(String parameter, int element) implements Way {}

    /** One axis. */
    record Line(Way way, double from, double to, @Nullable Integer given) {
        int points(int axes) {
            return given != null ? given : axes == 1 ? LINE_POINTS : PLANE_POINTS;
        }
    }

    /** What is looked at. */
    record Axes(List<Line> all, boolean nme) {}

    /**
     * Reads the options.
     *
     * @param weights reads a file of weights in memory layout
     */
    Axes read(Function<Path, Map<String, Tensor>> weights) {
        if (directions.size() > 2) throw new ConfigException("--directions: one or two, not " + directions.size());
        if (ranges.size() > directions.size()) throw new ConfigException("--range: more ranges than directions");
        if (points != null && points < 2) throw new ConfigException("--points: at least 2");
        var lines = new ArrayList<Line>();
        for (int i = 0; i < directions.size(); i++) {
            var way = way(directions.get(i).strip(), weights);
            String fallback = way instanceof To ? "-0.5:1.5" : "-1:1";
            double[] range = range(ranges.isEmpty() ? fallback : ranges.get(Math.min(i, ranges.size() - 1)));
            lines.add(new Line(way, range[0], range[1], points));
        }
        return new Axes(lines, nme);
    }

    private static double[] range(String text) {
        String[] ends = text.split(":", -1);
        try {
            double first = Double.parseDouble(ends[0]);
            double[] range =
                    ends.length == 1 ? new double[] {-first, first} : new double[] {first, Double.parseDouble(ends[1])};
            if (ends.length <= 2 && range[0] < range[1]) return range;
        } catch (NumberFormatException e) {
            // said below
        }
        throw new ConfigException("--range: '" + text + "' is not FROM:TO with FROM < TO");
    }

    private static Way way(String text, Function<Path, Map<String, Tensor>> weights) {
        var coordinate = COORDINATE.matcher(text);
        if (coordinate.matches()) {
            return new Coordinate(coordinate.group(1), (int) number(text, coordinate.group(2), 0, Integer.MAX_VALUE));
        }
        int colon = text.indexOf(':');
        String kind = colon < 0 ? text : text.substring(0, colon);
        String rest = colon < 0 ? "" : text.substring(colon + 1);
        return switch (kind) {
            case "eigen" -> new Eigen(rest.isEmpty() ? 1 : (int) number(text, rest, 1, 10_000));
            case "gradient" -> new Gradient();
            case "random" -> new Random(rest.isEmpty() ? 0 : number(text, rest, 0, Long.MAX_VALUE));
            case "filters" -> new Filters(rest.isEmpty() ? 0 : number(text, rest, 0, Long.MAX_VALUE));
            case "to" -> new To(rest, weights.apply(Path.of(rest)));
            default ->
                throw new ConfigException("--directions: there is no '" + text
                        + "'; choose from eigen:N, gradient, random:SEED, filters:SEED, to:FILE, NAME[I]");
        };
    }

    private static long number(String text, String digits, long least, long most) {
        try {
            long n = Long.parseLong(digits);
            if (n >= least && n <= most) return n;
        } catch (NumberFormatException e) {
            // said below
        }
        throw new ConfigException("--directions: '" + text + "' has no proper number");
    }
}
