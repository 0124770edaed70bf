package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Outcomes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Two arms' means: their difference against its standard error.
 *
 * @param everywhere whether it must hold at every place that both arms have
 * @param errors so many standard errors
 * @param tolerance a difference that counts as none, whatever its error
 */
record Compare(
        String measure,
        Selection left,
        Selection right,
        Relation relation,
        double errors,
        double tolerance,
        boolean everywhere)
        implements Check {
    /** How the left one stands to the right one. */
    enum Relation {
        /** The difference is at most {@code errors} standard errors, or within the tolerance. */
        WITHIN,
        /** Lower by more than {@code errors} standard errors. */
        BELOW,
        /** Higher by more than {@code errors} standard errors. */
        ABOVE,
        /** Lower or higher by more than {@code errors} standard errors. */
        APART
    }

    static Compare read(ConfigNode n) {
        boolean everywhere = n.flag("everywhere").or(false);
        return new Compare(
                n.text("measure").required(),
                Selection.read(n, "left"),
                Selection.read(n, "right"),
                n.choice("relation", Relation.class).required(),
                n.number("errors").atLeast(0).or(2.0),
                n.number("tolerance").atLeast(0).or(0.0),
                everywhere);
    }

    @Override
    public Finding judge(Outcomes outcomes, int needs) {
        if (!everywhere) return one(outcomes, left, right, needs);
        var findings = new ArrayList<Finding>();
        for (var place : outcomes.arm(left.arm()).places()) {
            var at = new Selection.Given(place);
            findings.add(one(outcomes, new Selection(left.arm(), at), new Selection(right.arm(), at), needs));
        }
        return findings.isEmpty() ? Finding.unknown("no runs of " + left.arm()) : Finding.all(findings);
    }

    private Finding one(Outcomes outcomes, Selection a, Selection b, int needs) {
        var x = a.of(outcomes, measure);
        var y = b.of(outcomes, measure);
        if (x.isEmpty() || y.isEmpty()) {
            return Finding.unknown("no " + measure + " of " + (x.isEmpty() ? a.arm() : b.arm()));
        }
        var d = x.get().mean().minus(y.get().mean());
        String text = String.format(
                Locale.ROOT,
                "%s %s: %s − %s: %s",
                measure,
                relation.name().toLowerCase(Locale.ROOT),
                x.get().where() + " " + x.get().mean(),
                y.get().where() + " " + y.get().mean(),
                d);
        if (Double.isNaN(d.value())) return Finding.unknown(text + "; a value is missing");
        if (d.n() < Math.max(2, needs)) return Finding.unknown(text + "; " + d.n() + " seeds, " + needs + " needed");
        var values = new LinkedHashMap<String, Object>();
        values.put("left", values(x.get()));
        values.put("right", values(y.get()));
        values.put("difference", d.value());
        values.put("standard_error", d.error());
        boolean holds = switch (relation) {
            case WITHIN -> Math.abs(d.value()) <= Math.max(tolerance, errors * d.error());
            case BELOW -> d.value() < -Math.max(tolerance, errors * d.error());
            case ABOVE -> d.value() > Math.max(tolerance, errors * d.error());
            case APART -> Math.abs(d.value()) > Math.max(tolerance, errors * d.error());
        };
        return Finding.of(holds, text, values);
    }

    static Map<String, Object> values(Selection.Picked p) {
        var m = new LinkedHashMap<String, Object>();
        m.put("where", p.where());
        m.put("mean", p.mean().value());
        m.put("standard_error", p.mean().error());
        m.put("seeds", p.mean().n());
        return m;
    }
}
