package hesse.backend;

/** A way to a backend, found through the service loader. */
public interface BackendProvider {
    /** The name by which users choose it. */
    String name();

    /** Larger is preferred by {@code auto}; negative is never chosen by it. */
    int priority();

    /** Whether {@link #open} would work here, without touching the device more than needed to know. */
    Availability availability();

    /**
     * @throws hesse.error.UserException when it is not available, saying why and what to do
     */
    Backend open(BackendOptions options);

    /** @param reason empty when available, else one line */
    record Availability(boolean available, String reason) {
        public static final Availability YES = new Availability(true, "");

        public static Availability no(String reason) {
            return new Availability(false, reason);
        }
    }
}
