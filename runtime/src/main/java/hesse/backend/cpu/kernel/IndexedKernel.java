package hesse.backend.cpu.kernel;

/**
 * A {@link MicroKernel} whose row side is read where it lies, not from a packed panel: {@code c[i][j] = Σ_k a[at(k) + i·step] · b[k][j]},
 * with the places of the terms in an index and a step that is fixed for the kernel. Same order of the sum.
 */
@FunctionalInterface
interface IndexedKernel {
    /**
     * Computes one tile. Arrays are {@code float[]} or {@code double[]}.
     *
     * @param a the row side; term k of row i lies at {@code ao + index[first + k] + i·step}
     * @param b the column side; term k begins at {@code bo + k·(panel width)}
     * @param terms the number of terms
     * @param c receives the tile, row i at {@code co + i·ldc}
     */
    void run(Object a, int ao, int[] index, int first, Object b, int bo, int terms, Object c, int co, int ldc);
}
