package hesse.experiment.figure;

import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import hesse.experiment.figure.Figure.Axes;
import hesse.experiment.figure.Figure.Bars;
import hesse.experiment.figure.Figure.Heat;
import hesse.experiment.figure.Figure.Line;
import hesse.experiment.figure.Figure.Lines;
import hesse.experiment.figure.Figure.Panel;
import hesse.experiment.figure.Figure.Style;
import hesse.experiment.outcome.Mean;
import hesse.experiment.outcome.Outcomes;
import hesse.experiment.outcome.PlaneData;
import hesse.experiment.outcome.Series;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a figure shows: turns outcomes into its numbers. */
public sealed interface FigureKind
        permits FigureKind.Curves, FigureKind.Compared, FigureKind.Planes, FigureKind.Scatter, Traces, Densities {
    /** The panels for the outcomes of one panel of the experiment. */
    List<Panel> panels(Outcomes outcomes, String title);

    /** The whole figure. */
    default Figure of(Outcomes outcomes) {
        var panels = new ArrayList<Panel>();
        for (var name : outcomes.panels()) panels.addAll(panels(outcomes.panel(name), name));
        return new Figure(panels);
    }

    /** Reads it; problems are noted in it. */
    static FigureKind read(ConfigNode n) {
        String kind = n.choice("kind", "curves", "bars", "planes", "scatter", "traces", "densities")
                .required();
        return switch (kind) {
            case "bars" ->
                new Compared(
                        texts(n, "measures"),
                        n.flag("log").or(false),
                        n.text("unit").or(""));
            case "planes" ->
                new Planes(n.text("x").or("first direction"), n.text("y").or("second direction"));
            case "scatter" -> new Scatter(texts(n, "x"), n.text("y").required(), texts(n, "arms"));
            case "traces" -> Traces.read(n);
            case "densities" -> new Densities(n.text("lines").or("density"));
            default ->
                new Curves(
                        n.text("measure").required(),
                        n.text("along").required(),
                        new Axes(
                                n.text("x").required(),
                                n.text("y").required(),
                                n.flag("log_x").or(false),
                                n.flag("log_y").or(false)),
                        groups(n));
        };
    }

    /** A list of texts. */
    static List<String> texts(ConfigNode n, String key) {
        return n.items(key).stream()
                .map(v -> v instanceof ConfigValue.Scalar s ? s.text() : "")
                .toList();
    }

    /** Panels by name, each with the arms it shows; none for one panel with all. */
    static Map<String, List<String>> groups(ConfigNode n) {
        var groups = new java.util.LinkedHashMap<String, List<String>>();
        n.free("groups").forEach((name, value) -> {
            if (value instanceof ConfigValue.Items items) {
                groups.put(
                        name,
                        items.items().stream()
                                .map(v -> v instanceof ConfigValue.Scalar s ? s.text() : "")
                                .toList());
            } else {
                n.problem("groups", "needs a list of arms for " + name);
            }
        });
        return groups;
    }

    /** A panel's title: that of the experiment's panel and its own. */
    static String title(String outer, String own) {
        return outer.isEmpty() ? own : own.isEmpty() ? outer : outer + ": " + own;
    }

    /** The groups, or one of all arms. */
    static Map<String, List<String>> groupsOf(Map<String, List<String>> groups, Outcomes outcomes) {
        return groups.isEmpty() ? Map.of("", outcomes.arms()) : groups;
    }

    /** A measure against a key, mean and standard error over seeds; an arm without the key is a level. */
    record Curves(String measure, String along, Axes axes, Map<String, List<String>> groups) implements FigureKind {
        @Override
        public List<Panel> panels(Outcomes outcomes, String title) {
            var panels = new ArrayList<Panel>();
            groupsOf(groups, outcomes).forEach((name, arms) -> {
                var lines = new ArrayList<Line>();
                var places = new Outcomes(outcomes.all().stream()
                                .filter(o -> arms.contains(o.arm()))
                                .toList())
                        .values(along);
                for (var arm : arms) line(outcomes.arm(arm), arm, places).ifPresent(lines::add);
                panels.add(new Lines(title(title, name), axes, lines));
            });
            return panels;
        }

        private Optional<Line> line(Outcomes own, String arm, List<Double> places) {
            if (own.all().isEmpty()) return Optional.empty();
            var values = own.values(along);
            boolean level = values.isEmpty();
            var x = level ? ends(places) : values;
            double[][] v = new double[4][x.size()];
            for (int i = 0; i < x.size(); i++) {
                Mean m = level
                        ? own.mean(measure)
                        : own.at(Map.of(along, x.get(i))).mean(measure);
                double e = Double.isNaN(m.error()) ? 0 : m.error();
                v[0][i] = x.get(i);
                v[1][i] = m.value();
                v[2][i] = m.value() - e;
                v[3][i] = m.value() + e;
            }
            return Optional.of(new Line(arm, v[0], v[1], v[2], v[3], level ? Style.DASHED : Style.MARKED));
        }

        private List<Double> ends(List<Double> places) {
            if (places.isEmpty()) return List.of(0.0);
            var positive = places.stream().filter(p -> !axes.logX() || p > 0).toList();
            return positive.isEmpty() ? places : List.of(positive.getFirst(), positive.getLast());
        }
    }

    /** Measures of each arm (and place), side by side. */
    record Compared(List<String> measures, boolean log, String unit) implements FigureKind {
        @Override
        public List<Panel> panels(Outcomes outcomes, String title) {
            var names = new ArrayList<String>();
            var means = new ArrayList<Mean>();
            for (var measure : measures) {
                for (var arm : outcomes.arms()) {
                    var own = outcomes.arm(arm);
                    for (var place : own.places()) {
                        var m = own.at(place).mean(measure);
                        if (Double.isNaN(m.value())) continue;
                        String where = place.isEmpty() ? "" : ", " + Outcomes.describe(place);
                        names.add(measures.size() == 1 ? arm + where : measure);
                        means.add(m);
                    }
                }
            }
            return List.of(new Bars(
                    title,
                    unit,
                    log,
                    distinct(names),
                    means.stream().mapToDouble(Mean::value).toArray(),
                    means.stream().mapToDouble(Mean::error).toArray()));
        }

        private static List<String> distinct(List<String> names) {
            var out = new ArrayList<String>();
            for (var name : names) {
                String own = name;
                for (int i = 2; out.contains(own); i++) own = name + " " + i;
                out.add(own);
            }
            return out;
        }
    }

    /** Planes of the loss and of ‖N‖, of the first seed of each arm. */
    record Planes(String x, String y) implements FigureKind {
        @Override
        public List<Panel> panels(Outcomes outcomes, String title) {
            var panels = new ArrayList<Panel>();
            for (var quantity : List.of("loss", "‖N‖")) {
                for (var arm : outcomes.arms()) {
                    var own = outcomes.arm(arm);
                    for (var place : own.places()) {
                        var run = own.at(place).all().getFirst();
                        PlaneData.read(run.folder())
                                .ifPresent(p -> panels.add(new Heat(
                                        title(title, arm + (place.isEmpty() ? "" : ", " + Outcomes.describe(place))),
                                        new Axes(x, y, false, false),
                                        quantity,
                                        p.x(),
                                        p.y(),
                                        quantity.equals("loss") ? p.loss() : p.nme())));
                    }
                }
            }
            return panels;
        }
    }

    /** A measure of some arms against others, one panel for each. */
    record Scatter(List<String> xs, String y, List<String> arms) implements FigureKind {
        @Override
        public List<Panel> panels(Outcomes outcomes, String title) {
            var panels = new ArrayList<Panel>();
            for (var x : xs) {
                var lines = new ArrayList<Line>();
                for (var arm : arms) {
                    var a = outcomes.arm(arm).mean(x);
                    var b = outcomes.arm(arm).mean(y);
                    if (Double.isNaN(a.value()) || Double.isNaN(b.value())) continue;
                    double e = Double.isNaN(b.error()) ? 0 : b.error();
                    lines.add(new Line(
                            arm,
                            new double[] {a.value()},
                            new double[] {b.value()},
                            new double[] {b.value() - e},
                            new double[] {b.value() + e},
                            Style.POINTS));
                }
                panels.add(new Lines(title(title, x), new Axes(x, y, false, false), lines));
            }
            return panels;
        }
    }

    /** Means over runs of a series at each step that all of them have. */
    static Line mean(String name, List<List<Series.Point>> runs, Style style) {
        var steps = new ArrayList<Long>();
        runs.getFirst().forEach(p -> steps.add(p.step()));
        var x = new ArrayList<Double>();
        var means = new ArrayList<Mean>();
        for (long step : steps) {
            double[] v = runs.stream()
                    .flatMap(r -> r.stream().filter(p -> p.step() == step).limit(1))
                    .mapToDouble(Series.Point::value)
                    .toArray();
            if (v.length < runs.size()) continue;
            x.add((double) step);
            means.add(Mean.of(v));
        }
        double[] y = means.stream().mapToDouble(Mean::value).toArray();
        double[] e = means.stream()
                .mapToDouble(m -> Double.isNaN(m.error()) ? 0 : m.error())
                .toArray();
        double[] low = new double[y.length];
        double[] high = new double[y.length];
        for (int i = 0; i < y.length; i++) {
            low[i] = y[i] - e[i];
            high[i] = y[i] + e[i];
        }
        return new Line(name, x.stream().mapToDouble(Double::doubleValue).toArray(), y, low, high, style);
    }
}
