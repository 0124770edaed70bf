package hesse.experiment.outcome;

import java.nio.file.Path;
import java.util.Map;

/**
 * What one run of an experiment came to.
 *
 * @param panel the data set or the like that it belongs to; empty where there is one only
 * @param arm what is compared with others, for example {@code gelu-psam}
 * @param at the numbers that vary within the arm, by key, for example {@code method.rho}
 * @param diverged whether loss or update stopped being finite
 * @param values by measure; NaN where there is none
 * @param folder of the run
 */
public record Outcome(
        String panel,
        String arm,
        Map<String, Double> at,
        long seed,
        boolean diverged,
        Map<String, Double> values,
        Path folder) {
    /** A measure's value; NaN where there is none. */
    public double value(String measure) {
        return values.getOrDefault(measure, Double.NaN);
    }
}
