package hesse.experiment.figure;

import hesse.experiment.figure.Figure.Bars;
import hesse.experiment.figure.Figure.Heat;
import hesse.experiment.figure.Figure.Line;
import hesse.experiment.figure.Figure.Lines;
import hesse.experiment.figure.Figure.Style;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.batik.svggen.SVGGraphics2D;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Draws figures: panels side by side, at most three in a row. Colours are those of Okabe and Ito, which differ for every kind of colour
 * vision; each curve also has its own marker. What a logarithmic axis cannot show is left out of the picture, not of the numbers.
 */
public final class Drawing {
    private static final int WIDTH = 620;
    private static final int HEIGHT = 400;
    private static final int COLUMNS = 3;
    private static final int HEAT_LABELS = 9;
    /** Where a bar of a logarithm ends whose value is zero. */
    private static final double SMALLEST_BAR = 1e-18;

    private static final Color[] COLOURS = {
        new Color(0x0072B2),
        new Color(0xD55E00),
        new Color(0x009E73),
        new Color(0xCC79A7),
        new Color(0xE69F00),
        new Color(0x56B4E9),
        new Color(0x000000),
        new Color(0x8A7F00)
    };
    private static final Marker[] MARKERS = {
        SeriesMarkers.CIRCLE,
        SeriesMarkers.SQUARE,
        SeriesMarkers.TRIANGLE_UP,
        SeriesMarkers.DIAMOND,
        SeriesMarkers.CROSS,
        SeriesMarkers.TRIANGLE_DOWN,
        SeriesMarkers.PLUS
    };
    /** Viridis, which rises in lightness. */
    private static final Color[] VIRIDIS = {
        new Color(0x440154), new Color(0x3B528B), new Color(0x21918C), new Color(0x5EC962), new Color(0xFDE725)
    };

    private final List<Chart<?, ?>> charts = new ArrayList<>();

    public Drawing(Figure figure) {
        for (var panel : figure.panels()) {
            charts.add(
                    switch (panel) {
                        case Lines l -> lines(l);
                        case Bars b -> bars(b);
                        case Heat h -> heat(h);
                    });
        }
    }

    /** Writes it as a picture of pixels. */
    public void png(Path file) throws IOException {
        var image = new BufferedImage(width(), height(), BufferedImage.TYPE_INT_RGB);
        var g = image.createGraphics();
        paint(g);
        g.dispose();
        Files.createDirectories(file.toAbsolutePath().getParent());
        ImageIO.write(image, "png", file.toFile());
    }

    /** Writes it as a scalable picture. */
    public void svg(Path file) throws IOException {
        try {
            var document =
                    DocumentBuilderFactory.newInstance().newDocumentBuilder().getDOMImplementation();
            var g = new SVGGraphics2D(document.createDocument("http://www.w3.org/2000/svg", "svg", null));
            g.setSVGCanvasSize(new java.awt.Dimension(width(), height()));
            paint(g);
            var text = new StringWriter();
            g.stream(text, false);
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(file, text.toString());
        } catch (ParserConfigurationException e) {
            throw new IllegalStateException("every JDK has an XML parser", e);
        }
    }

    private int columns() {
        return Math.clamp(charts.size(), 1, COLUMNS);
    }

    private int width() {
        return WIDTH * columns();
    }

    private int height() {
        return HEIGHT * Math.max(1, (charts.size() + columns() - 1) / columns());
    }

