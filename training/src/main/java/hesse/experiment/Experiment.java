package hesse.experiment;

import hesse.config.ConfigException;
import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import hesse.experiment.figure.FigureKind;
import hesse.experiment.outcome.Measure;
import hesse.experiment.rule.Rule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * One of the papers' experiments, or one that they leave open: what is run, what is measured, when it counts as reproduced, and what the
 * figure shows. All of it is data, in {@code /hesse/experiments/ID.yaml}.
 *
 * @param source paper and figure
 * @param claim what is stated there
 * @param measures by name
 * @param arms what is compared, by name
 * @param scales by name: {@code smoke}, {@code small}, {@code paper}
 */
public record Experiment(
        String id,
        String title,
        String source,
        String claim,
        Map<String, Measure> measures,
        Map<String, Arm> arms,
        Map<String, Scale> scales,
        Rule rule,
        FigureKind figure) {
    /** Every experiment, in order. */
    public static final List<String> IDS = List.of(
            "A1", "A2", "A3", "A4", "A5", "A6", "B1", "B2", "B3", "B4", "C1", "C2", "D1", "D2", "D3", "D4", "D5", "D6",
            "E1", "E2", "E3", "E4", "E5", "E6", "E7");

    /** The scales, from the smallest. */
    public static final List<String> SCALES = List.of("smoke", "small", "paper");

    /**
     * Runs that differ in seed and grid alone.
     *
     * @param along the keys of the grid that vary within it; all when empty
     * @param scales those it belongs to; all when empty
     */
    public record Arm(List<Setting> set, Optional<List<String>> along, Optional<List<String>> scales, Task task) {}

    /**
     * A data set and a network.
     *
     * @param base a preset
     * @param optional whether it is left out where its data are not there
     */
    public record Panel(String base, List<Setting> set, boolean optional) {}

    /**
     * How large an experiment is.
     *
     * @param panels by name; one without a name where there is one only
     * @param cost what it is expected to take, in words
     */
    public record Scale(
            List<Setting> set, Map<String, Panel> panels, List<Setting.Axis> grid, List<Long> seeds, String cost) {}

    /**
     * An experiment of the jar.
     *
     * @throws ConfigException (usage) if there is none of that name
     */
    public static Experiment named(String id) {
        String wanted = id.toUpperCase(Locale.ROOT);
        if (!IDS.contains(wanted)) {
            throw new ConfigException(
                    "there is no experiment '" + id + "'; choose from all, " + String.join(", ", IDS));
        }
        try (var in = Experiment.class.getResourceAsStream("/hesse/experiments/" + wanted + ".yaml")) {
            if (in == null) throw new IllegalStateException("no data file of " + wanted);
            return parse(wanted, new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Reads an experiment's data file.
     *
     * @throws ConfigException with every problem found
     */
    public static Experiment parse(String id, String yaml) {
        var root = ConfigNode.parse("experiment " + id, Path.of(""), yaml, List.of());
        var measures = new LinkedHashMap<String, Measure>();
        root.sections("measures").forEach((name, n) -> measures.put(name, Measure.read(n)));
        var arms = new LinkedHashMap<String, Arm>();
        root.sections("arms").forEach((name, n) -> arms.put(name, arm(n)));
        var scales = new LinkedHashMap<String, Scale>();
        root.sections("scales").forEach((name, n) -> scales.put(name, scale(n)));
        for (var scale : scales.keySet()) {
            if (!SCALES.contains(scale)) root.problem("scales", "has " + scale + "; there are " + SCALES);
        }
        var rule = Rule.read(root.child("rule"));
        var figure = FigureKind.read(root.child("figure"));
        var experiment = new Experiment(
                id,
                root.text("title").required(),
                root.text("source").required(),
                root.text("claim").required(),
                measures,
                arms,
                scales,
                rule,
                figure);
        root.finish();
        return experiment;
    }

    private static Arm arm(ConfigNode n) {
        Task task = Task.TRAIN;
        if (n.has("task")) {
            var t = n.child("task");
            task = t.choice("kind", "product", "landscape").required().equals("product")
                    ? ProductTask.read(t)
                    : LandscapeTask.read(t);
        }
        return new Arm(Setting.all(n.free("set")), texts(n, "along"), texts(n, "scales"), task);
    }

    private static Optional<List<String>> texts(ConfigNode n, String key) {
        if (!n.has(key)) return Optional.empty();
        return Optional.of(n.items(key).stream()
                .map(v -> v instanceof ConfigValue.Scalar s ? s.text() : "")
                .toList());
    }

    private static Scale scale(ConfigNode n) {
        var panels = new LinkedHashMap<String, Panel>();
        if (n.has("panels")) n.sections("panels").forEach((name, p) -> panels.put(name, panel(p)));
        else panels.put("", new Panel(n.text("base").required(), List.of(), false));
        return new Scale(
                Setting.all(n.free("set")),
                panels,
                Setting.axes(n.free("grid")),
                Sweep.seeds(n),
                n.text("cost").or(""));
    }

    private static Panel panel(ConfigNode n) {
        return new Panel(
                n.text("base").required(),
                Setting.all(n.free("set")),
                n.flag("optional").or(false));
    }

    /** The grid's axes that vary within an arm. */
    List<Setting.Axis> axes(Scale scale, Arm arm) {
        var axes = new ArrayList<>(scale.grid);
        arm.along.ifPresent(keys -> axes.removeIf(a -> !keys.contains(a.key())));
        return axes;
    }
}
