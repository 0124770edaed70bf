package hesse.cli;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** One curve as a picture: PNG or SVG, by the file's ending. */
record CurvePlot(String title, String xAxis, String yAxis, double[] x, double[] y) {
    private static final int WIDTH = 800;
    private static final int HEIGHT = 500;
    private static final int MARGIN = 70;

    /** @throws UserException if the ending is another, or the file cannot be written */
    void write(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        try {
            if (name.endsWith(".png")) {
                var chart = new XYChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .title(title)
                        .xAxisTitle(xAxis)
                        .yAxisTitle(yAxis)
                        .build();
                chart.getStyler().setLegendVisible(false);
                chart.addSeries("curve", x, y).setMarker(SeriesMarkers.NONE);
                ImageIO.write(BitmapEncoder.getBufferedImage(chart), "png", file.toFile());
            } else if (name.endsWith(".svg")) {
                Files.writeString(file, svg(), StandardCharsets.UTF_8);
            } else {
                throw new UserException(
                        Kind.USAGE,
                        file.toString(),
                        "is neither .png nor .svg",
                        "Name the plot with one of these endings");
            }
        } catch (IOException e) {
            throw new UserException(Kind.RUNTIME, file.toString(), "cannot be written (" + e + ")", "", e);
        }
    }

    private String svg() {
        double x0 = min(x);
        double x1 = max(x);
        double y0 = Math.min(0, min(y));
        double y1 = max(y);
        var points = new StringBuilder();
        for (int i = 0; i < x.length; i++) {
            double px = MARGIN + (WIDTH - 2.0 * MARGIN) * share(x[i], x0, x1);
            double py = HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * share(y[i], y0, y1);
            points.append(String.format(Locale.ROOT, "%.2f,%.2f ", px, py));
        }
        int bottom = HEIGHT - MARGIN;
        int right = WIDTH - MARGIN;
        return """
                <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">
                <rect width="100%%" height="100%%" fill="white"/>
                <path d="M%d %d V%d H%d" fill="none" stroke="black"/>
                <polyline points="%s" fill="none" stroke="#1f5fbf" stroke-width="1.5"/>
                %s</svg>
                """.formatted(
                        WIDTH,
                        HEIGHT,
                        MARGIN,
                        MARGIN,
                        bottom,
                        right,
                        points.toString().strip(),
                        text(WIDTH / 2, MARGIN / 2, "middle", title)
                                + text(WIDTH / 2, HEIGHT - 15, "middle", xAxis)
                                + text(10, MARGIN - 15, "start", yAxis)
                                + text(MARGIN, bottom + 20, "middle", number(x0))
                                + text(right, bottom + 20, "middle", number(x1))
                                + text(MARGIN - 6, bottom, "end", number(y0))
                                + text(MARGIN - 6, MARGIN + 5, "end", number(y1)));
    }

    private static String text(int x, int y, String anchor, String text) {
        String safe = text.replace("&", "&amp;").replace("<", "&lt;");
        return "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n".formatted(x, y, anchor, safe);
    }

    private static String number(double v) {
        return String.format(Locale.ROOT, "%.4g", v);
    }

    private static double share(double v, double low, double high) {
        return high > low ? (v - low) / (high - low) : 0.5;
    }

    private static double min(double[] a) {
        return java.util.Arrays.stream(a).min().orElse(0);
    }

    private static double max(double[] a) {
        return java.util.Arrays.stream(a).max().orElse(1);
    }
}
