package hesse.run;

import hesse.config.ConfigNode;
import java.util.Optional;

/**
 * The {@code train} section.
 *
 * @param epochs passes over the training set; empty when {@code steps} is given
 * @param steps optimizer steps; empty when {@code epochs} is given
 * @param microBatch examples computed at a time; the whole batch's norm and direction are kept
 * @param evalEvery steps between evaluations; at the end of each epoch when empty
 * @param logEvery steps between lines of metrics
 * @param checkpointEvery steps between checkpoints; only the last step when empty
 * @param keep how many checkpoints are kept beside the best one
 * @param watchdog seconds without progress after which a hanging loader or device is reported; 0 for never
 */
public record TrainConfig(
        Optional<Integer> epochs,
        Optional<Long> steps,
        long seed,
        Optional<Integer> microBatch,
        Optional<Long> evalEvery,
        long logEvery,
        Optional<Long> checkpointEvery,
        int keep,
        double watchdog) {

    /** Reads the section; problems are noted in it. */
    public static TrainConfig read(ConfigNode n) {
        boolean inSteps = n.either("epochs", "steps").filter("steps"::equals).isPresent();
        return new TrainConfig(
                inSteps
                        ? Optional.empty()
                        : Optional.of(n.integer("epochs").atLeast(1).or(10)),
                inSteps ? Optional.of(n.whole("steps").atLeast(1).required()) : Optional.empty(),
                n.whole("seed").or(0L),
                n.integer("micro_batch").atLeast(1).optional(),
                n.whole("eval_every").atLeast(1).optional(),
                n.whole("log_every").atLeast(1).or(10L),
                n.whole("checkpoint_every").atLeast(1).optional(),
                n.integer("keep").atLeast(1).or(3),
                n.number("watchdog").atLeast(0).or(300.0));
    }
}
