package hesse.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A figure: curves over one or several horizontal axes.
 *
 * @param id of its element on the page
 * @param y label of the vertical axis, with its unit
 * @param axes labels of the horizontal axes by their names; the first is shown first
 * @param logX whether the horizontal axis begins logarithmic
 * @param logY likewise the vertical one
 */
record Figure(
        String id,
        String title,
        String caption,
        String y,
        Map<String, String> axes,
        boolean logX,
        boolean logY,
        List<Line> lines) {
    static final String STEP = "step";
    static final String MULTIPLY_ADDS = "multiply_adds";
    static final String SECONDS = "seconds";
    private static final double WIDE = 50;

    /**
     * A curve of it.
     *
     * @param colour index of a colour
     * @param dash index of a pattern
     * @param x by the axes' names, ascending
     * @param low lower end of the band, equal to y where there is none
     * @param shown whether it is shown at first
     */
    record Line(
            String label,
            int colour,
            int dash,
            Map<String, List<Double>> x,
            List<Double> y,
            List<Double> low,
            List<Double> high,
            boolean shown) {
        /** Mean and standard error over seeds. */
        static Line of(String label, int colour, int dash, Curve c, boolean shown) {
            var x = new LinkedHashMap<String, List<Double>>();
            x.put(STEP, c.step());
            if (c.hasMultiplyAdds()) x.put(MULTIPLY_ADDS, c.multiplyAdds());
            if (c.hasSeconds()) x.put(SECONDS, c.seconds());
            var low = new ArrayList<Double>();
            var high = new ArrayList<Double>();
            for (int i = 0; i < c.y().size(); i++) {
                low.add(c.y().get(i) - c.error().get(i));
                high.add(c.y().get(i) + c.error().get(i));
            }
            return new Line(label, colour, dash, x, c.y(), low, high, shown);
        }

        boolean hasBand() {
            return !low.equals(y) || !high.equals(y);
        }
    }

    /** Whether values are positive and so far apart that a logarithmic axis shows them better. */
    static boolean wide(List<List<Double>> values) {
        var all = values.stream().flatMap(List::stream).mapToDouble(v -> v).summaryStatistics();
        return all.getMin() > 0 && all.getMax() / all.getMin() >= WIDE;
    }

    /** For the page's script. */
    Map<String, Object> toMap() {
        var m = new LinkedHashMap<String, Object>();
        m.put("id", id);
        m.put("title", title);
        m.put("y", y);
        m.put("axes", axes);
        m.put("logX", logX);
        m.put("logY", logY);
        m.put(
                "series",
                lines.stream()
                        .map(l -> {
                            var s = new LinkedHashMap<String, Object>();
                            s.put("label", l.label);
                            s.put("colour", l.colour);
                            s.put("dash", l.dash);
                            s.put("x", l.x);
                            s.put("y", l.y);
                            if (l.hasBand()) {
                                s.put("low", l.low);
                                s.put("high", l.high);
                            }
                            s.put("shown", l.shown);
                            return s;
                        })
                        .toList());
        return m;
    }
}
