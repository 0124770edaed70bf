package hesse.experiment;

import hesse.run.Config;
import hesse.run.Console;
import hesse.run.Trainer;
import java.nio.file.Path;

/** What is done with a configuration in a run's folder. When it is done, a {@code summary.json} stands there that says so. */
public sealed interface Task permits Task.Train, ProductTask, LandscapeTask {
    /** Training, which goes on from its newest checkpoint. */
    Train TRAIN = new Train();

    /** What it is beyond the configuration, as lines; part of what names a run. Empty for training. */
    String identity();

    /**
     * Does it, or goes on with it.
     *
     * @return whether it came to its end; if not, the process is being stopped
     * @throws hesse.error.UserException where it failed
     */
    boolean run(Config config, Path folder, Workbench bench) throws InterruptedException;

    /** Training by the configuration. */
    record Train() implements Task {
        @Override
        public String identity() {
            return "";
        }

        @Override
        public boolean run(Config config, Path folder, Workbench bench) throws InterruptedException {
            var console = bench.console();
            var silent = new Console(console.out(), console.err(), true, false, false);
            try (var trainer = new Trainer(bench.context(config), folder, true, silent)) {
                return trainer.run().status() == Trainer.Status.DONE;
            }
        }
    }
}
