package hesse.report;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * What an experiment's folder says: the verdict and what it rests on, and the figure's numbers.
 *
 * @param verdict {@code verdict.json}
 * @param columns of {@code figure.csv}; none without it
 * @param rows likewise
 * @param picture {@code figure.svg}
 */
record Verdict(Path folder, JsonNode verdict, List<String> columns, List<List<String>> rows, Optional<Path> picture) {
    private static final List<String> FORM = List.of("panel", "series", "x", "y", "low", "high");
    private static final int CURVES_AT_MOST = 24;
    /**
     * Reads it.
     *
     * @throws hesse.error.UserException (runtime) if a file is damaged
     */
    static Verdict read(Path folder) {
        var file = folder.resolve("figure.csv");
        var lines = Files.exists(file)
                ? RunFolder.text(file).lines().filter(l -> !l.isBlank()).toList()
                : List.<String>of();
        var columns = lines.isEmpty() ? List.<String>of() : cells(lines.getFirst());
        var rows = new ArrayList<List<String>>();
        for (int i = 1; i < lines.size(); i++) {
            var row = cells(lines.get(i));
            if (row.size() != columns.size()) {
                throw RunFolder.damaged(
                        file, "line " + (i + 1) + " has " + row.size() + " values for " + columns.size() + " columns");
            }
            rows.add(row);
        }
        var picture = folder.resolve("figure.svg");
        return new Verdict(
                folder,
                RunFolder.json(folder.resolve("verdict.json")),
                columns,
                rows,
                Files.exists(picture) ? Optional.of(picture) : Optional.empty());
    }

    /** The cells of a line of comma-separated values. */
    private static List<String> cells(String line) {
        var cells = new ArrayList<String>();
        var cell = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            if (c == '"') {
                if (quoted && i + 1 < line.length() && line.charAt(i + 1) == '"') cell.append(line.charAt(i++));
                else quoted = !quoted;
            } else if (c == ',' && !quoted) {
                cells.add(cell.toString());
                cell.setLength(0);
            } else {
                cell.append(c);
            }
        }
        cells.add(cell.toString());
        return cells;
    }

    String text(String key) {
        return verdict.path(key).asString("");
    }

    /** The experiment's name, or its folder's. */
    String id() {
        return text("id").isEmpty() ? folder.getFileName().toString() : text("id");
    }

    /** A figure for each panel of curves; panels of single points or of planes have the picture alone. */
    List<Figure> figures() {
        if (!columns.equals(FORM)) return List.of();
        var panels = new LinkedHashMap<String, Map<String, List<List<String>>>>();
        for (var row : rows) {
            panels.computeIfAbsent(row.get(0), p -> new LinkedHashMap<>())
                    .computeIfAbsent(row.get(1), s -> new ArrayList<>())
                    .add(row);
        }
        var all = new ArrayList<Figure>();
        panels.forEach((panel, series) -> {
            boolean curves = series.values().stream().anyMatch(points -> points.size() > 1);
            if (curves && series.size() <= CURVES_AT_MOST) all.add(figure(panel, series, all.size()));
        });
        return all;
    }

    private Figure figure(String panel, Map<String, List<List<String>>> series, int number) {
        var lines = new ArrayList<Figure.Line>();
        series.forEach((name, points) -> {
            var ordered = points.stream()
                    .map(row -> row.subList(2, FORM.size()).stream()
                            .map(Verdict::number)
                            .toList())
                    .filter(p -> Double.isFinite(p.get(0)) && Double.isFinite(p.get(1)))
                    .sorted(java.util.Comparator.comparingDouble(List::getFirst))
                    .toList();
            var y = ordered.stream().map(p -> p.get(1)).toList();
            int i = lines.size();
            lines.add(new Figure.Line(
                    name,
                    i % Page.COLOURS,
                    i / Page.COLOURS,
                    Map.of("x", ordered.stream().map(List::getFirst).toList()),
                    y,
                    ordered.stream()
                            .map(p -> Double.isFinite(p.get(2)) ? p.get(2) : p.get(1))
                            .toList(),
                    ordered.stream()
                            .map(p -> Double.isFinite(p.get(3)) ? p.get(3) : p.get(1))
                            .toList(),
                    true));
        });
        var id = "figure-" + id().replaceAll("[^A-Za-z0-9]+", "-") + "-" + (number + 1);
        boolean logX = Figure.wide(
                lines.stream().map(l -> l.x().getOrDefault("x", List.of())).toList());
        boolean logY = Figure.wide(lines.stream().map(Figure.Line::y).toList());
        var title = panel.isEmpty() ? id() : id() + ": " + panel;
        return new Figure(id, title, "The numbers of figure.csv.", "y", Map.of("x", "x"), logX, logY, lines);
    }

    private static double number(String cell) {
        try {
            return Double.parseDouble(cell);
        } catch (NumberFormatException e) {
            return Double.NaN;
        }
    }
}
