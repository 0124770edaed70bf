package hesse.run;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** What other commands need of a finished or interrupted run's folder. */
public final class Runs {
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
