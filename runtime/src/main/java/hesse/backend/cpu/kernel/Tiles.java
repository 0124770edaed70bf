package hesse.backend.cpu.kernel;

/** Runs the micro-kernels over packed blocks: one block of rows against a range of column panels, one block of terms at a time. */
final class Tiles {
    private final Lanes lanes;
    private final MicroKernel[][] kernels;
    private final int vectorLength;
    private final int panelWidth;
    private final int mostRows;

    /**
     * @param cuts the cuts of rows that will be multiplied
     */
    Tiles(Lanes lanes, RowTiles... cuts) {
        this.lanes = lanes;
        vectorLength = lanes.vectorLength();
        panelWidth = lanes.panelWidth();
        mostRows = lanes.tileRows()[0];
        kernels = new MicroKernel[mostRows + 1][2];
        for (var cut : cuts) {
            for (int height : new int[] {cut.tallHeight(), cut.lowHeight()}) {
                for (int v = 0; v < 2; v++) kernels[height][v] = lanes.kernel(height, v + 1);
            }
        }
    }

    /** Elements of a scratch tile. */
    int scratch() {
        return mostRows * panelWidth;
    }

    /** Columns as the partial sums store them: padded to whole vectors. */
    int paddedColumns(int columns) {
        return Math.ceilDiv(columns, vectorLength) * vectorLength;
    }

    /**
     * Adds (or, at first, stores) the products of {@code terms} terms to partial sums.
     *
     * @param rows the cut of one group of rows
     * @param groups number of such groups, one behind the other in {@code a} and in the sums
     * @param a row panels, tile after tile, each {@code terms} × its height
     * @param b column panels, {@code panelStride} elements apart, beginning at {@code bo}
     * @param sums partial sums, {@code groups · rows.rows()} rows of {@code sumsStride}
     * @param first whether this is the first block of terms
     */
    void multiply(
            RowTiles rows,
            int groups,
            Object a,
            int ao,
            Object b,
            int bo,
            int panelStride,
            int terms,
            int columns,
            Object sums,
            int so,
            int sumsStride,
            boolean first,
            Object scratch,
            int scratchOffset) {
        for (int j = 0; j < columns; j += panelWidth, bo += panelStride) {
            int vectors = columns - j > vectorLength ? 2 : 1;
            int row = 0;
            for (int i = 0, inGroup = 0; i < groups * rows.count(); i++) {
                int height = rows.height(inGroup);
                var kernel = kernels[height][vectors - 1];
                int at = so + row * sumsStride + j;
                if (first) {
                    kernel.run(a, ao + row * terms, b, bo, terms, sums, at, sumsStride);
                } else {
                    kernel.run(a, ao + row * terms, b, bo, terms, scratch, scratchOffset, panelWidth);
                    lanes.add(scratch, scratchOffset, panelWidth, sums, at, sumsStride, height, vectors * vectorLength);
                }
                row += height;
                inGroup = inGroup + 1 == rows.count() ? 0 : inGroup + 1;
            }
        }
    }
}
