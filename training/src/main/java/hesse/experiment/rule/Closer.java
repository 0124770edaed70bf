package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Mean;
import hesse.experiment.outcome.Outcomes;
import java.util.ArrayList;
import java.util.Locale;
import java.util.Map;

/**
 * Whether an arm's curve over a grid is nearer to one arm's than to another's, by the root mean square distance. The margin is taken seed by
 * seed, so that it has a standard error.
 *
 * @param errors so many standard errors of the margin
 */
record Closer(String measure, String arm, String to, String than, String along, double errors) implements Check {
    static Closer read(ConfigNode n) {
        return new Closer(
                n.text("measure").required(),
                n.text("arm").required(),
                n.text("to").required(),
                n.text("than").required(),
                n.text("along").required(),
                n.number("errors").atLeast(0).or(2.0));
    }

    @Override
    public Finding judge(Outcomes outcomes, int needs) {
        var margins = new ArrayList<Double>();
        for (long seed : outcomes.arm(arm).seeds()) {
            margins.add(distance(outcomes, than, seed) - distance(outcomes, to, seed));
        }
        var margin = Mean.of(margins.stream().mapToDouble(Double::doubleValue).toArray());
        String text =
                String.format(Locale.ROOT, "%s: %s is nearer to %s than to %s by %s", measure, arm, to, than, margin);
        if (Double.isNaN(margin.value())) return Finding.unknown(text + "; a value is missing");
        if (margin.n() < Math.max(2, needs))
            return Finding.unknown(text + "; " + margin.n() + " seeds, " + needs + " needed");
        return Finding.of(
                margin.value() > errors * margin.error(),
                text,
                Map.of("margin", margin.value(), "standard_error", margin.error(), "seeds", margin.n()));
    }

    private double distance(Outcomes outcomes, String other, long seed) {
        double squares = 0;
        var places = outcomes.arm(arm).values(along);
        for (double v : places) {
            double d = value(outcomes, arm, v, seed) - value(outcomes, other, v, seed);
            squares += d * d;
        }
        return Math.sqrt(squares / places.size());
    }

    private double value(Outcomes outcomes, String name, double v, long seed) {
        return outcomes.arm(name).at(Map.of(along, v)).all().stream()
                .filter(o -> o.seed() == seed)
                .mapToDouble(o -> o.value(measure))
                .average()
                .orElse(Double.NaN);
    }
}
