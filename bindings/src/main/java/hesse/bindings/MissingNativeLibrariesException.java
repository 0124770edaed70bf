package hesse.bindings;

/** Native libraries are missing or unusable; the message names each of them, where it was searched, and the remedy. */
public final class MissingNativeLibrariesException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MissingNativeLibrariesException(String message) {
        super(message);
    }
}
