package hesse.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * What each group had come to when all had spent alike: at the largest budget that every group reached.
 *
 * @param budget in the axis's unit
 * @param rows one a group
 */
record Matched(double budget, List<Row> rows) {
    /**
     * A group at the budget: its last evaluation within it.
     *
     * @param step of that evaluation
     * @param spent by then
     */
    record Row(String group, double step, double spent, double loss, double lossError, double accuracy, double error) {}

    /**
     * Compares test results, or validation results where there is no test set.
     *
     * @param axis the costs of a curve's points
     * @return nothing with fewer than two groups, or where a group has no costs or no evaluation within the budget
     */
    static Optional<Matched> of(List<RunGroup> groups, Function<Curve, List<Double>> axis) {
        if (groups.size() < 2) return Optional.empty();
        for (var split : List.of("test", "validation")) {
            var losses = groups.stream().map(g -> g.curve(split + "/loss")).toList();
            if (losses.stream().anyMatch(Curve::isEmpty)) continue;
            double budget = losses.stream()
                    .mapToDouble(c -> axis.apply(c).getLast())
                    .min()
                    .orElse(Double.NaN);
            if (!Double.isFinite(budget)
                    || losses.stream().anyMatch(c -> !axis.apply(c).stream().allMatch(Double::isFinite)))
                return Optional.empty();
            var rows = new ArrayList<Row>();
            for (int g = 0; g < groups.size(); g++) {
                var loss = losses.get(g);
                int at = last(axis.apply(loss), budget);
                if (at < 0) return Optional.empty();
                var accuracy = groups.get(g).curve(split + "/accuracy");
                boolean has = accuracy.y().size() > at;
                rows.add(new Row(
                        groups.get(g).label(),
                        loss.step().get(at),
                        axis.apply(loss).get(at),
                        loss.y().get(at),
                        loss.error().get(at),
                        has ? accuracy.y().get(at) : Double.NaN,
                        has ? accuracy.error().get(at) : Double.NaN));
            }
            return Optional.of(new Matched(budget, rows));
        }
        return Optional.empty();
    }

    private static int last(List<Double> costs, double budget) {
        int at = -1;
        for (int i = 0; i < costs.size() && costs.get(i) <= budget * (1 + 1e-12); i++) at = i;
        return at;
    }
}
