package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** What a command line printed and how it ended. */
record CommandLineRun(int code, String out, String err) {
    /** Runs {@code hesse} with these arguments in this process. */
    static CommandLineRun of(String... args) {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        int code = Main.run(
                args,
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
        return new CommandLineRun(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** Asserts that it ended well, and silently but for the result; returns the result. */
    String done() {
        assertEquals(0, code, err);
        assertEquals("", err);
        return out;
    }

    /** Asserts that it ended with this code, no result and one paragraph; returns the paragraph. */
    String failed(int expected) {
        assertEquals(expected, code, err);
        assertEquals("", out);
        assertEquals(-1, err.indexOf("\n\n"), err);
        assertEquals(-1, err.indexOf("\tat "), err);
        return err;
    }
}
