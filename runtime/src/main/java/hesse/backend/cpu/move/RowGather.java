package hesse.backend.cpu.move;

import hesse.tensor.DType;

/** Rows of a table at indices. */
final class RowGather extends Move {
    private static final int ROWS = 64;

    private final DType indices;
    private final int tableRows;
    private final long rowBytes;
    private final int count;

    RowGather(DType indices, int tableRows, long rowBytes, int count) {
        this.indices = indices;
        this.tableRows = tableRows;
        this.rowBytes = rowBytes;
        this.count = count;
    }

    @Override
    int tasks() {
        return Math.ceilDiv(count, ROWS);
    }

    @Override
    public void run(int task, int worker) {
        for (int i = task * ROWS, end = Math.min(count, i + ROWS); i < end; i++) {
            int row = index(indices, from(1), i);
            checkIndex(row, tableRows, "gather");
            copy(from(0) + row * rowBytes, to() + i * rowBytes, rowBytes);
        }
    }
}
