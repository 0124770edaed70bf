package hesse.data;

import hesse.error.UserException;
import org.jspecify.annotations.Nullable;

/** A data set that cannot be used: missing, truncated or corrupt (exit code 1), or not fitting what is asked of it (2). */
public final class DataException extends UserException {
    private static final long serialVersionUID = 1L;

    private DataException(Kind kind, String where, String what, String remedy, @Nullable Throwable cause) {
        super(kind, where, what, remedy, cause);
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
