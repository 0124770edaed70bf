package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import hesse.experiment.outcome.Mean;
import hesse.experiment.outcome.Outcomes;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An arm, and a place within it.
 *
 * @param at where the measure's mean is highest or lowest, at the first or last value of the grid, or at given values
 */
record Selection(String arm, At at) {
    /** A place. */
    sealed interface At {}

    /** By the measure's mean, or by the order of the grid. */
    enum Named implements At {
        HIGHEST,
        LOWEST,
        FIRST,
        LAST
    }

    /** Given values. */
    record Given(Map<String, Double> place) implements At {}

    /** What was selected. */
    record Picked(String where, Mean mean, Map<String, Double> place) {}

    /** Reads {@code KEY: ARM} or {@code KEY: {arm: ARM, at: …}}; without {@code at} that of the check around it. */
    static Selection read(ConfigNode check, String key) {
        if (!check.hasTable(key)) {
            String arm = check.text(key).required();
            return new Selection(arm, at(check));
        }
        var n = check.child(key);
        return new Selection(n.text("arm").required(), n.has("at") ? at(n) : at(check));
    }

    static At at(ConfigNode n) {
        if (!n.hasTable("at")) return n.choice("at", Named.class).or(Named.HIGHEST);
        var place = new LinkedHashMap<String, Double>();
        n.free("at").forEach((key, value) -> {
            if (value instanceof ConfigValue.Scalar s && s.value() instanceof Number v) place.put(key, v.doubleValue());
            else n.problem("at", "needs numbers, " + key + " is " + value.describe());
        });
        return new Given(place);
    }

    /** Selects; empty where there are no outcomes. */
    Optional<Picked> of(Outcomes outcomes, String measure) {
        var own = outcomes.arm(arm);
        if (at instanceof Given g) {
            // an arm without the key, such as plain descent, is the same at every place
            var place = new LinkedHashMap<>(g.place);
            place.keySet().removeIf(k -> own.values(k).isEmpty());
            return pick(own, place, measure);
        }
        List<Map<String, Double>> places = own.places().stream()
                .sorted(Comparator.comparing(
                        p -> p.values().stream().findFirst().orElse(0.0)))
                .toList();
        var picked =
                places.stream().flatMap(p -> pick(own, p, measure).stream()).toList();
        Comparator<Picked> byMean = Comparator.comparingDouble(p -> p.mean.value());
        return switch ((Named) at) {
            case HIGHEST ->
                picked.stream().filter(p -> !Double.isNaN(p.mean.value())).max(byMean);
            case LOWEST ->
                picked.stream().filter(p -> !Double.isNaN(p.mean.value())).min(byMean);
            case FIRST -> picked.stream().findFirst();
            case LAST -> picked.isEmpty() ? Optional.empty() : Optional.of(picked.getLast());
        };
    }

    private Optional<Picked> pick(Outcomes own, Map<String, Double> place, String measure) {
        var there = own.at(place);
        if (there.all().isEmpty()) return Optional.empty();
        return Optional.of(new Picked(arm + describe(place), there.mean(measure), place));
    }

    static String describe(Map<String, Double> place) {
        return place.isEmpty() ? "" : " at " + Outcomes.describe(place);
    }
}
