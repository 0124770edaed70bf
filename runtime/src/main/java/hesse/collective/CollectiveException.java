package hesse.collective;

/** An exchange among ranks failed. */
public final class CollectiveException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public CollectiveException(String message) {
        super(message);
    }

    public CollectiveException(String message, Throwable cause) {
        super(message, cause);
    }
}
