package hesse.cli;

import hesse.run.Console;

/** A command that only holds subcommands. Named alone it is a mistake of the command line, found before it could run. */
public interface Group extends Command {
    @Override
    default int run(Console console) {
        throw new IllegalStateException("only the subcommands of a group run");
    }
}
