package hesse.error;

import org.jspecify.annotations.Nullable;

/**
 * A failure that its user can do something about: what happened, where, and the remedy, one paragraph in all. The command line prints
 * the message and ends with {@link #exitCode()}; every other exception counts as a defect of the program.
 */
public class UserException extends RuntimeException {
    /** Who has to act, which decides the exit code of the command. */
    public enum Kind {
        /** A command line, a configuration, or files that do not fit it: found before anything ran. Exit code 2. */
        USAGE(2),
        /** Met while running: a missing or corrupt file, memory, a device, a non-finite loss. Exit code 1. */
        RUNTIME(1);

        private final int exitCode;

        Kind(int exitCode) {
            this.exitCode = exitCode;
        }
    }

    private final Kind kind;

    /**
     * @param where the file, key or node at fault; empty when there is none
     * @param what the fact, with the numbers that matter
     * @param remedy what to do about it; empty when nothing can be said
     */
    public UserException(Kind kind, String where, String what, String remedy, @Nullable Throwable cause) {
        super(paragraph(where, what, remedy), cause);
        this.kind = kind;
    }

    public UserException(Kind kind, String where, String what, String remedy) {
        this(kind, where, what, remedy, null);
    }

    public Kind kind() {
        return kind;
    }

    /** The exit code of a command that ends with this: 1 or 2. */
    public int exitCode() {
        return kind.exitCode;
    }

    private static String paragraph(String where, String what, String remedy) {
        var text = new StringBuilder();
        // names out of archives and folders may hold anything, commands to the terminal too
        if (!where.isEmpty()) text.append(where.replaceAll("\\p{Cntrl}", "?")).append(": ");
        text.append(what.replaceAll("[\\p{Cntrl}&&[^\n\t]]", "?"));
        if (!remedy.isEmpty())
            text.append(text.charAt(text.length() - 1) == '.' ? " " : ". ").append(remedy);
        return text.toString();
    }
}
