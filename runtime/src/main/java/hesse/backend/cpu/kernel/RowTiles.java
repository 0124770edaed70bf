package hesse.backend.cpu.kernel;

/**
 * How a block of rows is cut into tiles of two heights, without a rest: first {@code tall} tiles of the one, then {@code low} tiles of
 * the other.
 *
 * @param rows rows of the block
 * @param tall number of tall tiles
 * @param low number of low tiles
 */
record RowTiles(int rows, int tall, int low, int tallHeight, int lowHeight) {
    /**
     * The cut into the preferred heights with the fewest low tiles; where these leave a rest, into as few tiles as can be, of nearly equal
     * heights.
     *
     * @param preferred a tall and a low height, which most blocks are made of so that few kernels have to be compiled
     */
    static RowTiles of(int rows, int[] preferred) {
        for (int low = 0; low * preferred[1] <= rows; low++) {
            int rest = rows - low * preferred[1];
            if (rest % preferred[0] == 0)
                return new RowTiles(rows, rest / preferred[0], low, preferred[0], preferred[1]);
        }
        int count = Math.ceilDiv(rows, preferred[0]);
        int height = Math.ceilDiv(rows, count);
        int low = count * height - rows;
        return new RowTiles(rows, count - low, low, height, Math.max(1, height - 1));
    }

    int count() {
        return tall + low;
    }

    int height(int tile) {
        return tile < tall ? tallHeight : lowHeight;
    }
}
