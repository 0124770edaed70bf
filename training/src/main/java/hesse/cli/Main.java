package hesse.cli;

import hesse.error.UserException;
import hesse.graph.ShapeException;
import hesse.run.Console;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ServiceLoader;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command {@code hesse}. Exit codes: 0 done; 2 command line, configuration, or files that do not fit it; 1 everything met while
 * running. An error is one paragraph on standard error; {@code --debug} adds the stack trace.
 */
public final class Main {
    /** Options of every level, and the help of the top one. */
    @CommandLine.Command(
            name = "hesse",
            description = "Trains neural networks with exact second-order terms, and measures curvature.",
            versionProvider = Version.class,
            synopsisSubcommandLabel = "COMMAND",
            footer = {"", "Example:", "  hesse config show digits-mlp --set method.kind=psam --set method.rho=0.1"})
    static final class Root {
        @Option(names = "--version", versionHelp = true, description = "Print the version and exit.")
        boolean version;

        @Option(
                names = {"-h", "--help"},
                usageHelp = true,
                scope = ScopeType.INHERIT,
                description = "Print this help and exit.")
        boolean help;

        @Option(names = "--quiet", scope = ScopeType.INHERIT, description = "No progress and no logs.")
        boolean quiet;

        @Option(names = "--debug", scope = ScopeType.INHERIT, description = "Print stack traces of errors.")
        boolean debug;
    }

    private Main() {}

    /** Runs the command line and exits with its code. */
    public static void main(String[] args) {
        // UTF-8 whatever the locale: results hold Greek letters, and files get what is redirected into them.
        var out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        var err = new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
        var console = System.console();
        boolean terminal = console != null && console.isTerminal();
        int code = run(args, out, err, terminal);
        out.flush();
        err.flush();
        System.exit(code);
    }

    /** Runs a command line in this process and returns its exit code; nothing is a terminal. */
    public static int run(String[] args, PrintStream out, PrintStream err) {
        return run(args, out, err, false);
    }

    private static int run(String[] args, PrintStream out, PrintStream err, boolean terminal) {
        boolean colour = terminal && System.getenv("NO_COLOR") == null;
        var root = new Root();
        var line = new CommandLine(root);
        for (var command : ServiceLoader.load(Command.class)) line.addSubcommand(command);
        return run(line, root, args, new Console(out, err, false, terminal, colour));
    }

    /** Runs a command line whose subcommands stand already. */
    static int run(CommandLine line, Root root, String[] args, Console console) {
        line.setOut(new PrintWriter(console.out(), true))
                .setErr(new PrintWriter(console.err(), true))
                .setColorScheme(CommandLine.Help.defaultColorScheme(console.colour() ? Ansi.ON : Ansi.OFF))
                .setExpandAtFiles(false)
                .setUsageHelpAutoWidth(console.terminal())
                .setUsageHelpLongOptionsMaxWidth(28)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler((e, a) -> usageError(e, console))
                .setExecutionStrategy(parsed -> execute(parsed, root, console));
        return line.execute(args);
    }

    private static int execute(ParseResult parsed, Root root, Console console) {
        var help = CommandLine.executeHelpRequest(parsed);
        if (help != null) return help;
        while (parsed.hasSubcommand()) parsed = parsed.subcommand();
        var spec = parsed.commandSpec();
        if (!(spec.userObject() instanceof Command command) || command instanceof Group) {
            throw new ParameterException(
                    spec.commandLine(),
                    "a command is missing: "
                            + String.join(", ", spec.subcommands().keySet()));
        }
        try {
            return command.run(
                    new Console(console.out(), console.err(), root.quiet, console.terminal(), console.colour()));
        } catch (ParameterException e) {
            throw e;
        } catch (Exception | OutOfMemoryError | StackOverflowError | InternalError e) {
            return failure(e, root.debug, spec, console.err());
        }
    }

    private static int usageError(ParameterException e, Console console) {
        var spec = e.getCommandLine().getCommandSpec();
        String suggestion = e instanceof UnmatchedArgumentException u
                        && !u.getSuggestions().isEmpty()
                ? " (did you mean "
                        + String.join(
                                " or ",
                                u.getSuggestions()
                                        .subList(
                                                0,
                                                Math.min(2, u.getSuggestions().size()))) + "?)"
                : "";
        console.err()
                .println(spec.qualifiedName() + ": " + e.getMessage() + suggestion + ". See '" + spec.qualifiedName()
                        + " --help'");
        return 2;
    }

    private static int failure(Throwable e, boolean debug, CommandSpec spec, PrintStream err) {
        if (debug) e.printStackTrace(err);
        String command = spec.qualifiedName() + ": ";
        return switch (e) {
            case UserException u -> {
                err.println(command + u.getMessage());
                yield u.exitCode();
            }
            // Whatever the program itself got wrong in shapes its tests find; here a model and its data do not fit.
            case ShapeException s -> {
                err.println(command + "model and data do not fit: " + s.getMessage());
                yield 2;
            }
            case IOException io -> {
                err.println(command + "input or output failed: " + io);
                yield 1;
            }
            case UncheckedIOException io -> {
                err.println(command + "input or output failed: " + io.getCause());
                yield 1;
            }
            case OutOfMemoryError o -> {
                err.println(command + "out of memory (" + o.getMessage()
                        + "). Use a smaller batch or train.micro_batch, or give the JVM more with -Xmx");
                yield 1;
            }
            case InternalError i -> {
                // what the JVM makes of a mapped file's page that is no longer there
                boolean gone = String.valueOf(i.getMessage()).contains("unsafe memory access");
                err.println(command
                        + (gone
                                ? "a file became shorter or unreadable while it was used. Let data sets alone while they are read"
                                : defect(i)));
                yield 1;
            }
            default -> {
                err.println(command + defect(e));
                yield 1;
            }
        };
    }

    private static String defect(Throwable e) {
        return "a defect of Hesse: " + e + ". Run it again with --debug for the stack trace and report it";
    }
}
