package hesse.backend;

/**
 * What a user chooses about execution.
 *
 * @param threads worker threads on the CPU; 0 means all cores
 * @param contractions how contraction operands are rounded: {@code f64}, {@code f32}, {@code tf32} or {@code bf16}
 * @param lean trade contractions for memory
 * @param autotune measure alternatives first; the choice may differ between runs
 */
public record BackendOptions(int threads, String contractions, boolean lean, boolean autotune) {
    /** All cores, no rounding beyond the graph's own types. */
    public static BackendOptions defaults() {
        return new BackendOptions(0, "", false, false);
    }

    public BackendOptions withThreads(int n) {
        return new BackendOptions(n, contractions, lean, autotune);
    }
}
