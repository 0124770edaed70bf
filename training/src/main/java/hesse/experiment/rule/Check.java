package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Outcomes;

/** One statement about an experiment's outcomes. */
public sealed interface Check permits Compare, Trend, Closer, Band, Onset, Optimum, Ranking {
    /**
     * Whether it holds.
     *
     * @param outcomes of one panel
     * @param needs seeds below which nothing is said
     */
    Finding judge(Outcomes outcomes, int needs);

    /** Reads a check; problems are noted in it. */
    static Check read(ConfigNode n) {
        String kind = n.choice("kind", "compare", "trend", "closer", "band", "onset", "optimum", "ranking")
                .required();
        return switch (kind) {
            case "trend" -> Trend.read(n);
            case "closer" -> Closer.read(n);
            case "band" -> Band.read(n);
            case "onset" -> Onset.read(n);
            case "optimum" -> Optimum.read(n);
            case "ranking" -> Ranking.read(n);
            default -> Compare.read(n);
        };
    }
}
