package hesse.cases;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.SplittableRandom;

/** Fresh seeds for tests; {@code -Dhesse.seed=…} repeats a failure. */
public final class Seeds {
    private Seeds() {}

    /** One trial; false asks for another draw, because this one lies within a difference's reach of a kink or a tie. */
    public interface Trial {
        boolean run(long seed);
    }

    /** Runs a trial with a fresh seed, redrawn while it says so; a failure names the seed. */
    public static void fresh(Trial trial) {
        Long given = Long.getLong("hesse.seed");
        var seeds = new SplittableRandom(System.nanoTime());
        for (int attempt = 0; attempt < 200; attempt++) {
            long seed = given != null ? given : seeds.nextLong();
            try {
                if (trial.run(seed)) return;
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("with -Dhesse.seed=" + seed + ": " + e.getMessage(), e);
            }
            if (given != null) fail("seed " + seed + " lies too close to a kink or a tie");
        }
        fail("every draw lies too close to a kink or a tie");
    }

    /** As {@link #fresh(Trial)} for a trial that any seed suits. */
    public static void each(java.util.function.LongConsumer trial) {
        fresh(seed -> {
            trial.accept(seed);
            return true;
        });
    }
}
