package hesse.cli;

import hesse.error.UserException;
import hesse.graph.ShapeException;
import hesse.run.Console;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.TypeConversionException;
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

    /** Remembers why something could not be written, which a {@link PrintStream} does not. */
    private static final class Written extends FilterOutputStream {
        private volatile @Nullable IOException failure;

        Written(OutputStream to) {
            super(to);
        }

        @Override
        public void write(byte[] bytes, int from, int count) throws IOException {
            try {
                out.write(bytes, from, count);
            } catch (IOException e) {
                failure = e;
                throw e;
            }
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        /** As {@code head} does when it has seen enough. */
        boolean readerWentAway() {
            var e = failure;
            return e != null
                    && String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT).contains("broken pipe");
        }
    }

    private Main() {}

    /** Runs the command line and exits with its code. */
    public static void main(String[] args) {
        // UTF-8 whatever the locale: results hold Greek letters, and files get what is redirected into them.
        var results = new Written(new FileOutputStream(FileDescriptor.out));
        var out = new PrintStream(results, true, StandardCharsets.UTF_8);
        var err = new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
        var console = System.console();
        boolean terminal = console != null && console.isTerminal();
        int code = run(args, out, err, terminal);
        out.flush();
        if (code == 0 && results.failure != null && !results.readerWentAway()) {
            err.println("hesse: the result cannot be written to standard output (" + results.failure.getMessage()
                    + "). Check free space where it goes, and ask again");
            code = 1;
        }
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
        line.registerConverter(Path.class, Main::path);
        return run(line, root, args, new Console(out, err, false, terminal, colour));
    }

    private static Path path(String text) {
        // what a shell makes of a variable that is not set: it would name the folder in which one is
        if (text.isBlank()) throw new TypeConversionException("a path is not empty; '.' is the present folder");
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new TypeConversionException(e.getReason() + "; the file names of this system are "
                    + System.getProperty("sun.jnu.encoding") + " (LC_ALL, LC_CTYPE, LANG)");
        }
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
