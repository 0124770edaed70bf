package hesse.backend;

import hesse.collective.Ranks;

/**
 * What a user chooses about execution.
 *
 * @param threads worker threads on the CPU; 0 means all cores
 * @param contractions how contraction operands are rounded: {@code f64}, {@code f32}, {@code tf32} or {@code bf16}
 * @param lean trade contractions for memory
 * @param autotune measure alternatives first; the choice may differ between runs
 * @param ranks the processes that sums over ranks run over
 */
public record BackendOptions(int threads, String contractions, boolean lean, boolean autotune, Ranks ranks) {
    /** In a process by itself. */
    public BackendOptions(int threads, String contractions, boolean lean, boolean autotune) {
        this(threads, contractions, lean, autotune, Ranks.alone());
    }

    /** All cores, no rounding beyond the graph's own types. */
    public static BackendOptions defaults() {
        return new BackendOptions(0, "", false, false);
    }

    public BackendOptions withThreads(int n) {
        return new BackendOptions(n, contractions, lean, autotune, ranks);
    }
}
