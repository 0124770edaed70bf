package hesse.data;

import hesse.error.UserException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;

/** A data set that cannot be used: missing, truncated or corrupt (exit code 1), or not fitting what is asked of it (2). */
public final class DataException extends UserException {
    private static final long serialVersionUID = 1L;

    private final boolean oneExample;

    private DataException(Kind kind, String where, String what, String remedy, @Nullable Throwable cause) {
        this(kind, where, what, remedy, cause, false);
    }

    private DataException(
            Kind kind, String where, String what, String remedy, @Nullable Throwable cause, boolean oneExample) {
        super(kind, where, what, remedy, cause);
        this.oneExample = oneExample;
    }

    /** One example that cannot be read, so that the others still can be used. */
    static DataException unreadable(String where, String what, @Nullable Throwable cause) {
        return new DataException(
                Kind.RUNTIME,
                where,
                what,
                "Repair or remove it, or pass over such examples with data.unreadable=skip",
                cause,
                true);
    }

    /** Why a file cannot be read, in words and without its name. */
    static String reason(Exception e) {
        return switch (e) {
            case NoSuchFileException gone -> "it is not there";
            case AccessDeniedException denied -> "permission denied";
            case FileSystemException f -> f.getReason() != null ? f.getReason() : f.toString();
            default -> String.valueOf(e.getMessage());
        };
    }

    /** Whether it is about one example, so that the others can still be used. */
    boolean oneExample() {
        return oneExample;
    }

    /** Files that are missing, truncated or corrupt. */
    public static DataException broken(String where, String what, String remedy) {
        return new DataException(Kind.RUNTIME, where, what, remedy, null);
    }

    /** As {@link #broken(String, String, String)}, with a cause. */
    public static DataException broken(String where, String what, String remedy, Throwable cause) {
        return new DataException(Kind.RUNTIME, where, what, remedy, cause);
    }

    /** Data that do not fit the configuration. */
    public static DataException misfit(String where, String what, String remedy) {
        return new DataException(Kind.USAGE, where, what, remedy, null);
    }
}
