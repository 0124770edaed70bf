package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Outcomes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A measure within bounds: the mean over seeds at each place of some arms, or each single value.
 *
 * @param arms empty for all that have the measure
 * @param place at least these values of the grid
 * @param each whether every single run must be within
 * @param needs seeds; the rule's when 0
 */
record Band(
        String measure, List<String> arms, Map<String, Double> place, double low, double high, boolean each, int needs)
        implements Check {
    static Band read(ConfigNode n) {
        var arms = n.items("arms").stream()
                .map(v -> v instanceof hesse.config.ConfigValue.Scalar s ? s.text() : "")
                .toList();
        var place =
                n.hasTable("at") && Selection.at(n) instanceof Selection.Given g ? g.place() : Map.<String, Double>of();
        return new Band(
                n.text("measure").required(),
                arms,
                place,
                n.number("low").or(Double.NEGATIVE_INFINITY),
                n.number("high").or(Double.POSITIVE_INFINITY),
                n.flag("each").or(false),
                n.integer("needs").atLeast(0).or(0));
    }

    @Override
    public Finding judge(Outcomes outcomes, int ruleNeeds) {
        int least = Math.max(1, needs > 0 ? needs : ruleNeeds);
        var findings = new ArrayList<Finding>();
        var wanted = arms.isEmpty() ? outcomes.arms() : arms;
        for (var arm : wanted) {
            var own = outcomes.arm(arm).at(place);
            if (arms.isEmpty() && own.all().stream().allMatch(o -> Double.isNaN(o.value(measure)))) continue;
            if (own.all().isEmpty()) findings.add(Finding.unknown("no runs of " + arm));
            for (var at : own.places()) findings.add(one(own.at(at), arm + Selection.describe(at), least));
        }
        return findings.isEmpty() ? Finding.unknown("no arm has " + measure) : Finding.all(findings);
    }

    private Finding one(Outcomes there, String where, int least) {
        var mean = there.mean(measure);
        String bounds = Double.isInfinite(low)
                ? "at most " + high
                : Double.isInfinite(high) ? "at least " + low : "in " + low + " … " + high;
        String text = measure + " of " + where + ": " + mean + ", wanted " + bounds;
        if (Double.isNaN(mean.value())) return Finding.unknown(text + "; a value is missing");
        if (mean.n() < least) return Finding.unknown(text + "; " + mean.n() + " seeds, " + least + " needed");
        boolean holds = each ? there.all().stream().allMatch(o -> within(o.value(measure))) : within(mean.value());
        var values = new LinkedHashMap<String, Object>();
        values.put("where", where);
        values.put("mean", mean.value());
        values.put("standard_error", mean.error());
        values.put("seeds", mean.n());
        if (each) {
            values.put("values", there.all().stream().map(o -> o.value(measure)).toList());
        }
        return Finding.of(holds, text, values);
    }

    private boolean within(double v) {
        return v >= low && v <= high;
    }
}
