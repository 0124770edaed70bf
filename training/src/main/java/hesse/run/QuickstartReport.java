package hesse.run;

import hesse.run.Quickstart.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;
import tools.jackson.databind.json.JsonMapper;

/** A page on a quickstart: table, conclusion, plots; one file that needs no other. */
public final class QuickstartReport {
    private final List<Outcome> outcomes;

    public QuickstartReport(List<Outcome> outcomes) {
        this.outcomes = outcomes;
    }

    /**
     * Writes it.
     *
     * @param table lines of text
     */
    public void write(Path file, List<String> table, String conclusion) throws IOException {
        var page = new StringBuilder();
        page.append("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Hesse quickstart</title>")
                .append("<style>body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}")
                .append("img{max-width:100%}</style></head><body><h1>Hesse quickstart</h1>\n<p>")
                .append("UCI handwritten digits, one small perceptron, by method and activation.</p>\n<pre>");
        table.forEach(line -> page.append(escape(line)).append('\n'));
        page.append("</pre>\n<p>").append(escape(conclusion)).append("</p>\n");
        image(page, bars("Largest Hessian eigenvalue", "λ₁(H)", Outcome::eigenvalue));
        image(page, bars("Test accuracy in per cent", "accuracy", o -> 100 * o.accuracy()));
        for (var activation : Quickstart.ACTIVATIONS) image(page, curves(activation));
        page.append("</body></html>\n");
        Files.writeString(file, page);
    }

    private CategoryChart bars(String title, String axis, ToDoubleFunction<Outcome> quantity) {
        var chart = new CategoryChartBuilder()
                .width(700)
                .height(350)
                .title(title)
                .yAxisTitle(axis)
                .build();
        chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
        for (var activation : Quickstart.ACTIVATIONS) {
            var values = new ArrayList<Double>();
            var errors = new ArrayList<Double>();
            for (var method : Quickstart.METHODS) {
                var m = Quickstart.mean(outcomes, method, activation, quantity);
                values.add(m.value());
                errors.add(Double.isNaN(m.error()) ? 0.0 : m.error());
            }
            chart.addSeries(activation, Quickstart.METHODS, values, errors);
        }
        return chart;
    }

    private XYChart curves(String activation) throws IOException {
        var chart = new XYChartBuilder()
                .width(700)
                .height(350)
                .title("Test loss, " + activation + ", first seed")
                .xAxisTitle("step")
                .yAxisTitle("loss")
                .build();
        chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
        var json = JsonMapper.builder().build();
        for (var o : outcomes) {
            if (o.seed() != 0 || !o.activation().equals(activation)) continue;
            var steps = new ArrayList<Double>();
            var losses = new ArrayList<Double>();
            for (var line : Files.readAllLines(o.folder().resolve(RunDirectory.METRICS))) {
                var n = json.readTree(line);
                if (!n.path("split").asString("").equals("test")) continue;
                steps.add(n.path("step").asDouble());
                losses.add(n.path("loss").asDouble());
            }
            chart.addSeries(o.method(), steps, losses).setMarker(SeriesMarkers.NONE);
        }
        return chart;
    }

    private static void image(StringBuilder page, Chart<?, ?> chart) throws IOException {
        byte[] png = BitmapEncoder.getBitmapBytes(chart, BitmapFormat.PNG);
        page.append("<p><img alt=\"")
                .append(escape(chart.getTitle()))
                .append("\" src=\"data:image/png;base64,")
                .append(Base64.getEncoder().encodeToString(png))
                .append("\"></p>\n");
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
