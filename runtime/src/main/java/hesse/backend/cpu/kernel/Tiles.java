package hesse.backend.cpu.kernel;

/** Runs the micro-kernels over packed blocks: one block of rows against a range of column panels, one block of terms at a time. */
final class Tiles {
    private final Lanes lanes;
    private final MicroKernel[] kernels = new MicroKernel[4];
    private final int vectorLength;
    private final int panelWidth;
    private final int tallRows;
    private final int lowRows;

    Tiles(Lanes lanes) {
        this.lanes = lanes;
        vectorLength = lanes.vectorLength();
        panelWidth = lanes.panelWidth();
        tallRows = lanes.tileRows()[0];
        lowRows = lanes.tileRows()[1];
        for (int i = 0; i < 4; i++) kernels[i] = lanes.kernel(i & 1, 1 + (i >> 1));
    }

    /** Elements of a scratch tile. */
    int scratch() {
        return tallRows * panelWidth;
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
     * @param sums partial sums, {@code groups · rows.padded()} rows of {@code sumsStride}
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
            var tall = kernels[2 * vectors - 2];
            var low = kernels[2 * vectors - 1];
            int row = 0;
            for (int i = 0, inGroup = 0; i < groups * rows.count(); i++) {
                boolean isTall = inGroup < rows.tall();
                int height = isTall ? tallRows : lowRows;
                var kernel = isTall ? tall : low;
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
