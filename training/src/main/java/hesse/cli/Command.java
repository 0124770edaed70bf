package hesse.cli;

import hesse.run.Console;

/**
 * A subcommand of {@code hesse}. Its class carries picocli's {@code @CommandLine.Command} with a description and an example in the
 * footer, its options are annotated fields. Commands are found through {@link java.util.ServiceLoader}, so that other modules
 * add theirs; such a module opens the command's package to picocli.
 */
public interface Command {
    /**
     * Does it.
     *
     * @return the exit code, 0 when done
     * @throws hesse.error.UserException for what the user can do something about; its exit code is the command's
     * @throws Exception anything else counts as a defect
     */
    int run(Console console) throws Exception;
}
