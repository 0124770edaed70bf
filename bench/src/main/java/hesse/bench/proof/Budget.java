package hesse.bench.proof;

/** Time that a piece of work may take; what is begun within it is finished. */
public final class Budget {
    private final long end;

    private Budget(long end) {
        this.end = end;
    }

    /** From now on. */
    public static Budget ofSeconds(double seconds) {
        return new Budget(System.nanoTime() + (long) (seconds * 1e9));
    }

    /** Whether it is used up. */
    public boolean isOver() {
        return System.nanoTime() >= end;
    }
}
