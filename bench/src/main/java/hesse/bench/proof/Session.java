package hesse.bench.proof;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.cases.Rounding;
import java.util.List;
import java.util.function.Consumer;

/**
 * What a proof is made of.
 *
 * @param backend its name
 * @param threads on the CPU; 0 means all cores
 * @param roundings the precisions that are tried
 * @param seed that all draws follow from
 * @param full whether benchmarks have the sizes of GPUs; if not, tiny ones that only show that they work
 * @param log receives progress
 */
public record Session(
        String backend, int threads, List<Rounding> roundings, long seed, boolean full, Consumer<String> log) {
    /** Opens the backend in a precision. */
    Backend open(Rounding rounding) {
        return open(rounding, false);
    }

    Backend open(Rounding rounding, boolean autotune) {
        return Backends.open(backend, new BackendOptions(threads, rounding.word(), false, autotune), log);
    }

    /** Whether the work is a GPU's. */
    boolean isCuda() {
        return backend.equals("cuda");
    }
}
