package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import hesse.experiment.outcome.Outcomes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Which of some predictors ranks cases as an outcome does, by Spearman's rank correlation; it holds where the strongest is strong enough and
 * a permutation test, corrected for the number of predictors, does not explain it by chance.
 *
 * @param cases by name: the arm whose measure counts, the arm it is compared with, and the arm that has the predictors
 * @param predictors measures
 * @param atLeast of the absolute correlation
 * @param level of the test
 */
record Ranking(String measure, Map<String, Case> cases, List<String> predictors, double atLeast, double level)
        implements Check {
    private static final int PERMUTATIONS = 20_000;
    private static final int FEWEST = 5;

    /** The arms of one case. */
    record Case(String arm, String minus, String predictor) {}

    static Ranking read(ConfigNode n) {
        var cases = new LinkedHashMap<String, Case>();
        n.sections("cases")
                .forEach((name, c) -> cases.put(
                        name,
                        new Case(
                                c.text("arm").required(),
                                c.text("minus").required(),
                                c.text("predictor").required())));
        var predictors = n.items("predictors").stream()
                .map(v -> v instanceof ConfigValue.Scalar s ? s.text() : "")
                .toList();
        return new Ranking(
                n.text("measure").required(),
                cases,
                predictors,
                n.number("at_least").atLeast(0).atMost(1).or(0.7),
                n.number("level").above(0).below(1).or(0.05));
    }

    @Override
    public Finding judge(Outcomes outcomes, int needs) {
        var names = new ArrayList<String>();
        var y = new ArrayList<Double>();
        int seeds = Integer.MAX_VALUE;
        for (var e : cases.entrySet()) {
            var c = e.getValue();
            var a = new Selection(c.arm, Selection.Named.LAST).of(outcomes, measure);
            var b = new Selection(c.minus, Selection.Named.LAST).of(outcomes, measure);
            if (a.isEmpty() || b.isEmpty()) return Finding.unknown("no " + measure + " of " + e.getKey());
            var d = a.get().mean().minus(b.get().mean());
            if (Double.isNaN(d.value())) return Finding.unknown("a value of " + measure + " is missing: " + e.getKey());
            names.add(e.getKey());
            y.add(d.value());
            seeds = Math.min(seeds, d.n());
        }
        if (names.size() < FEWEST) return Finding.unknown(names.size() + " cases, " + FEWEST + " needed");
        if (seeds < Math.max(1, needs)) return Finding.unknown(seeds + " seeds, " + needs + " needed");
        var values = new LinkedHashMap<String, Object>();
        var text = new ArrayList<String>();
        double best = 0;
        double chance = 1;
        for (var p : predictors) {
            double[] x = cases.values().stream()
                    .mapToDouble(c -> outcomes.arm(c.predictor).mean(p).value())
                    .toArray();
            if (Arrays.stream(x).anyMatch(Double::isNaN)) return Finding.unknown("a value of " + p + " is missing");
            double[] ys = y.stream().mapToDouble(Double::doubleValue).toArray();
            double r = correlation(ranks(x), ranks(ys));
            double by = chance(ranks(x), ranks(ys), r);
            values.put(p, Map.of("correlation", r, "p", by));
            text.add(String.format(Locale.ROOT, "%s %+.2f (p %.3f)", p, r, by));
            if (Math.abs(r) > Math.abs(best)) {
                best = r;
                chance = by;
            }
        }
        boolean holds = Math.abs(best) >= atLeast && chance * predictors.size() <= level;
        return Finding.of(
                holds, "rank correlation over " + names.size() + " cases: " + String.join(", ", text), values);
    }

    /** Ranks from 1; equal values share the mean of theirs. */
    static double[] ranks(double[] v) {
        double[] ranks = new double[v.length];
        for (int i = 0; i < v.length; i++) {
            int below = 0;
            int equal = 0;
            for (double other : v) {
                if (other < v[i]) below++;
                if (other == v[i]) equal++;
            }
            ranks[i] = below + (equal + 1) / 2.0;
        }
        return ranks;
    }

    /** Pearson's; 0 where one side is constant. */
    static double correlation(double[] x, double[] y) {
        double mx = Arrays.stream(x).average().orElse(0);
        double my = Arrays.stream(y).average().orElse(0);
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int i = 0; i < x.length; i++) {
            xy += (x[i] - mx) * (y[i] - my);
            xx += (x[i] - mx) * (x[i] - mx);
            yy += (y[i] - my) * (y[i] - my);
        }
        return xx == 0 || yy == 0 ? 0 : xy / Math.sqrt(xx * yy);
    }

    private static double chance(double[] x, double[] y, double r) {
        var random = new SplittableRandom(0);
        int[] order = IntStream.range(0, y.length).toArray();
        int as = 1;
        for (int k = 0; k < PERMUTATIONS; k++) {
            for (int i = order.length - 1; i > 0; i--) {
                int j = random.nextInt(i + 1);
                int t = order[i];
                order[i] = order[j];
                order[j] = t;
            }
            double[] shuffled = Arrays.stream(order).mapToDouble(i -> y[i]).toArray();
            if (Math.abs(correlation(x, shuffled)) >= Math.abs(r) - 1e-12) as++;
        }
        return as / (PERMUTATIONS + 1.0);
    }
}
