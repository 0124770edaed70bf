package hesse.experiment.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Outcome;
import hesse.experiment.outcome.Outcomes;
import hesse.experiment.rule.Rule.Verdict;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/** Each kind of check on made-up results: a clear yes, a clear no, too few seeds, and runs that became NaN. */
class RuleTest {
    private static final double NOISE = 0.002;
    private final long seed = System.nanoTime();
    private final SplittableRandom random = new SplittableRandom(seed);

    private static Rule rule(String checks) {
        var n = ConfigNode.parse("rule", "text: a rule\nneeds: 3\nchecks:\n" + checks);
        var rule = Rule.read(n);
        n.finish();
        return rule;
    }

    private Verdict verdict(String check, List<Outcome> outcomes) {
        return rule("  - " + check).judge(new Outcomes(outcomes)).verdict();
    }

    private void assertVerdict(Verdict wanted, String check, List<Outcome> outcomes) {
        assertEquals(
                wanted,
                verdict(check, outcomes),
                () -> "seed " + seed + ": "
                        + rule("  - " + check).judge(new Outcomes(outcomes)).findings());
    }

    private static Outcome outcome(String arm, Map<String, Double> at, long s, double value) {
        return new Outcome("", arm, at, s, false, Map.of("accuracy", value), Path.of("run"));
    }

    /** An arm whose mean over the grid is a function of x, with some noise that is never as large as three standard errors. */
    private List<Outcome> arm(String name, double[] grid, int seeds, DoubleUnaryOperator mean) {
        var all = new ArrayList<Outcome>();
        for (int s = 0; s < seeds; s++) {
            for (double x : grid) {
                double noise = NOISE * ((s % 2 == 0 ? 1 : -1) * 0.5 + 0.1 * random.nextDouble());
                all.add(outcome(name, Map.of("rho", x), s, mean.applyAsDouble(x) + noise));
            }
        }
        return all;
    }

    private static List<Outcome> with(List<Outcome> some, List<Outcome> more) {
        var all = new ArrayList<>(some);
        all.addAll(more);
        return all;
    }

    /** The last run of an arm without a value. */
    private static List<Outcome> lost(List<Outcome> outcomes) {
        var all = new ArrayList<>(outcomes);
        var last = all.removeLast();
        all.add(new Outcome(
                "", last.arm(), last.at(), last.seed(), true, Map.of("accuracy", Double.NaN), last.folder()));
        return all;
    }

    private static final double[] GRID = {0.01, 0.1, 1};

    @Test
    void compareTellsBelowFromEqual() {
        String below =
                "{kind: compare, measure: accuracy, left: a, right: b, at: {rho: 1}, relation: below, errors: 3}";
        String within = "{kind: compare, measure: accuracy, left: a, right: b, relation: within, errors: 2}";
        var b = arm("b", GRID, 5, x -> 0.9);
        var falling = arm("a", GRID, 5, x -> 0.9 - 0.1 * x);
        var equal = b.stream()
                .map(o -> outcome("a", o.at(), o.seed(), o.value("accuracy")))
                .toList();
        assertVerdict(Verdict.REPRODUCED, below, with(falling, b));
        assertVerdict(Verdict.NOT_REPRODUCED, below, with(equal, b));
        assertVerdict(Verdict.REPRODUCED, within, with(equal, b));
        assertVerdict(Verdict.NOT_REPRODUCED, within, with(arm("a", GRID, 5, x -> 0.7), b));
        assertVerdict(Verdict.INCONCLUSIVE, below, with(arm("a", GRID, 2, x -> 0.5), arm("b", GRID, 2, x -> 0.9)));
        assertVerdict(Verdict.INCONCLUSIVE, below, with(lost(falling), b));
    }

    @Test
    void compareEverywhereNeedsEachPlace() {
        String check = "{kind: compare, measure: accuracy, left: a, right: b, everywhere: true, relation: within,"
                + " tolerance: 0.01}";
        var b = arm("b", GRID, 3, x -> 0.9);
        assertVerdict(Verdict.REPRODUCED, check, with(arm("a", GRID, 3, x -> 0.9), b));
        assertVerdict(Verdict.NOT_REPRODUCED, check, with(arm("a", GRID, 3, x -> x > 0.5 ? 0.5 : 0.9), b));
        assertVerdict(Verdict.INCONCLUSIVE, check, with(arm("a", GRID, 1, x -> 0.9), arm("b", GRID, 1, x -> 0.9)));
        assertVerdict(Verdict.INCONCLUSIVE, check, with(lost(arm("a", GRID, 3, x -> 0.9)), b));
    }

