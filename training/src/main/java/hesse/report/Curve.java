package hesse.report;

import java.util.ArrayList;
import java.util.List;

/**
 * A curve over three horizontal axes at once.
 *
 * @param multiplyAdds of all steps so far; NaN where not known
 * @param seconds likewise
 * @param error standard error over seeds, 0 where there is none
 */
record Curve(List<Double> step, List<Double> multiplyAdds, List<Double> seconds, List<Double> y, List<Double> error) {
    static final Curve NONE = new Builder().build();
    /** More points than a screen has are thinned out. */
    private static final int POINTS = 1500;

    boolean isEmpty() {
        return y.isEmpty();
    }

    /** At most {@link #POINTS} of its points, evenly, the last one among them. */
    Curve thinned() {
        return thinned(POINTS);
    }

    Curve thinned(int most) {
        int n = y.size();
        if (n <= most) return this;
        int stride = (n + most - 1) / most;
        var thin = new Builder();
        for (int i = (n - 1) % stride; i < n; i += stride) thin.add(this, i);
        return thin.build();
    }

    /** The points that have a place on both axes of cost. */
    boolean hasMultiplyAdds() {
        return !isEmpty() && multiplyAdds.stream().allMatch(Double::isFinite);
    }

    boolean hasSeconds() {
        return !isEmpty() && seconds.stream().allMatch(Double::isFinite);
    }

    /** Collects points in order. */
    static final class Builder {
        private final Curve curve = new Curve(
                new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());

        void add(double step, double multiplyAdds, double seconds, Mean y) {
            curve.step.add(step);
            curve.multiplyAdds.add(multiplyAdds);
            curve.seconds.add(seconds);
            curve.y.add(y.value());
            curve.error.add(Double.isNaN(y.error()) ? 0.0 : y.error());
        }

        private void add(Curve from, int i) {
            curve.step.add(from.step.get(i));
            curve.multiplyAdds.add(from.multiplyAdds.get(i));
            curve.seconds.add(from.seconds.get(i));
            curve.y.add(from.y.get(i));
            curve.error.add(from.error.get(i));
        }

        Curve build() {
            return curve;
        }
    }
}
