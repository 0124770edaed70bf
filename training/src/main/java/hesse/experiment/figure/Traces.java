package hesse.experiment.figure;

import hesse.config.ConfigNode;
import hesse.experiment.figure.Figure.Axes;
import hesse.experiment.figure.Figure.Line;
import hesse.experiment.figure.Figure.Lines;
import hesse.experiment.figure.Figure.Panel;
import hesse.experiment.figure.Figure.Style;
import hesse.experiment.outcome.Outcome;
import hesse.experiment.outcome.Outcomes;
import hesse.experiment.outcome.Series;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Quantities over a run's steps: means over seeds with bands. One panel for each arm and place with all quantities, or one for all arms where
 * there is one quantity.
 *
 * @param series by name; one called {@code 2/η} or the like is dashed where it is listed in {@code levels}
 * @param seconds whether the same is shown against seconds too, of the first seed: those of two runs never agree
 */
record Traces(
        Map<String, Series> series,
        List<String> levels,
        Axes axes,
        boolean seconds,
        boolean together,
        Map<String, List<String>> groups)
        implements FigureKind {
    static Traces read(ConfigNode n) {
        var series = new LinkedHashMap<String, Series>();
        n.sections("series").forEach((name, s) -> series.put(name, Series.read(s)));
        if (series.isEmpty()) n.problem("lacks 'series', a table of {lines, value}");
        return new Traces(
                series,
                FigureKind.texts(n, "levels"),
                new Axes("step", n.text("y").required(), false, n.flag("log_y").or(false)),
                n.flag("seconds").or(false),
                n.flag("together").or(false),
                FigureKind.groups(n));
    }

    @Override
    public List<Panel> panels(Outcomes outcomes, String title) {
        var panels = new ArrayList<Panel>();
        FigureKind.groupsOf(groups, outcomes).forEach((group, arms) -> {
            var shared = new ArrayList<Line>();
            for (var arm : arms) {
                var own = outcomes.arm(arm);
                for (var place : own.places()) {
                    var runs = own.at(place).all();
                    String name = arm + (place.isEmpty() ? "" : ", " + Outcomes.describe(place));
                    if (together) {
                        series.forEach((label, s) -> addMean(
                                shared, series.size() == 1 ? name : name + ", " + label, s, runs, style(label)));
                        continue;
                    }
                    var lines = new ArrayList<Line>();
                    series.forEach((label, s) -> addMean(lines, label, s, runs, style(label)));
                    panels.add(new Lines(FigureKind.title(title, name), axes, lines));
                    if (seconds) panels.add(timed(FigureKind.title(title, name), runs.getFirst()));
                }
            }
            if (together) panels.add(new Lines(FigureKind.title(title, group), axes, shared));
        });
        return panels;
    }

    private Style style(String label) {
        return levels.contains(label) ? Style.DASHED : Style.PLAIN;
    }

    private static void addMean(List<Line> lines, String label, Series s, List<Outcome> runs, Style style) {
        var all = runs.stream()
                .map(r -> s.of(r.folder()))
                .filter(points -> !points.isEmpty())
                .toList();
        if (!all.isEmpty()) lines.add(FigureKind.mean(label, all, style));
    }

    private Panel timed(String title, Outcome run) {
        var clock = Series.seconds(run.folder());
        var lines = new ArrayList<Line>();
        series.forEach((label, s) -> {
            var points = s.of(run.folder());
            double[] x = points.stream().mapToDouble(p -> at(clock, p.step())).toArray();
            double[] y = points.stream().mapToDouble(Series.Point::value).toArray();
            if (x.length > 0) lines.add(Line.of(label, x, y, style(label)));
        });
        return new Lines(title, new Axes("seconds of training", axes.y(), false, axes.logY()), lines);
    }

    /** Seconds after a step, between the lines that have them by a straight line. */
    private static double at(List<Series.Point> clock, long step) {
        double before = 0;
        long from = 0;
        for (var p : clock) {
            if (p.step() >= step) return before + (p.value() - before) * (step - from) / (p.step() - from);
            before = p.value();
            from = p.step();
        }
        return clock.isEmpty() ? Double.NaN : before;
    }
}
