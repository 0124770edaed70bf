package hesse.experiment;

import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Draws of settings: each number from a range, evenly or evenly in its logarithm, each other value from a list. Draw i of a key depends on
 * the seed, i and the key alone, so that more draws or keys leave the others as they are. Numbers have six digits.
 *
 * @param n draws
 * @param seed of the search, not of the runs
 */
record RandomSearch(int n, long seed, Map<String, Range> ranges) {
    private static final MathContext DIGITS = new MathContext(6);
    private static final int MOST = 100_000;

    /** Where values come from. */
    sealed interface Range {
        String draw(SplittableRandom random);
    }

    /** Between two numbers above 0, evenly in the logarithm. */
    record Log(double from, double to) implements Range {
        @Override
        public String draw(SplittableRandom random) {
            double at = Math.log(from) + random.nextDouble() * (Math.log(to) - Math.log(from));
            return number(StrictMath.exp(at));
        }
    }

    /** Between two numbers. */
    record Uniform(double from, double to) implements Range {
        @Override
        public String draw(SplittableRandom random) {
            return number(from + random.nextDouble() * (to - from));
        }
    }

    /** A whole number between two, both included. */
    record Whole(long from, long to) implements Range {
        @Override
        public String draw(SplittableRandom random) {
            return Long.toString(random.nextLong(from, to + 1));
        }
    }

    /** One of some. */
    record OneOf(List<String> values) implements Range {
        @Override
        public String draw(SplittableRandom random) {
            return values.get(random.nextInt(values.size()));
        }
    }

    private static String number(double v) {
        return Double.toString(new BigDecimal(v, DIGITS).doubleValue());
    }

    /** All draws. */
    List<List<Setting>> points() {
        var points = new ArrayList<List<Setting>>();
        for (int i = 0; i < n; i++) {
            var point = new ArrayList<Setting>();
            for (var e : ranges.entrySet()) {
                var random = new SplittableRandom(
                        seed * 0x9E3779B97F4A7C15L + e.getKey().hashCode() * 0x100000001B3L + i);
                random.nextLong();
                point.add(new Setting(e.getKey(), e.getValue().draw(random.split())));
            }
            points.add(point);
        }
        return points;
    }

    /** Reads {@code {n: 20, seed: 0, KEY: {log: [1e-4, 1]}, …}}; problems are noted in it. */
    static RandomSearch read(ConfigNode sweep) {
        var ranges = new java.util.LinkedHashMap<String, Range>();
        var table = sweep.free("random");
        int n = 0;
        long seed = 0;
        for (var e : table.entrySet()) {
            switch (e.getKey()) {
                case "n" -> n = (int) whole(sweep, e.getValue(), "n", 1);
                case "seed" -> seed = whole(sweep, e.getValue(), "seed", 0);
                default -> ranges.put(e.getKey(), range(sweep, e.getKey(), e.getValue()));
            }
        }
        if (n == 0) sweep.problem("random", "lacks 'n', the number of draws");
        return new RandomSearch(n, seed, ranges);
    }

    private static long whole(ConfigNode sweep, ConfigValue value, String key, long least) {
        if (value instanceof ConfigValue.Scalar s && s.value() instanceof Long n && n >= least && n <= MOST) return n;
        sweep.problem("random", "needs a whole number from " + least + " to " + MOST + " as '" + key + "'");
        return least;
    }

    private static Range range(ConfigNode sweep, String key, ConfigValue value) {
        if (value instanceof ConfigValue.Items items && !items.items().isEmpty()) {
            return new OneOf(items.items().stream().map(Setting::text).toList());
        }
        if (value instanceof ConfigValue.Table t && t.entries().size() == 1) {
            var entry = t.entries().values().iterator().next();
            double[] ends = ends(entry.value());
            switch (entry.key()) {
                case "log" -> {
                    if (ends.length == 2 && ends[0] > 0 && ends[0] < ends[1]) return new Log(ends[0], ends[1]);
                }
                case "uniform" -> {
                    if (ends.length == 2 && ends[0] < ends[1]) return new Uniform(ends[0], ends[1]);
                }
                case "whole" -> {
                    if (ends.length == 2 && ends[0] < ends[1]) return new Whole((long) ends[0], (long) ends[1]);
                }
                default -> {
                    // said below
                }
            }
        }
        sweep.problem(
                "random",
                "needs for '" + key + "' {log: [FROM, TO]}, {uniform: [FROM, TO]}, {whole: [FROM, TO]} or a list;"
                        + " FROM below TO, for log above 0");
        return new OneOf(List.of("null"));
    }

    private static double[] ends(ConfigValue value) {
        if (!(value instanceof ConfigValue.Items items)) return new double[0];
        return items.items().stream()
                .mapToDouble(v -> v instanceof ConfigValue.Scalar s && s.value() instanceof Number n
                        ? n.doubleValue()
                        : Double.NaN)
                .toArray();
    }
}
