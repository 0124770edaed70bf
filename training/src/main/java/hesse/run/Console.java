package hesse.run;

import java.io.OutputStream;
import java.io.PrintStream;

/**
 * Where a command writes: results to {@code out}, progress and logs to {@code err}.
 *
 * @param quiet whether progress and logs are left out
 * @param terminal whether {@code err} is a terminal, which then gets a progress bar instead of lines
 * @param colour whether colours may be used
 */
public record Console(PrintStream out, PrintStream err, boolean quiet, boolean terminal, boolean colour) {
    /** Prints a line of the result. */
    public void print(String line) {
        out.println(line);
    }

    /** Prints a line of the log, unless it is to be quiet. */
    public void log(String line) {
        if (!quiet) err.println(line);
    }

    /** The same without a word: for processes of a run that leave the speaking to one of them. */
    public Console mute() {
        var nowhere = new PrintStream(OutputStream.nullOutputStream());
        return new Console(nowhere, nowhere, true, false, false);
    }
}
