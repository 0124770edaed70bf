package hesse.experiment;

import hesse.config.ConfigException;
import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import hesse.error.UserException;
import hesse.run.Config;
import hesse.run.Presets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * Many runs of one configuration: every item of a list with every point of a grid and every draw of a random search, each with every seed.
 *
 * <pre>{@code
 * base: digits-mlp                       # a preset, or a file beside this one
 * set: {train.epochs: 5}
 * list: [{method.kind: sam}, {method.kind: psam}]
 * grid: {method.rho: [0.05, 0.1, 0.2]}
 * random: {n: 20, optimizer.lr: {log: [1.0e-3, 1]}}
 * seeds: 3                               # 0, 1, 2; or a list
 * }</pre>
 *
 * @param base a preset's name or a file
 * @param set for all runs
 * @param points what each run adds to that
 * @param seeds values of {@code train.seed}
 */
public record Sweep(String base, List<Setting> set, List<List<Setting>> points, List<Long> seeds) {
    private static final int MOST_RUNS = 1_000_000;

    /**
     * Reads a sweep's file.
     *
     * @throws ConfigException with every problem found
     */
    public static Sweep load(Path file) {
        if (!Files.isRegularFile(file)) {
            var what = Files.exists(file) ? "is no file" : "does not exist";
            throw new UserException(UserException.Kind.USAGE, file.toString(), what, "Name a sweep's file");
        }
        var text = Presets.readText(file);
        var folder = Optional.ofNullable(file.toAbsolutePath().getParent()).orElse(Path.of(""));
        var root = ConfigNode.parse(file.toString(), folder, text, List.of());
        var sweep = read(root, folder);
        root.finish();
        return sweep;
    }

    private static Sweep read(ConfigNode n, Path folder) {
        String base = n.text("base").required();
        var beside = folder.resolve(base);
        var set = Setting.all(n.free("set"));
        var points = Setting.product(Setting.axes(n.free("grid")));
        if (n.has("list")) points = times(listed(n), points);
        if (n.has("random")) points = times(points, RandomSearch.read(n).points());
        var seeds = seeds(n);
        if ((long) points.size() * seeds.size() > MOST_RUNS) {
            n.problem("has " + (long) points.size() * seeds.size() + " runs; at most " + MOST_RUNS);
        }
        return new Sweep(Files.isRegularFile(beside) ? beside.toString() : base, set, points, seeds);
    }

    /** Seeds: their number, counted from 0, or a list; one by default. */
    static List<Long> seeds(ConfigNode n) {
        if (n.hasList("seeds")) {
            return n.integers("seeds").required().stream()
                    .map(Integer::longValue)
                    .toList();
        }
        int count = n.integer("seeds").atLeast(1).or(1);
        return LongStream.range(0, count).boxed().toList();
    }

    private static List<List<Setting>> listed(ConfigNode n) {
        var all = new ArrayList<List<Setting>>();
        for (var item : n.items("list")) {
            if (!(item instanceof ConfigValue.Table t)) {
                n.problem("list", "holds " + item.describe() + " where a table of settings belongs");
                continue;
            }
            all.add(t.entries().values().stream()
                    .map(e -> new Setting(e.key(), Setting.text(e.value())))
                    .toList());
        }
        return all;
    }

    private static List<List<Setting>> times(List<List<Setting>> outer, List<List<Setting>> inner) {
        var all = new ArrayList<List<Setting>>();
        for (var a : outer) {
            for (var b : inner) {
                var both = new ArrayList<>(a);
                both.addAll(b);
                all.add(both);
            }
        }
        return all;
    }

    /** Every key that a point sets, in the order in which they first appear. */
    public Set<String> keys() {
        var keys = new LinkedHashSet<String>();
        for (var point : points) for (var s : point) keys.add(s.key());
        return keys;
    }

    /**
     * Every run, in order: seeds outermost, so that each number of seeds is whole before the next begins. Equal runs appear once.
     *
     * @param overrides laid over each configuration at last
     * @throws ConfigException if a configuration has problems
     */
    public List<PlannedRun> runs(List<String> overrides, RunIdentity identity) {
        var runs = new ArrayList<PlannedRun>();
        var known = new LinkedHashSet<String>();
        for (long seed : seeds) {
            for (var point : points) {
                var all = new ArrayList<String>();
                for (var s : set) all.add(s.override());
                for (var s : point) all.add(s.override());
                all.add("train.seed=" + seed);
                all.addAll(overrides);
                var config = Config.load(base, all);
                var run = new PlannedRun(identity.of(config, Task.TRAIN), config, Task.TRAIN, point, seed);
                if (known.add(run.hash())) runs.add(run);
            }
        }
        return runs;
    }
}
