package hesse.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * A page of HTML with tables and figures. It holds all that it shows, scripts and styles included, and forbids itself the network.
 * Texts are escaped here.
 */
final class Page {
    /** Colours that the style sheet names, {@code --c0} and on. */
    static final int COLOURS = 8;

    private static final String LIBRARY = "META-INF/resources/webjars/uplot/1.6.30/";
    private static final int ROWS_OF_NUMBERS = 30;
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final String title;
    private final StringBuilder contents = new StringBuilder();
    private final StringBuilder body = new StringBuilder();
    private final List<Figure> figures = new ArrayList<>();
    private boolean open;

    Page(String title) {
        this.title = title;
    }

    /** Begins a section; it is listed in the contents. */
    void section(String id, String heading) {
        if (open) body.append("</section>\n");
        open = true;
        contents.append("<li><a href=\"#")
                .append(id)
                .append("\">")
                .append(escape(heading))
                .append("</a></li>\n");
        body.append("<section id=\"")
                .append(id)
                .append("\" aria-labelledby=\"")
                .append(id)
                .append("-heading\">\n<h2 id=\"");
        body.append(id).append("-heading\">").append(escape(heading)).append("</h2>\n");
    }

    void heading(String text) {
        body.append("<h3>").append(escape(text)).append("</h3>\n");
    }

    void paragraph(String text) {
        body.append("<p>").append(escape(text)).append("</p>\n");
    }

    /** A verdict: a mark and a word, so that no colour is needed. */
    void verdict(String verdict) {
        var mark = switch (verdict) {
            case "reproduced" -> "✓";
            case "not reproduced" -> "✗";
            default -> "?";
        };
        body.append("<p class=\"verdict ")
                .append(verdict.replaceAll("[^a-z]+", "-"))
                .append("\"><span aria-hidden=\"true\">");
        body.append(mark).append("</span> <strong>").append(escape(verdict)).append("</strong></p>\n");
    }

    /** A table; the first cell of each row is its heading. */
    void table(String caption, List<String> header, List<List<String>> rows) {
        table(body, caption, header, rows);
    }

