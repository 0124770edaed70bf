package hesse.backend.cpu.kernel;

/**
 * The innermost loop of every contraction: {@code c[i][j] = Σ_k a[k][i] · b[k][j]} for a tile of a fixed number of rows and vectors.
 * The sum starts at zero and runs over {@code k} in order, one fused multiply-add per term, so a tile's bits do not depend on its size.
 */
@FunctionalInterface
public interface MicroKernel {
    /**
     * Computes one tile. Arrays are {@code float[]} or {@code double[]}.
     *
     * @param a the row side; term k of row i lies at {@code ao + k·rows + i}
     * @param b the column side; term k begins at {@code bo + k·(panel width)}
     * @param terms the number of terms
     * @param c receives the tile, row i at {@code co + i·ldc}
     */
    void run(Object a, int ao, Object b, int bo, int terms, Object c, int co, int ldc);
}