    private void paint(Graphics2D g) {
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, width(), height());
        for (int i = 0; i < charts.size(); i++) {
            var own = (Graphics2D) g.create();
            own.translate(WIDTH * (i % columns()), HEIGHT * (i / columns()));
            own.clipRect(0, 0, WIDTH, HEIGHT);
            charts.get(i).paint(own, WIDTH, HEIGHT);
            own.dispose();
        }
    }

    private static void style(AxesChartStyler s) {
        s.setLocale(Locale.ROOT);
        s.setLegendPosition(LegendPosition.OutsideE);
        s.setChartBackgroundColor(Color.WHITE);
        s.setLegendBorderColor(Color.WHITE);
        s.setPlotBorderVisible(false);
        s.setPlotGridLinesColor(new Color(0xDDDDDD));
        s.setChartTitleBoxVisible(false);
    }

    private static XYChart lines(Lines panel) {
        var chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(panel.title())
                .xAxisTitle(panel.axes().x())
                .yAxisTitle(panel.axes().y())
                .build();
        style(chart.getStyler());
        var shown = panel.lines().stream()
                .map(l -> drawable(l, panel.axes()))
                .filter(l -> l.x().length > 0)
                .toList();
        // a logarithmic axis needs two different values
        boolean spreadX = spread(shown.stream().map(Line::x).toList());
        boolean spreadY = spread(shown.stream().map(Line::y).toList());
        chart.getStyler().setXAxisLogarithmic(panel.axes().logX() && spreadX);
        chart.getStyler().setYAxisLogarithmic(panel.axes().logY() && spreadY);
        for (int i = 0; i < shown.size(); i++) band(chart, shown.get(i), COLOURS[i % COLOURS.length]);
        for (int i = 0; i < shown.size(); i++) curve(chart, shown.get(i), i);
        if (shown.isEmpty()) chart.addSeries("no values", new double[] {0, 1}, new double[] {0, 1});
        return chart;
    }

    private static boolean spread(List<double[]> values) {
        var all = values.stream().flatMapToDouble(Arrays::stream).summaryStatistics();
        return all.getMax() > all.getMin();
    }

    private static void curve(XYChart chart, Line line, int i) {
        var series = chart.addSeries(line.name(), line.x(), line.y());
        series.setLineColor(COLOURS[i % COLOURS.length]);
        series.setMarkerColor(COLOURS[i % COLOURS.length]);
        boolean marked = line.style() == Style.MARKED || line.style() == Style.POINTS;
        series.setMarker(marked ? MARKERS[i % MARKERS.length] : SeriesMarkers.NONE);
        if (line.style() == Style.POINTS) series.setXYSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
        if (line.style() == Style.DASHED) {
            series.setLineStyle(
                    new BasicStroke(1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {6, 4}, 0));
        }
    }

    /** A translucent polygon from the lower ends forth and the upper ends back. */
    private static void band(XYChart chart, Line line, Color colour) {
        int n = line.x().length;
        boolean any = IntStream.range(0, n).anyMatch(k -> line.high()[k] > line.low()[k]);
        if (!any || n < 2) return;
        double[] x = DoubleStream.concat(Arrays.stream(line.x()), backwards(line.x()))
                .toArray();
        double[] y = DoubleStream.concat(Arrays.stream(line.low()), backwards(line.high()))
                .toArray();
        var series = chart.addSeries(line.name() + " ±", x, y);
        series.setXYSeriesRenderStyle(XYSeriesRenderStyle.PolygonArea);
        series.setShowInLegend(false);
        series.setMarker(SeriesMarkers.NONE);
        series.setLineColor(new Color(0, 0, 0, 0));
        series.setFillColor(new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), 50));
    }

    private static DoubleStream backwards(double[] v) {
        return IntStream.range(0, v.length).mapToDouble(i -> v[v.length - 1 - i]);
    }

    /** What the axes can show of a curve. */
    private static Line drawable(Line line, Figure.Axes axes) {
        int[] kept = IntStream.range(0, line.x().length)
                .filter(i -> Double.isFinite(line.x()[i]) && Double.isFinite(line.y()[i]))
                .filter(i -> !axes.logX() || line.x()[i] > 0)
                .filter(i -> !axes.logY() || line.y()[i] > 0)
                .toArray();
        double[] y = pick(line.y(), kept);
        double[] low = pick(line.low(), kept);
        double[] high = pick(line.high(), kept);
        for (int i = 0; i < y.length; i++) {
            if (!Double.isFinite(low[i]) || axes.logY() && low[i] <= 0) low[i] = y[i];
            if (!Double.isFinite(high[i])) high[i] = y[i];
        }
        return new Line(line.name(), pick(line.x(), kept), y, low, high, line.style());
    }

    private static double[] pick(double[] v, int[] places) {
        return Arrays.stream(places).mapToDouble(i -> v[i]).toArray();
    }

    private static CategoryChart bars(Bars panel) {
        var chart = new CategoryChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(panel.title())
                .yAxisTitle(panel.logY() ? "log₁₀ of " + panel.y() : panel.y())
                .build();
        style(chart.getStyler());
        chart.getStyler().setLegendVisible(false);
        chart.getStyler().setXAxisLabelRotation(60);
        var values = new ArrayList<Double>();
        var errors = new ArrayList<Double>();
        for (int i = 0; i < panel.values().length; i++) {
            double v = panel.values()[i];
            // the library's own logarithmic axis refuses bars, which begin at zero
            double shown = panel.logY() ? Math.log10(Math.max(v, SMALLEST_BAR)) : v;
            values.add(Double.isFinite(shown) ? shown : 0);
            double e = panel.errors()[i];
            errors.add(Double.isNaN(e) || panel.logY() ? 0.0 : e);
        }
        var series = chart.addSeries("values", panel.names(), values, errors);
        series.setFillColor(COLOURS[0]);
        return chart;
    }

    private static HeatMapChart heat(Heat panel) {
        var chart = new HeatMapChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(panel.title() + " (" + panel.unit() + ")")
                .xAxisTitle(panel.axes().x())
                .yAxisTitle(panel.axes().y())
                .build();
        style(chart.getStyler());
        chart.getStyler().setRangeColors(VIRIDIS);
        chart.getStyler().setPlotContentSize(1);
        chart.getStyler().setXAxisMaxLabelCount(HEAT_LABELS);
        chart.getStyler().setPlotGridLinesVisible(false);
        chart.getStyler().setHeatMapDecimalValueFormatter(v -> String.format(Locale.ROOT, "%.3g", v));
        var data = new ArrayList<Number[]>();
        for (int j = 0; j < panel.y().length; j++) {
            for (int i = 0; i < panel.x().length; i++) {
                if (Double.isFinite(panel.values()[j][i])) data.add(new Number[] {i, j, panel.values()[j][i]});
            }
        }
        chart.addSeries("values", labels(panel.x()), labels(panel.y()), data);
        return chart;
    }

    private static List<String> labels(double[] v) {
        return Arrays.stream(v)
                .mapToObj(x -> String.format(Locale.ROOT, "%.3g", x))
                .toList();
    }
}
