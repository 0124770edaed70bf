package hesse.experiment.figure;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A figure as numbers: what is drawn, and what {@code figure.csv} holds. */
public record Figure(List<Panel> panels) {
    public Figure {
        panels = List.copyOf(panels);
    }

    /** One pair of axes. */
    public sealed interface Panel {
        String title();
    }

    /** The two axes' labels, with units, and whether they are logarithmic. */
    public record Axes(String x, String y, boolean logX, boolean logY) {}

    /** Curves, or points without a line. */
    public record Lines(String title, Axes axes, List<Line> lines) implements Panel {
        public Lines {
            lines = List.copyOf(lines);
        }
    }

    /**
     * One curve.
     *
     * @param low lower end of the band around it; equal to y where there is none
     * @param high upper end
     * @param style how it is drawn
     */
    public record Line(String name, double[] x, double[] y, double[] low, double[] high, Style style) {
        /** Without a band. */
        public static Line of(String name, double[] x, double[] y, Style style) {
            return new Line(name, x, y, y, y, style);
        }
    }

    /** How a curve is drawn. */
    public enum Style {
        MARKED,
        PLAIN,
        /** A level that other curves are compared with. */
        DASHED,
        POINTS
    }

    /** Bars with errors. */
    public record Bars(String title, String y, boolean logY, List<String> names, double[] values, double[] errors)
            implements Panel {}

    /**
     * Numbers on a plane.
     *
     * @param values by [place on y][place on x]
     */
    public record Heat(String title, Axes axes, String unit, double[] x, double[] y, double[][] values)
            implements Panel {}

    /** All numbers: panel, series, x, y, lower and upper end of the band. */
    public String csv() {
        var rows = new ArrayList<List<String>>();
        rows.add(List.of("panel", "series", "x", "y", "low", "high"));
        for (var panel : panels) {
            switch (panel) {
                case Lines l -> {
                    for (var line : l.lines()) {
                        for (int i = 0; i < line.x().length; i++) {
                            rows.add(row(panel, line.name(), line.x()[i], line.y()[i], line.low()[i], line.high()[i]));
                        }
                    }
                }
                case Bars b -> {
                    for (int i = 0; i < b.values().length; i++) {
                        double v = b.values()[i];
                        double e = Double.isNaN(b.errors()[i]) ? 0 : b.errors()[i];
                        rows.add(row(panel, b.names().get(i), i, v, v - e, v + e));
                    }
                }
                case Heat h -> {
                    for (int j = 0; j < h.y().length; j++) {
                        for (int i = 0; i < h.x().length; i++) {
                            // the place on y is the series: a row of the plane
                            double v = h.values()[j][i];
                            rows.add(row(panel, number(h.y()[j]), h.x()[i], v, v, v));
                        }
                    }
                }
            }
        }
        var text = new StringBuilder();
        for (var r : rows) text.append(String.join(",", r)).append('\n');
        return text.toString();
    }

    private static List<String> row(Panel panel, String series, double x, double y, double low, double high) {
        return List.of(quoted(panel.title()), quoted(series), number(x), number(y), number(low), number(high));
    }

    private static String quoted(String text) {
        boolean plain = text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n');
        return plain ? text : '"' + text.replace("\"", "\"\"") + '"';
    }

    private static String number(double v) {
        return v == Math.rint(v) && Math.abs(v) < 1e15
                ? String.format(Locale.ROOT, "%d", (long) v)
                : Double.toString(v);
    }
}
