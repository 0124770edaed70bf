package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Outcomes;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Where arms begin to fail along a grid: the smallest value at which the mean is below a reference by more than some standard errors; and
 * whether one fails at a value smaller by a factor than the other. An arm that never fails counts with more than the last value.
 *
 * @param earlier the arm that is said to fail first
 * @param later the other one
 * @param reference whose mean is compared with, such as plain descent
 * @param factor at least this between the two onsets
 */
record Onset(String measure, String earlier, String later, String reference, String along, double errors, double factor)
        implements Check {
    static Onset read(ConfigNode n) {
        return new Onset(
                n.text("measure").required(),
                n.text("earlier").required(),
                n.text("later").required(),
                n.text("reference").required(),
                n.text("along").required(),
                n.number("errors").atLeast(0).or(3.0),
                n.number("factor").above(0).or(100.0));
    }

    @Override
    public Finding judge(Outcomes outcomes, int needs) {
        var base = outcomes.arm(reference).mean(measure);
        var first = outcomes.arm(earlier);
        var second = outcomes.arm(later);
        if (Double.isNaN(base.value()) || first.all().isEmpty() || second.all().isEmpty()) {
            return Finding.unknown("no " + measure + " of " + reference + ", " + earlier + " or " + later);
        }
        int seeds = Math.min(base.n(), Math.min(fewest(first), fewest(second)));
        if (seeds < Math.max(2, needs)) return Finding.unknown(seeds + " seeds, " + needs + " needed");
        for (var arm : new Outcomes[] {first, second}) {
            boolean missing = arm.values(along).stream()
                    .anyMatch(v ->
                            Double.isNaN(arm.at(Map.of(along, v)).mean(measure).value()));
            if (missing) return Finding.unknown("a value of " + measure + " is missing");
        }
        var a = onset(first, base);
        var b = onset(second, base);
        double last = second.values(along).getLast();
        String text = String.format(
                Locale.ROOT,
                "%s falls below %s (%s) from %s on; %s from %s on",
                earlier,
                reference,
                base,
                a.map(Object::toString).orElse("no value"),
                later,
                b.map(Object::toString).orElse("no value up to " + last));
        var values = new LinkedHashMap<String, Object>();
        a.ifPresent(v -> values.put("earlier", v));
        b.ifPresent(v -> values.put("later", v));
        values.put("last", last);
        if (a.isEmpty()) return Finding.of(false, text, values);
        double ratio = b.orElse(last) / a.get();
        if (ratio < factor * (1 - 1e-9) && b.isEmpty()) return Finding.unknown(text + "; the grid ends too early");
        return Finding.of(ratio >= factor * (1 - 1e-9), text, values);
    }

    private int fewest(Outcomes arm) {
        return arm.values(along).stream()
                .mapToInt(v -> arm.at(Map.of(along, v)).all().size())
                .min()
                .orElse(0);
    }

    private Optional<Double> onset(Outcomes arm, hesse.experiment.outcome.Mean base) {
        return arm.values(along).stream()
                .filter(v -> {
                    var d = arm.at(Map.of(along, v)).mean(measure).minus(base);
                    return d.value() < -errors * d.error();
                })
                .findFirst();
    }
}
