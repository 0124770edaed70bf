package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.error.UserException;
import hesse.run.Console;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import tools.jackson.databind.json.JsonMapper;

/** Results, help, errors and exit codes of the command, in this process. */
class MainTest {
    @TempDir
    Path folder;

    @Test
    void everyLevelHasHelpWithAnExample() {
        var line = new CommandLine(new Main.Root());
        for (var command : ServiceLoader.load(Command.class)) line.addSubcommand(command);
        assertHelp(line);
    }

    private static void assertHelp(CommandLine line) {
        var words = line.getCommandSpec().qualifiedName().split(" ");
        var args = Arrays.copyOfRange(words, 1, words.length + 1);
        args[args.length - 1] = "--help";
        var help = CommandLineRun.of(args).done();
        assertTrue(help.startsWith("Usage: " + String.join(" ", words)), help);
        assertTrue(help.matches("(?s).*Examples?:\n  " + String.join(" ", words) + " ?.*"), help);
        assertFalse(help.contains("\u001b["), "colours without a terminal");
        line.getSubcommands().values().forEach(MainTest::assertHelp);
    }

    @Test
    void versionNamesHesseAndJava() {
        var text = CommandLineRun.of("--version").done();
        assertTrue(text.startsWith("hesse ") && text.contains("25"), text);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "                                  | hesse: a command is missing: config",
                "config                            | hesse config: a command is missing: show",
                "confg                             | (did you mean config",
                "config show                       | Missing required parameter: 'CONFIG'",
                "config show digits-mlp --sett a=1 | Unknown options: '--sett'",
                "config show digits-mlp --set      | Missing required parameter for option '--set'",
                "config show digits-mlp extra      | Unmatched argument at index 3: 'extra'",
                "config show nowhere.yaml          | neither a configuration file nor a preset",
                "config show digits-mlp --set model | should be key=value",
                "config show digits-mlp --set method.kind=pasm | (did you mean 'psam'?)",
            })
    void mistakesOfTheCommandLineEndWith2(String args, String expected) {
        var words = args == null ? new String[0] : args.split(" ");
        var message = CommandLineRun.of(words).failed(2);
        assertTrue(message.contains(expected), message);
        assertEquals(1, message.lines().count(), message);
        assertTrue(message.startsWith("hesse"), message);
    }

    @Test
    void everyProblemOfAConfigurationIsPrinted() throws IOException {
        var file = Files.writeString(
                folder.resolve("run.yaml"),
                "model: {kind: mlp, hidden: [3]}\nmethod: {kind: psam, roh: 1}\ntrain: {epochs: many}\n");
        var message = CommandLineRun.of("config", "show", file.toString()).failed(2);
        assertTrue(
                message.startsWith(
                        "hesse config show: 3 problems in the configuration:\n  " + file + ":2: method lacks 'rho'"),
                message);
        assertTrue(message.contains(file + ":2: unknown key 'roh' in method (did you mean 'rho'?)"), message);
        assertTrue(message.contains(file + ":3: train.epochs should be a whole number"), message);
    }

    @Test
    void configShowPrintsOriginsAndReadsBack() throws IOException {
        var yaml = CommandLineRun.of(
                        "config", "show", "digits-mlp", "--set", "method.kind=psam", "--set", "method.rho=0.1")
                .done();
        assertTrue(
                yaml.contains("# --set method.rho=0.1")
                        && yaml.contains("# default")
                        && yaml.contains("# preset digits-mlp:"),
                yaml);
        var file = Files.writeString(folder.resolve("again.yaml"), yaml);
        var again = CommandLineRun.of("config", "show", file.toString()).done();
        assertEquals(yaml.replaceAll(" *#.*", ""), again.replaceAll(" *#.*", ""));
    }

    @Test
    void configShowPrintsJson() {
        var json = new JsonMapper()
                .readTree(CommandLineRun.of("config", "show", "mnist-mlp-edge", "--json", "--set", "train.steps=7")
                        .done());
        assertEquals(7, json.at("/config/train/steps").asInt());
        assertEquals(
                "--set train.steps=7", json.at("/origins").get("train.steps").asString());
        assertEquals("default", json.at("/origins").get("device.backend").asString());
        assertEquals(1000, json.at("/config/model/hidden/2").asInt());
        assertEquals("sam_edge", json.at("/config/probes/0/kind").asString());
    }

    @Test
    void doctorSaysWhatItFoundAsTextAndAsJson() {
        var text = CommandLineRun.of("doctor").done();
        for (var expected : new String[] {
            "java: ", "cores: ", "memory: ", "cpu kernels: ", "backends:", "reference: available", "native libraries:"
        }) {
            assertTrue(text.contains(expected), text);
        }
        var json =
                new JsonMapper().readTree(CommandLineRun.of("doctor", "--json").done());
        assertEquals(
                Runtime.getRuntime().availableProcessors(), json.get("cores").asInt());
        assertTrue(json.at("/native libraries/libraries").size() > 0);
    }

    /** A command that ends as it is told. */
    @CommandLine.Command(name = "end")
    record Ending(Callable<Integer> how) implements Command {
        @Override
        public int run(Console console) throws Exception {
            console.log("a line of the log");
            return how.call();
        }
    }

    private static CommandLineRun end(Callable<Integer> how, String... options) {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        var args = Stream.concat(Stream.of("end"), Arrays.stream(options)).toArray(String[]::new);
        var console = new Console(
                new PrintStream(out, true), new PrintStream(err, true, StandardCharsets.UTF_8), false, false, false);
        var root = new Main.Root();
        int code = Main.run(new CommandLine(root).addSubcommand(new Ending(how)), root, args, console);
        return new CommandLineRun(code, out.toString(), err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void exitCodesFollowWhatWentWrong() {
        assertEquals("", end(() -> 0, "--quiet").done());
        assertEquals("a line of the log\n", end(() -> 130).failed(130));
        assertEquals(
                "hesse end: here: broken. Mend it\n",
                end(
                                () -> {
                                    throw new UserException(UserException.Kind.RUNTIME, "here", "broken", "Mend it");
                                },
                                "--quiet")
                        .failed(1));
        assertEquals(
                "hesse end: broken\n",
                end(
                                () -> {
                                    throw new UserException(UserException.Kind.USAGE, "", "broken", "");
                                },
                                "--quiet")
                        .failed(2));
        assertTrue(end(() -> {
                    throw new IOException("No space left on device");
                })
                .failed(1)
                .contains("No space left on device"));
        assertTrue(end(() -> {
                    throw new OutOfMemoryError("Java heap space");
                })
                .failed(1)
                .contains("train.micro_batch"));
        assertTrue(end(() -> {
                    throw new IllegalStateException("oops");
                })
                .failed(1)
                .contains("a defect of Hesse: java.lang.IllegalStateException: oops"));
        assertTrue(end(
                        () -> {
                            throw new IllegalStateException("oops");
                        },
                        "--debug")
                .err()
                .contains("\tat hesse"));
    }
}
