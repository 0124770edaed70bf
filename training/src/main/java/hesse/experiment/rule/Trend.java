package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Outcomes;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * How a measure changes along a grid: between two of its values (the first and the last by default), or not at all over the whole of it.
 *
 * @param along the key that varies
 * @param from the value compared with; the first when empty
 * @param to the value compared; the last when empty
 * @param errors so many standard errors of the difference
 * @param tolerance for {@code flat}: a difference that counts as none, whatever its error
 */
record Trend(
        String measure,
        String arm,
        String along,
        Direction direction,
        Optional<Double> from,
        Optional<Double> to,
        double errors,
        double tolerance)
        implements Check {
    /** Of the change. */
    enum Direction {
        FALLING,
        RISING,
        /** The highest and the lowest mean differ by at most {@code errors} standard errors, or the tolerance. */
        FLAT
    }

    static Trend read(ConfigNode n) {
        return new Trend(
                n.text("measure").required(),
                n.text("arm").required(),
                n.text("along").required(),
                n.choice("direction", Direction.class).required(),
                n.number("from").optional(),
                n.number("to").optional(),
                n.number("errors").atLeast(0).or(3.0),
                n.number("tolerance").atLeast(0).or(0.0));
    }

    @Override
    public Finding judge(Outcomes outcomes, int needs) {
        var own = outcomes.arm(arm);
        var places = own.values(along);
        if (places.size() < 2) return Finding.unknown(arm + " has " + places.size() + " values of " + along);
        Selection.At start;
        Selection.At end;
        if (direction == Direction.FLAT) {
            start = Selection.Named.LOWEST;
            end = Selection.Named.HIGHEST;
        } else {
            start = new Selection.Given(Map.of(along, from.orElse(places.getFirst())));
            end = new Selection.Given(Map.of(along, to.orElse(places.getLast())));
        }
        var a = new Selection(arm, start).of(own, measure);
        var b = new Selection(arm, end).of(own, measure);
        if (a.isEmpty() || b.isEmpty()) return Finding.unknown("no " + measure + " of " + arm);
        var d = b.get().mean().minus(a.get().mean());
        String text = String.format(
                Locale.ROOT,
                "%s of %s: %s → %s, change %s",
                measure,
                arm,
                a.get().mean() + Selection.describe(a.get().place()),
                b.get().mean() + Selection.describe(b.get().place()),
                d);
        boolean missing = places.stream()
                .anyMatch(
                        v -> Double.isNaN(own.at(Map.of(along, v)).mean(measure).value()));
        if (missing || Double.isNaN(d.value())) return Finding.unknown(text + "; a value is missing");
        if (d.n() < Math.max(2, needs)) return Finding.unknown(text + "; " + d.n() + " seeds, " + needs + " needed");
        var values = new LinkedHashMap<String, Object>();
        values.put("from", Compare.values(a.get()));
        values.put("to", Compare.values(b.get()));
        values.put("change", d.value());
        values.put("standard_error", d.error());
        boolean holds = switch (direction) {
            case FALLING -> d.value() < -errors * d.error();
            case RISING -> d.value() > errors * d.error();
            case FLAT -> Math.abs(d.value()) <= Math.max(tolerance, errors * d.error());
        };
        return Finding.of(holds, text, values);
    }
}