    private static void table(StringBuilder to, String caption, List<String> header, List<List<String>> rows) {
        var label = escape(caption);
        to.append("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"")
                .append(label)
                .append("\"><table><caption>");
        to.append(label).append("</caption><thead><tr>");
        header.forEach(h -> to.append("<th scope=\"col\">").append(escape(h)).append("</th>"));
        to.append("</tr></thead><tbody>\n");
        for (var row : rows) {
            to.append("<tr><th scope=\"row\">").append(escape(row.getFirst())).append("</th>");
            row.stream()
                    .skip(1)
                    .forEach(cell -> to.append("<td>").append(escape(cell)).append("</td>"));
            to.append("</tr>\n");
        }
        to.append("</tbody></table></div>\n");
    }

    /** Text as it is, folded away. */
    void folded(String summary, String text) {
        body.append("<details><summary>").append(escape(summary)).append("</summary><pre tabindex=\"0\">");
        body.append(escape(text)).append("</pre></details>\n");
    }

    /** A picture in SVG, folded away; as an image, so that nothing in it can run. */
    void picture(String summary, String alternative, String svg) {
        var data = java.util.Base64.getEncoder().encodeToString(svg.getBytes(StandardCharsets.UTF_8));
        body.append("<details><summary>")
                .append(escape(summary))
                .append("</summary><img alt=\"")
                .append(escape(alternative));
        body.append("\" src=\"data:image/svg+xml;base64,").append(data).append("\"></details>\n");
    }

    /** The choice of the horizontal axis of all figures that have several. */
    void axisChoice(Map<String, String> axes) {
        body.append("<fieldset class=\"axes\"><legend>Horizontal axis of all figures</legend>\n");
        boolean first = true;
        for (var axis : axes.entrySet()) {
            body.append("<label><input type=\"radio\" name=\"axis\" value=\"")
                    .append(axis.getKey())
                    .append('"');
            body.append(first ? " checked" : "")
                    .append("> ")
                    .append(escape(axis.getValue()))
                    .append("</label>\n");
            first = false;
        }
        body.append("</fieldset>\n");
    }

    /** A figure, and its numbers as a table. */
    void figure(Figure figure) {
        figures.add(figure);
        body.append("<figure id=\"")
                .append(figure.id())
                .append("\" data-figure><h3>")
                .append(escape(figure.title()));
        body.append("</h3>\n<div class=\"tools\"></div><div class=\"plot\"></div><ul class=\"legend\"></ul>\n");
        if (!figure.caption().isEmpty())
            body.append("<figcaption>").append(escape(figure.caption())).append("</figcaption>\n");
        body.append("<details><summary>Numbers of “")
                .append(escape(figure.title()))
                .append("”</summary>\n");
        numbers(figure);
        body.append("</details></figure>\n");
    }

    private void numbers(Figure figure) {
        var axis = figure.axes().keySet().iterator().next();
        var places = new java.util.TreeSet<Double>();
        figure.lines().forEach(l -> places.addAll(l.x().getOrDefault(axis, List.of())));
        var all = List.copyOf(places);
        int stride = Math.max(1, (all.size() + ROWS_OF_NUMBERS - 1) / ROWS_OF_NUMBERS);
        var header = new ArrayList<>(List.of(figure.axes().getOrDefault(axis, axis)));
        figure.lines().forEach(l -> header.add(l.label()));
        var rows = new ArrayList<List<String>>();
        for (int i = (all.size() - 1) % stride; i >= 0 && i < all.size(); i += stride) {
            var row = new ArrayList<>(List.of(Mean.number(all.get(i))));
            for (var line : figure.lines()) {
                int at = line.x().getOrDefault(axis, List.of()).indexOf(all.get(i));
                row.add(at < 0 ? "" : cell(line, at));
            }
            rows.add(row);
        }
        var note = stride == 1 ? "" : ", one row of " + stride;
        table(body, figure.title() + ": " + figure.y() + note, header, rows);
    }

    private static String cell(Figure.Line line, int at) {
        double half = (line.high().get(at) - line.low().get(at)) / 2;
        return new Mean(line.y().get(at), half, 1).text();
    }

    /** The whole page. */
    String text() {
        var data = new LinkedHashMap<String, Object>();
        data.put("figures", figures.stream().map(Figure::toMap).toList());
        // no text of a run may end the script element
        var json = JSON.writeValueAsString(data).replace("<", "\\u003c");
        var page = new StringBuilder("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ")
                .append("style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
                .append(
                        "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>")
                .append(escape(title))
                .append("</title>\n<style>\n")
                .append(library("dist/uPlot.min.css"))
                .append(own("report.css"))
                .append("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the content</a>\n<header><h1>")
                .append(escape(title))
                .append("</h1>\n<nav aria-label=\"Contents\"><ul>\n")
                .append(contents)
                .append("</ul></nav></header>\n<main id=\"main\">\n")
                .append(
                        "<noscript><p>Without JavaScript the figures stay empty; their numbers are in the tables.</p></noscript>\n")
                .append(body)
                .append(open ? "</section>\n" : "")
                .append("</main>\n<footer><details><summary>Figures are drawn by uPlot</summary><pre>")
                .append(escape(library("LICENSE")))
                .append("</pre></details></footer>\n<script id=\"report-data\" type=\"application/json\">")
                .append(json)
                .append("</script>\n<script>\n")
                .append(library("dist/uPlot.iife.min.js"))
                .append("\n</script>\n<script>\n")
                .append(own("report.js"))
                .append("</script>\n</body>\n</html>\n");
        return page.toString();
    }

    /** A file of the chart library, which is another module's and found by the class loader. */
    private static String library(String name) {
        return text(LIBRARY + name, Page.class.getClassLoader().getResourceAsStream(LIBRARY + name));
    }

    private static String own(String name) {
        return text(name, Page.class.getResourceAsStream(name));
    }

    private static String text(String name, @Nullable InputStream resource) {
        if (resource == null) throw new IllegalStateException("neither on the class path nor the module path: " + name);
        try (resource) {
            return new String(resource.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