    @Test
    void anArmWithoutTheGridIsTheSameEverywhere() {
        String check =
                "{kind: compare, measure: accuracy, left: a, right: plain, at: {rho: 1}, relation: below, errors: 3}";
        var plain = new ArrayList<Outcome>();
        for (int s = 0; s < 3; s++) plain.add(outcome("plain", Map.of(), s, 0.9 + 0.001 * s));
        assertVerdict(Verdict.REPRODUCED, check, with(arm("a", GRID, 3, x -> 0.9 - 0.2 * x), plain));
        assertVerdict(Verdict.NOT_REPRODUCED, check, with(arm("a", GRID, 3, x -> 0.95), plain));
    }

    @Test
    void aTrendFallsRisesOrIsFlat() {
        String falling = "{kind: trend, measure: accuracy, arm: a, along: rho, direction: falling}";
        String rising = "{kind: trend, measure: accuracy, arm: a, along: rho, direction: rising}";
        String flat = "{kind: trend, measure: accuracy, arm: a, along: rho, direction: flat, tolerance: 0.01}";
        var down = arm("a", GRID, 4, x -> 0.9 - 0.1 * x);
        var even = arm("a", GRID, 4, x -> 0.9);
        assertVerdict(Verdict.REPRODUCED, falling, down);
        assertVerdict(Verdict.NOT_REPRODUCED, rising, down);
        assertVerdict(Verdict.NOT_REPRODUCED, flat, down);
        assertVerdict(Verdict.REPRODUCED, flat, even);
        assertVerdict(Verdict.REPRODUCED, rising, arm("a", GRID, 4, x -> 0.1 + x));
        assertVerdict(Verdict.INCONCLUSIVE, falling, arm("a", GRID, 2, x -> 0.9 - 0.1 * x));
        assertVerdict(Verdict.INCONCLUSIVE, falling, lost(down));
        assertVerdict(Verdict.INCONCLUSIVE, flat, lost(even));
    }

    @Test
    void aCurveIsCloserToOneThanToAnother() {
        String check = "{kind: closer, measure: accuracy, arm: a, to: b, than: c, along: rho}";
        var b = arm("b", GRID, 4, x -> 0.9 - 0.3 * x);
        var c = arm("c", GRID, 4, x -> 0.9);
        var near = arm("a", GRID, 4, x -> 0.9 - 0.28 * x);
        assertVerdict(Verdict.REPRODUCED, check, with(near, with(b, c)));
        assertVerdict(Verdict.NOT_REPRODUCED, check, with(arm("a", GRID, 4, x -> 0.9 - 0.01 * x), with(b, c)));
        assertVerdict(
                Verdict.INCONCLUSIVE,
                check,
                with(arm("a", GRID, 1, x -> 0.6), with(arm("b", GRID, 1, x -> 0.6), arm("c", GRID, 1, x -> 0.9))));
        assertVerdict(Verdict.INCONCLUSIVE, check, with(lost(near), with(b, c)));
    }

    @Test
    void aBandHoldsItsBounds() {
        String band = "{kind: band, measure: accuracy, arms: [a], low: 0.8, high: 1.2}";
        String each = "{kind: band, measure: accuracy, arms: [a], high: 1.0e-10, each: true, needs: 1}";
        assertVerdict(Verdict.REPRODUCED, band, arm("a", GRID, 3, x -> 1));
        assertVerdict(Verdict.NOT_REPRODUCED, band, arm("a", GRID, 3, x -> x > 0.5 ? 1.5 : 1));
        assertVerdict(Verdict.INCONCLUSIVE, band, arm("a", GRID, 2, x -> 1));
        assertVerdict(Verdict.INCONCLUSIVE, band, lost(arm("a", GRID, 3, x -> 1)));
        assertVerdict(Verdict.REPRODUCED, each, List.of(outcome("a", Map.of(), 0, 1e-12)));
        assertVerdict(
                Verdict.NOT_REPRODUCED,
                each,
                List.of(outcome("a", Map.of(), 0, 0), outcome("a", Map.of(), 1, 1.5e-10)));
        assertVerdict(Verdict.INCONCLUSIVE, each, lost(List.of(outcome("a", Map.of(), 0, 0))));
        assertVerdict(Verdict.INCONCLUSIVE, each, List.of(outcome("other", Map.of(), 0, 0)));
    }

