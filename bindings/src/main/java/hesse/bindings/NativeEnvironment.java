package hesse.bindings;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * All that the search for native libraries depends on, so that a test can stand in for the machine.
 *
 * @param variables the process's environment variables
 * @param properties the JVM's system properties
 * @param root the root of the file system; every absolute path is taken below it
 * @param command runs a program and returns what it prints
 * @param linker the dynamic loader
 */
public record NativeEnvironment(
        Map<String, String> variables,
        Map<String, String> properties,
        Path root,
        Command command,
        NativeLinker linker) {

    /** Runs another program. */
    @FunctionalInterface
    public interface Command {
        /**
         * The lines a program prints on standard output.
         *
         * @throws IOException if it cannot be started, fails, or takes too long; the message says which
         */
        List<String> lines(List<String> arguments) throws IOException;
    }

    public NativeEnvironment {
        variables = Map.copyOf(variables);
        properties = Map.copyOf(properties);
    }

    /** This machine, this process. */
    public static NativeEnvironment ofSystem() {
        return new NativeEnvironment(
                System.getenv(),
                copy(System.getProperties()),
                Path.of("/"),
                NativeEnvironment::run,
                new SystemNativeLinker());
    }

    private static Map<String, String> copy(Properties properties) {
        return properties.stringPropertyNames().stream()
                .collect(Collectors.toMap(name -> name, properties::getProperty));
    }

    /** The value of a variable, the empty string if there is none. */
    String variable(String name) {
        return variables.getOrDefault(name, "");
    }

    /** The value of a property, the empty string if there is none. */
    String property(String name) {
        return properties.getOrDefault(name, "");
    }

    /** A path of this file system. */
    Path at(String absolute) {
        var stripped = absolute.startsWith("/") ? absolute.substring(1) : absolute;
        return root.resolve(stripped);
    }

    /** The folders or files in a list separated by colons. */
    List<Path> paths(String list) {
        var found = new ArrayList<Path>();
        for (var part : list.split(":", -1)) {
            if (!part.isBlank()) {
                found.add(at(part.strip()));
            }
        }
        return found;
    }

    /** Where files may be kept between runs: {@code HESSE_CACHE}, else {@code ~/.cache/hesse}. */
    public Path cache() {
        var named = variable("HESSE_CACHE");
        if (!named.isBlank()) {
            return at(named);
        }
        var shared = variable("XDG_CACHE_HOME");
        return shared.isBlank()
                ? at(property("user.home")).resolve(".cache").resolve("hesse")
                : at(shared).resolve("hesse");
    }

    private static List<String> run(List<String> arguments) throws IOException {
        var errors = Files.createTempFile("hesse", ".err");
        try {
            var process =
                    new ProcessBuilder(arguments).redirectError(errors.toFile()).start();
            try {
                process.getOutputStream().close();
                // The output is a few lines and fits the pipe, so that waiting before reading cannot block the program.
                if (!process.waitFor(3, TimeUnit.SECONDS)) {
                    throw new IOException(arguments.getFirst() + " gave no answer within 3 s");
                }
                if (process.exitValue() != 0) {
                    throw new IOException(arguments.getFirst() + " failed: "
                            + Files.readString(errors).strip());
                }
                var text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                return text.lines().toList();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException(arguments.getFirst() + " was interrupted", e);
            } finally {
                process.destroyForcibly();
            }
        } finally {
            Files.deleteIfExists(errors);
        }
    }
}
