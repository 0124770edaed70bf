package hesse.run;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** A JVM beside this one, with the same modules: for flags, signals and limits that cannot be tried in the process of the tests. */
public final class ChildJvm {
    /** How a process ended and what it printed. */
    public record Outcome(int exit, String out, String err) {}

    private static final long MINUTES = 5;

    private ChildJvm() {}

    /** Runs a test class's main method, with flags separated by spaces. */
    static Outcome main(Class<?> main, String flags, String... arguments) throws IOException, InterruptedException {
        return finish(start(main.getName(), flags, List.of(arguments)));
    }

    /** Starts the command {@code hesse}, with flags for its JVM separated by spaces. */
    public static Process command(String flags, String... arguments) throws IOException {
        return start("hesse.cli.Main", flags, List.of(arguments));
    }

    private static Process start(String main, String flags, List<String> arguments) throws IOException {
        return new ProcessBuilder(commandLine(main, flags, arguments)).start();
    }

    /** The command line of such a JVM, for launchers that start several. */
    public static List<String> commandLine(String main, String flags, List<String> arguments) {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx1g", "-Djava.awt.headless=true", "--add-modules", "jdk.incubator.vector"));
        command.addAll(List.of(flags.split(" ")));
        if (ChildJvm.class.getModule().isNamed()) command.addAll(modules(main));
        else command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", classPath(), main));
        command.addAll(arguments);
        return command;
    }

    private static List<String> modules(String main) {
        // the tests are in the module too, by a patch that these modules do not show
        String modules = ModuleLayer.boot().configuration().modules().stream()
                .map(m -> m.reference())
                .flatMap(r -> r.location().stream())
                .filter(location -> location.getScheme().equals("file"))
                .map(location -> Path.of(location).toString())
                .collect(Collectors.joining(java.io.File.pathSeparator));
        return List.of(
                "--module-path",
                modules,
                "--patch-module=hesse.training="
                        + Path.of("target", "test-classes").toAbsolutePath(),
                "--enable-native-access=hesse.bindings,hesse.runtime",
                "--module",
                "hesse.training/" + main);
    }

    private static String classPath() {
        return System.getProperty("java.class.path");
    }

    /** Waits for the end and reads what was printed; a process that does not end is killed, exit 137. */
    public static Outcome finish(Process process) throws IOException, InterruptedException {
        var err = new StringBuilder();
        var reader = Thread.ofVirtual().start(() -> err.append(text(process.getErrorStream())));
        var killer = Thread.ofVirtual().start(() -> {
            try {
                if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) process.destroyForcibly();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        String out = text(process.getInputStream());
        int exit = process.waitFor();
        killer.join();
        reader.join();
        return new Outcome(exit, out, err.toString());
    }

    private static String text(java.io.InputStream stream) {
        try (stream) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
