package hesse.plan;

/**
 * One rank's part of the examples of a batch: consecutive ones, as many as the others' give or take one.
 *
 * @param from the first of them
 * @param count how many
 * @param of the whole batch
 */
public record Rows(int from, int count, int of) {
    /**
     * The part of rank {@code rank} of {@code size}.
     *
     * @throws IllegalArgumentException if there are fewer examples than ranks
     */
    public static Rows of(int batch, int rank, int size) {
        if (batch < size) {
            throw new IllegalArgumentException(
                    "a batch of " + batch + " examples has none for some of " + size + " ranks");
        }
        int from = start(batch, rank, size);
        return new Rows(from, start(batch, rank + 1, size) - from, batch);
    }

    private static int start(int batch, int rank, int size) {
        return Math.toIntExact((long) batch * rank / size);
    }

    /** The extent of an axis that holds the same number of entries for each example. */
    int local(int extent) {
        return extent / of * count;
    }

    /** Where this rank's entries of such an axis begin. */
    int start(int extent) {
        return extent / of * from;
    }
}
