package hesse.backend.cpu.kernel;

/**
 * How a block of rows is cut into tall and low tiles: {@code tall} tiles of the one height, then {@code low} tiles of the other.
 *
 * @param rows rows of the block
 * @param tall number of tall tiles
 * @param low number of low tiles
 * @param padded rows with the empty ones of the last tile
 */
record RowTiles(int rows, int tall, int low, int padded) {
    /** The cut with the fewest empty rows and, among those, the fewest low tiles. */
    static RowTiles of(int rows, int[] heights) {
        int best = -1;
        int bestPadded = Integer.MAX_VALUE;
        for (int low = 0; low * heights[1] < rows + heights[1]; low++) {
            int tall = Math.ceilDiv(Math.max(0, rows - low * heights[1]), heights[0]);
            int padded = tall * heights[0] + low * heights[1];
            if (padded < bestPadded) {
                best = low;
                bestPadded = padded;
            }
        }
        return new RowTiles(rows, (bestPadded - best * heights[1]) / heights[0], best, bestPadded);
    }

    int count() {
        return tall + low;
    }
}
