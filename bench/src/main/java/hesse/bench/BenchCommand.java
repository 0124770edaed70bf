package hesse.bench;

import hesse.cli.Group;
import picocli.CommandLine;

/** {@code hesse bench}. */
@CommandLine.Command(
        name = "bench",
        description = "Measures what methods and plans cost on a configuration and device of one's own.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            OverheadCommand.class,
            PlanCommand.class,
            DataBenchCommand.class,
            KernelsCommand.class,
            CompareCommand.class
        },
        footer = {"", "Example:", "  hesse bench overhead digits-cnn"})
public final class BenchCommand implements Group {}
