package hesse.cli;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.Locale;

/**
 * Numbers on a plane as colours, light for large, in steps that also read in grey and with any colour vision; with a scale beside them.
 *
 * @param values by [place on y][place on x]; what is not finite stays white
 */
record HeatMap(String title, String xAxis, String yAxis, double[] x, double[] y, double[][] values) implements Picture {
    private static final int SIDE = 480;
    private static final int LEFT = 90;
    private static final int TOP = 60;
    private static final int WIDTH = LEFT + SIDE + 130;
    private static final int HEIGHT = TOP + SIDE + 70;
    private static final int BAR = 18;
    private static final int BAR_STEPS = 64;
    /** Viridis at nine places. */
    private static final int[] COLOURS = {
        0x440154, 0x472D7B, 0x3B528B, 0x2C728E, 0x21918C, 0x28AE80, 0x5EC962, 0xADDC30, 0xFDE725
    };

    private double low() {
        double m = Double.POSITIVE_INFINITY;
        for (double[] row : values) for (double v : row) if (Double.isFinite(v)) m = Math.min(m, v);
        return Double.isFinite(m) ? m : 0;
    }

    private double high() {
        double m = Double.NEGATIVE_INFINITY;
        for (double[] row : values) for (double v : row) if (Double.isFinite(v)) m = Math.max(m, v);
        return Double.isFinite(m) ? m : 1;
    }

    private static int colour(double share) {
        double place = Math.clamp(share, 0, 1) * (COLOURS.length - 1);
        int i = Math.min(COLOURS.length - 2, (int) place);
        double t = place - i;
        int out = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            int a = COLOURS[i] >> shift & 255;
            int b = COLOURS[i + 1] >> shift & 255;
            out |= (int) Math.round(a + t * (b - a)) << shift;
        }
        return out;
    }

    private static double share(double v, double low, double high) {
        return high > low ? (v - low) / (high - low) : 0.5;
    }

    /** Receives the parts of the picture. */
    private interface Pen {
        void rectangle(double x, double y, double width, double height, int colour);

        void text(int x, int y, String anchor, String text);
    }

    private void draw(Pen pen) {
        double low = low();
        double high = high();
        double w = SIDE / (double) x.length;
        double h = SIDE / (double) y.length;
        for (int j = 0; j < y.length; j++) {
            for (int i = 0; i < x.length; i++) {
                double v = values[j][i];
                if (!Double.isFinite(v)) continue;
                pen.rectangle(LEFT + i * w, TOP + SIDE - (j + 1) * h, w, h, colour(share(v, low, high)));
            }
        }
        double step = SIDE / (double) BAR_STEPS;
        int bar = LEFT + SIDE + 20;
        for (int k = 0; k < BAR_STEPS; k++) {
            pen.rectangle(bar, TOP + SIDE - (k + 1) * step, BAR, step, colour((k + 0.5) / BAR_STEPS));
        }
        pen.text(bar + BAR + 6, TOP + 10, "start", Picture.number(high));
        pen.text(bar + BAR + 6, TOP + SIDE, "start", Picture.number(low));
        pen.text(LEFT + SIDE / 2, TOP / 2, "middle", title);
        pen.text(LEFT + SIDE / 2, HEIGHT - 15, "middle", xAxis);
        pen.text(10, TOP - 14, "start", yAxis);
        pen.text(LEFT, TOP + SIDE + 20, "middle", Picture.number(x[0]));
        pen.text(LEFT + SIDE, TOP + SIDE + 20, "middle", Picture.number(x[x.length - 1]));
        pen.text(LEFT - 6, TOP + SIDE, "end", Picture.number(y[0]));
        pen.text(LEFT - 6, TOP + 10, "end", Picture.number(y[y.length - 1]));
    }

    @Override
    public BufferedImage pixels() {
        var image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        var g = image.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, WIDTH, HEIGHT);
        draw(new Brush(g));
        g.dispose();
        return image;
    }

    private record Brush(Graphics2D g) implements Pen {
        @Override
        public void rectangle(double x, double y, double width, double height, int colour) {
            g.setColor(new Color(colour));
            int left = (int) Math.round(x);
            int top = (int) Math.round(y);
            g.fillRect(left, top, (int) Math.round(x + width) - left, (int) Math.round(y + height) - top);
        }

        @Override
        public void text(int x, int y, String anchor, String text) {
            g.setColor(Color.BLACK);
            int wide = g.getFontMetrics().stringWidth(text);
            int left = switch (anchor) {
                case "middle" -> x - wide / 2;
                case "end" -> x - wide;
                default -> x;
            };
            g.drawString(text, left, y);
        }
    }

    @Override
    public String svg() {
        var parts = new StringBuilder();
        draw(new Pen() {
            @Override
            public void rectangle(double x, double y, double width, double height, int colour) {
                parts.append(String.format(
                        Locale.ROOT,
                        "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"#%06x\"/>%n",
                        x,
                        y,
                        width,
                        height,
                        colour));
            }

            @Override
            public void text(int x, int y, String anchor, String text) {
                parts.append(Picture.text(x, y, anchor, text));
            }
        });
        return String.format(Locale.ROOT, """
                <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">
                <rect width="100%%" height="100%%" fill="white"/>
                <g shape-rendering="crispEdges">
                %s</g>
                </svg>
                """, WIDTH, HEIGHT, parts);
    }
}
