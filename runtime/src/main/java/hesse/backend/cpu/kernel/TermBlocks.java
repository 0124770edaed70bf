package hesse.backend.cpu.kernel;

/**
 * The order in which a long sum is added, which fixes its bits.
 *
 * <p>The terms of a contraction are cut into blocks of {@link #BLOCK}; each block is summed apart, from zero, one fused multiply-add per
 * term; a chunk of consecutive blocks is added up in order, and the chunks in order after that. The cut depends on the sizes of the
 * contraction alone, never on threads, tiles or lane widths. With K = 131,072 terms a single running sum in float would lose a digit
 * more.
 *
 * @param terms number of terms
 * @param chunks number of chunks, which may be computed at the same time
 * @param chunkTerms terms of every chunk but the last; a multiple of {@link #BLOCK} if there are several
 */
record TermBlocks(int terms, int chunks, int chunkTerms) {
    /** 32 channels of a 3×3 filter; a column panel of this length stays in a 48 KiB first-level cache at 512 bits. */
    static final int BLOCK = 288;

    private static final int MOST_CHUNKS = 16;
    private static final int LEAST_BLOCKS_PER_CHUNK = 4;
    /** Partial sums of all chunks together, at most; with more outputs than that, tiles alone give enough work for all threads. */
    private static final long LARGE_OUTPUT = 1 << 21;

    /** The order for sums of {@code terms} terms, {@code outputs} of them. */
    static TermBlocks of(int terms, long outputs) {
        int blocks = Math.ceilDiv(terms, BLOCK);
        long wanted = Math.min(MOST_CHUNKS, LARGE_OUTPUT / outputs);
        int chunks = Math.clamp(Math.min(wanted, blocks / LEAST_BLOCKS_PER_CHUNK), 1, MOST_CHUNKS);
        if (chunks == 1) return new TermBlocks(terms, 1, terms);
        int chunkTerms = Math.ceilDiv(blocks, chunks) * BLOCK;
        return new TermBlocks(terms, Math.ceilDiv(terms, chunkTerms), chunkTerms);
    }

    int from(int chunk) {
        return chunk * chunkTerms;
    }

    int to(int chunk) {
        return Math.min(terms, (chunk + 1) * chunkTerms);
    }
}
