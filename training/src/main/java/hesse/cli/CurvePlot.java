package hesse.cli;

import java.awt.image.BufferedImage;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** One curve as a picture; places where y is not finite are left out of the SVG. */
record CurvePlot(String title, String xAxis, String yAxis, double[] x, double[] y) implements Picture {
    private static final int WIDTH = 800;
    private static final int HEIGHT = 500;
    private static final int MARGIN = 70;

    @Override
    public BufferedImage pixels() {
        var chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(title)
                .xAxisTitle(xAxis)
                .yAxisTitle(yAxis)
                .build();
        chart.getStyler().setLegendVisible(false);
        chart.addSeries("curve", x, y).setMarker(SeriesMarkers.NONE);
        return BitmapEncoder.getBufferedImage(chart);
    }

    @Override
    public String svg() {
        double x0 = min(x);
        double x1 = max(x);
        double y0 = Math.min(0, min(y));
        double y1 = max(y);
        var points = new StringBuilder();
        for (int i = 0; i < x.length; i++) {
            if (!Double.isFinite(y[i])) continue;
            double px = MARGIN + (WIDTH - 2.0 * MARGIN) * share(x[i], x0, x1);
            double py = HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * share(y[i], y0, y1);
            points.append(String.format(Locale.ROOT, "%.2f,%.2f ", px, py));
        }
        int bottom = HEIGHT - MARGIN;
        int right = WIDTH - MARGIN;
        return String.format(
                Locale.ROOT,
                """
                <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">
                <rect width="100%%" height="100%%" fill="white"/>
                <path d="M%d %d V%d H%d" fill="none" stroke="black"/>
                <polyline points="%s" fill="none" stroke="#1f5fbf" stroke-width="1.5"/>
                %s</svg>
                """,
                WIDTH,
                HEIGHT,
                MARGIN,
                MARGIN,
                bottom,
                right,
                points.toString().strip(),
                Picture.text(WIDTH / 2, MARGIN / 2, "middle", title)
                        + Picture.text(WIDTH / 2, HEIGHT - 15, "middle", xAxis)
                        + Picture.text(10, MARGIN - 15, "start", yAxis)
                        + Picture.text(MARGIN, bottom + 20, "middle", Picture.number(x0))
                        + Picture.text(right, bottom + 20, "middle", Picture.number(x1))
                        + Picture.text(MARGIN - 6, bottom, "end", Picture.number(y0))
                        + Picture.text(MARGIN - 6, MARGIN + 5, "end", Picture.number(y1)));
    }

    private static double share(double v, double low, double high) {
        return high > low ? (v - low) / (high - low) : 0.5;
    }

    private static double min(double[] a) {
        return java.util.Arrays.stream(a).filter(Double::isFinite).min().orElse(0);
    }

    private static double max(double[] a) {
        return java.util.Arrays.stream(a).filter(Double::isFinite).max().orElse(1);
    }
}