    @Test
    void oneArmFailsEarlierThanAnother() {
        double[] grid = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2};
        String check =
                "{kind: onset, measure: accuracy, earlier: h, later: g, reference: plain, along: rho, factor: 100}";
        var plain = new ArrayList<Outcome>();
        for (int s = 0; s < 3; s++) plain.add(outcome("plain", Map.of(), s, 0.9 + 0.001 * s));
        var early = arm("h", grid, 3, x -> x > 5e-6 ? 0.5 : 0.9);
        assertVerdict(
                Verdict.REPRODUCED, check, with(plain, with(early, arm("g", grid, 3, x -> x > 5e-3 ? 0.5 : 0.91))));
        assertVerdict(Verdict.REPRODUCED, check, with(plain, with(early, arm("g", grid, 3, x -> 0.91))));
        assertVerdict(
                Verdict.NOT_REPRODUCED, check, with(plain, with(early, arm("g", grid, 3, x -> x > 5e-6 ? 0.5 : 0.9))));
        assertVerdict(
                Verdict.NOT_REPRODUCED,
                check,
                with(plain, with(arm("h", grid, 3, x -> 0.91), arm("g", grid, 3, x -> 0.91))));
        assertVerdict(
                Verdict.INCONCLUSIVE,
                check,
                with(plain, with(arm("h", grid, 3, x -> x > 5e-4 ? 0.5 : 0.91), arm("g", grid, 3, x -> 0.91))));
        assertVerdict(
                Verdict.INCONCLUSIVE,
                check,
                with(plain, with(arm("h", grid, 2, x -> 0.5), arm("g", grid, 2, x -> 0.9))));
        assertVerdict(Verdict.INCONCLUSIVE, check, with(plain, with(lost(early), arm("g", grid, 3, x -> 0.9))));
    }

    @Test
    void theBestValueLiesWhereItShould() {
        String check = "{kind: optimum, measure: accuracy, arm: a, along: rho, low: 0.05}";
        var peak = arm("a", GRID, 3, x -> x == 0.1 ? 0.95 : 0.9);
        assertVerdict(Verdict.REPRODUCED, check, peak);
        assertVerdict(Verdict.NOT_REPRODUCED, check, arm("a", GRID, 3, x -> x < 0.05 ? 0.95 : 0.9));
        assertVerdict(Verdict.INCONCLUSIVE, check, arm("a", GRID, 2, x -> x == 0.1 ? 0.95 : 0.9));
        assertVerdict(Verdict.INCONCLUSIVE, check, lost(peak));
    }

    @Test
    void aPredictorRanksCases() {
        var cases = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            cases.append("c")
                    .append(i)
                    .append(": {arm: psam")
                    .append(i)
                    .append(", minus: sam, predictor: p")
                    .append(i)
                    .append("}, ");
        }
        String check = "{kind: ranking, measure: accuracy, predictors: [good, bad], cases: {" + cases + "}}";
        int[] shuffled = {3, 6, 0, 5, 2, 7, 1, 4};
        assertVerdict(Verdict.REPRODUCED, check, ranked(3, i -> i, shuffled));
        assertVerdict(Verdict.NOT_REPRODUCED, check, ranked(3, i -> shuffled[(int) i], shuffled));
        assertVerdict(Verdict.INCONCLUSIVE, check, ranked(2, i -> i, shuffled));
        assertVerdict(Verdict.INCONCLUSIVE, check, ranked(3, i -> i == 4 ? Double.NaN : i, shuffled));
    }

    private static List<Outcome> ranked(int seeds, DoubleUnaryOperator good, int[] bad) {
        var all = new ArrayList<Outcome>();
        for (int s = 0; s < seeds; s++) {
            all.add(outcome("sam", Map.of(), s, 0.5));
            for (int i = 0; i < 8; i++) {
                all.add(outcome("psam" + i, Map.of(), s, 0.5 + 0.01 * i));
                all.add(new Outcome(
                        "",
                        "p" + i,
                        Map.of(),
                        s,
                        false,
                        Map.of("good", good.applyAsDouble(i), "bad", (double) bad[i]),
                        Path.of("run")));
            }
        }
        return all;
    }

    @Test
    void everyCheckOnEveryPanelMustHold() {
        String check = "{kind: band, measure: accuracy, low: 0.5, needs: 1}";
        var good = new Outcome("x", "a", Map.of(), 0, false, Map.of("accuracy", 0.9), Path.of("run"));
        var bad = new Outcome("y", "a", Map.of(), 0, false, Map.of("accuracy", 0.1), Path.of("run"));
        assertEquals(Verdict.REPRODUCED, verdict(check, List.of(good)));
        assertEquals(Verdict.NOT_REPRODUCED, verdict(check, List.of(good, bad)));
        assertEquals(Verdict.INCONCLUSIVE, verdict(check, List.of()));
        var two = rule("  - " + check + "\n  - {kind: band, measure: accuracy, low: 0.5, needs: 2}");
        assertEquals(
                Verdict.INCONCLUSIVE, two.judge(new Outcomes(List.of(good))).verdict());
        assertEquals(
                Verdict.NOT_REPRODUCED,
                two.judge(new Outcomes(List.of(bad))).verdict(),
                "what one check refutes no other leaves open");
    }

    @Test
    void ranksShareTheirMeanAmongEquals() {
        assertTrue(java.util.Arrays.equals(new double[] {1, 2.5, 2.5, 4}, Ranking.ranks(new double[] {0, 7, 7, 9})));
    }
}
