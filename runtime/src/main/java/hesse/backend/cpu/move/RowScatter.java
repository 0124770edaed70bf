package hesse.backend.cpu.move;

import hesse.tensor.DType;

/** Rows added up at indices, each table row by one task, in order of the indices. */
final class RowScatter extends Move {
    private static final int TASKS = 16;

    private final DType dtype;
    private final DType indices;
    private final int tableRows;
    private final int rowElements;
    private final int count;

    RowScatter(DType dtype, DType indices, int tableRows, int rowElements, int count) {
        this.dtype = dtype;
        this.indices = indices;
        this.tableRows = tableRows;
        this.rowElements = rowElements;
        this.count = count;
    }

    @Override
    int tasks() {
        return Math.min(TASKS, tableRows);
    }

    @Override
    public void run(int task, int worker) {
        int first = (int) ((long) tableRows * task / tasks());
        int end = (int) ((long) tableRows * (task + 1) / tasks());
        long rowBytes = (long) rowElements * dtype.bytes();
        zero(to() + first * rowBytes, (end - first) * rowBytes);
        for (int i = 0; i < count; i++) {
            int row = index(indices, from(1), i);
            checkIndex(row, tableRows, "scatter-add");
            if (row < first || row >= end) continue;
            add(dtype, from(0) + i * rowBytes, to() + row * rowBytes, rowElements);
        }
    }
}
