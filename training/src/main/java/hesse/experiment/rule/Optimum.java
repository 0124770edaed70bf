package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Outcomes;
import java.util.Locale;
import java.util.Map;

/** Where along a grid an arm's mean is highest: within bounds. */
record Optimum(String measure, String arm, String along, double low, double high) implements Check {
    static Optimum read(ConfigNode n) {
        return new Optimum(
                n.text("measure").required(),
                n.text("arm").required(),
                n.text("along").required(),
                n.number("low").or(Double.NEGATIVE_INFINITY),
                n.number("high").or(Double.POSITIVE_INFINITY));
    }

    @Override
    public Finding judge(Outcomes outcomes, int needs) {
        var own = outcomes.arm(arm);
        boolean missing = own.values(along).stream()
                .anyMatch(
                        v -> Double.isNaN(own.at(Map.of(along, v)).mean(measure).value()));
        var best = new Selection(arm, Selection.Named.HIGHEST).of(own, measure);
        if (best.isEmpty() || missing) return Finding.unknown("a value of " + measure + " of " + arm + " is missing");
        int n = best.get().mean().n();
        Double at = best.get().place().get(along);
        if (at == null) return Finding.unknown(arm + " does not vary along " + along);
        String text = String.format(
                Locale.ROOT,
                "%s of %s is highest at %s = %s: %s",
                measure,
                arm,
                along,
                at,
                best.get().mean());
        if (n < Math.max(1, needs)) return Finding.unknown(text + "; " + n + " seeds, " + needs + " needed");
        return Finding.of(
                at >= low && at <= high,
                text,
                Map.of("at", at, "mean", best.get().mean().value()));
    }
}
