package hesse.run;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.function.Consumer;

/** What other commands need of a finished or interrupted run's folder. */
public final class Runs {
    /** What metrics and results do not depend on. */
    private static final Set<String> WITHOUT_EFFECT = Set.of(
            "data.cache",
            "data.workers",
            "data.train",
            "data.test",
            "data.train_labels",
            "data.test_labels",
            "device.threads",
            "train.checkpoint_every",
            "train.keep",
            "train.watchdog");

    /** Names of files in a run's folder, for those who read them. */
    public static final String CONFIG = RunDirectory.CONFIG;

    public static final String METRICS = RunDirectory.METRICS;
    public static final String TIMINGS = RunDirectory.TIMINGS;
    public static final String SUMMARY = RunDirectory.SUMMARY;

    private Runs() {}

    /**
     * The file of a run's configuration.
     *
     * @throws UserException (usage) if the folder holds no run
     */
    public static Path config(Path folder) {
        Path file = folder.resolve(RunDirectory.CONFIG);
        if (Files.exists(file)) return file;
        throw new UserException(
                Kind.USAGE,
                folder.toString(),
                "holds no run: " + RunDirectory.CONFIG + " is missing",
                "Name the folder that 'hesse train' wrote");
    }

    /**
     * Everything in a configuration that what a run computes or records depends on, as lines {@code key=value} in the order of the keys:
     * all but the number of threads, of loader threads, caches, the checkpoints, and where the data lie.
     */
    public static String settings(Config config) {
        var text = new StringBuilder();
        RunDirectory.flat(config.resolved()).forEach((key, value) -> {
            if (!WITHOUT_EFFECT.contains(key))
                text.append(key).append('=').append(value).append('\n');
        });
        return text.toString();
    }

    /** Whether a folder holds a run, whatever has become of it. */
    public static boolean holds(Path folder) {
        return RunDirectory.holdsRun(folder);
    }

    /**
     * The weights of a run's newest whole checkpoint.
     *
     * @param log is told which checkpoints are passed over and why
     * @throws UserException (runtime) if there is none
     */
    public static Path newestWeights(Path folder, Consumer<String> log) {
        for (var path : new CheckpointFolder(folder).newestFirst()) {
            var fault = CheckpointFolder.fault(path);
            if (fault.isEmpty()) return path.resolve(CheckpointFolder.WEIGHTS);
            log.accept(path + " is passed over: " + fault);
        }
        throw new UserException(
                Kind.RUNTIME,
                folder.toString(),
                "has no whole checkpoint",
                "Go on with the run by 'hesse train CONFIG --out " + folder + " --resume'");
    }
}
