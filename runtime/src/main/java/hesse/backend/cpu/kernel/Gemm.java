package hesse.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Matrix products {@code C = α · op(A) · op(B) (+ C)} of one shape, over tensors in native memory.
 *
 * <p>Both operands are packed into heap panels, block by block, and multiplied by the {@link MicroKernel micro-kernels}. Work is cut
 * into blocks of C (and, for long sums with few outputs, into chunks of terms); each sum is added in the order of {@link TermBlocks},
 * so the bits are the same for any number of threads, lane width and tile.
 */
public final class Gemm implements Contraction {
    private static final int LEAST_FULL_ROWS = 120;
    /** Packed rows take this part of the second-level cache, which also holds packed columns and partial sums. */
    private static final int ROWS_OF_CACHE = 4;

    private static final int BYTES_OF_COLUMNS = 1024;
    private static final long WORTHWHILE_TASK = 500_000;
    private static final int MOST_TASKS = 32;
    private static final int TASKS_PER_CORE = 4;
    private static final int PANELS_PER_TASK = 2;
    /** Elements up to which packed rows are kept whole. */
    private static final int MOST_SHARED_ROWS = 1 << 23;

    private final GemmShape shape;
    private final Lanes lanes;
    private final Tiles tiles;
    private final TermBlocks blocks;
    private final int panelWidth;
    private final int rowBlock;
    private final int columnBlock;
    private final int rowBlocks;
    private final int columnBlocks;
    private final RowTiles fullRows;
    private final RowTiles lastRows;
    private final int sumsStride;
    private final int sumsSize;
    /** Whether all columns are packed before, for all tasks; if not, each task packs its own. */
    private final boolean sharedPanels;
    /** The same of rows. */
    private final boolean sharedRows;

    private final int sharedRowsAt;
    private final int rowsSize;
    private final int termBlocks;
    private final int columnPanels;
    /** Where each thread keeps its row block, scratch tile and column block, after the partial sums. */
    private final int rowsAt;

    private final int scratchAt;
    private final int columnsAt;
    private final int partialsAt;
    private final Workspace.Need need;
    private final WorkerPool.Task packTask = this::pack;
    private final WorkerPool.Task multiplyTask = this::multiply;
    private final WorkerPool.Task sumTask = this::sumChunks;

    private MemorySegment a = MemorySegment.NULL;
    private MemorySegment b = MemorySegment.NULL;
    private MemorySegment c = MemorySegment.NULL;
    private long aAt;
    private long bAt;
    private long cAt;
    private double alpha;
    private boolean accumulate;
    private Workspace workspace = new Workspace(0);

    /** The product of {@code shape} by the kernels of this process. */
    public Gemm(GemmShape shape) {
        this(shape, KernelProvider.get(), Machine.here());
    }

    Gemm(GemmShape shape, KernelProvider provider, Machine machine) {
        this.shape = shape;
        lanes = provider.lanes(shape.dtype());
        int[] tileRows = lanes.tileRows();
        panelWidth = lanes.panelWidth();
        blocks = TermBlocks.of(shape.k(), (long) shape.m() * shape.n());

        int bytes = shape.dtype().bytes();
        int mostColumns = Math.max(BYTES_OF_COLUMNS / bytes, panelWidth);
        long cached = machine.secondLevelCache() / ROWS_OF_CACHE / ((long) TermBlocks.BLOCK * bytes);
        int mostRows = Math.max(LEAST_FULL_ROWS, (int) cached / tileRows[0] * tileRows[0]);
        int rows = Math.ceilDiv(shape.m(), Math.ceilDiv(shape.m(), mostRows));
        int columns = Math.ceilDiv(shape.n(), Math.ceilDiv(shape.n(), mostColumns));
        columns = Math.ceilDiv(columns, panelWidth) * panelWidth;
        long wanted = Math.clamp(
                shape.multiplyAdds() / WORTHWHILE_TASK, 1, Math.min(MOST_TASKS, TASKS_PER_CORE * machine.cores()));
        // Wide blocks amortise the packing of rows, tall ones the reading of panels.
        while ((long) shape.batch() * blocks.chunks() * Math.ceilDiv(shape.m(), rows) * Math.ceilDiv(shape.n(), columns)
                < wanted) {
            if (columns > 2 * panelWidth && columns > 4 * rows) {
                columns = Math.ceilDiv(columns, 2 * panelWidth) * panelWidth;
            } else if (rows > 2 * tileRows[0]) {
                rows = Math.ceilDiv(rows, 2 * tileRows[1]) * tileRows[1];
            } else if (columns > 2 * panelWidth) {
                columns = Math.ceilDiv(columns, 2 * panelWidth) * panelWidth;
            } else {
                break;
            }
        }
        rowBlock = rows;
        columnBlock = columns;
        rowBlocks = Math.ceilDiv(shape.m(), rows);
        columnBlocks = Math.ceilDiv(shape.n(), columns);
        columnPanels = Math.ceilDiv(shape.n(), panelWidth);
        fullRows = RowTiles.of(rowBlock, tileRows);
        lastRows = RowTiles.of(shape.m() - (rowBlocks - 1) * rowBlock, tileRows);
        tiles = new Tiles(lanes, fullRows, lastRows);
        sumsStride = tiles.paddedColumns(Math.min(columnBlock, shape.n()));
        sumsSize = rowBlock * sumsStride;
        sharedPanels = shape.batch() == 1 && rowBlocks > 1;

        int terms = Math.min(TermBlocks.BLOCK, shape.k());
        // Packing copies whole vectors and may write past a panel's end by less than one.
        int slack = lanes.vectorLength();
        boolean chunked = blocks.chunks() > 1;
        rowsAt = chunked ? 0 : sumsSize + slack;
        rowsSize = rowBlock * terms + slack;
        termBlocks = Math.ceilDiv(shape.k(), TermBlocks.BLOCK);
        sharedRows = sharedPanels && columnBlocks > 1 && (long) rowBlocks * termBlocks * rowsSize <= MOST_SHARED_ROWS;
        scratchAt = rowsAt + (sharedRows ? 0 : rowsSize);
        columnsAt = scratchAt + tiles.scratch() + slack;
        long local = columnsAt + (sharedPanels ? 0 : (long) columnBlock * terms + slack);
        long packedColumns = sharedPanels ? (long) columnPanels * panelWidth * shape.k() + slack : 0;
        long packed = packedColumns + (sharedRows ? (long) rowBlocks * termBlocks * rowsSize : 0);
        long partials = chunked ? (long) shape.batch() * blocks.chunks() * rowBlocks * columnBlocks * sumsSize : 0;
        sharedRowsAt = (int) packedColumns;
        need = new Workspace.Need(shape.dtype(), packed + partials, local);
        partialsAt = (int) packed;
    }

    public GemmShape shape() {
        return shape;
    }

    @Override
    public long multiplyAdds() {
        return shape.multiplyAdds();
    }

    @Override
    public Workspace.Need need() {
        return need;
    }

    @Override
    public void run(
            WorkerPool pool,
            Workspace workspace,
            MemorySegment a,
            long aAt,
            MemorySegment b,
            long bAt,
            MemorySegment c,
            long cAt,
            double alpha,
            boolean accumulate) {
        this.workspace = workspace;
        this.a = a;
        this.b = b;
        this.c = c;
        this.aAt = aAt;
        this.bAt = bAt;
        this.cAt = cAt;
        this.alpha = alpha;
        this.accumulate = accumulate;
        if (sharedPanels) {
            int rowTasks = sharedRows ? rowBlocks * termBlocks : 0;
            pool.run(Math.ceilDiv(columnPanels, PANELS_PER_TASK) + rowTasks, packTask);
        }
        pool.run(shape.batch() * blocks.chunks() * rowBlocks * columnBlocks, multiplyTask);
        if (blocks.chunks() > 1) pool.run(shape.batch() * rowBlocks * columnBlocks, sumTask);
    }

    private void pack(int task, int worker) {
        var shared = workspace.shared(shape.dtype());
        int columnTasks = Math.ceilDiv(columnPanels, PANELS_PER_TASK);
        if (task < columnTasks) {
            int to = Math.min(columnPanels, (task + 1) * PANELS_PER_TASK);
            for (int panel = task * PANELS_PER_TASK; panel < to; panel++) {
                packColumns(bAt, panel * panelWidth, 0, shape.k(), shared, panel * panelWidth * shape.k());
            }
        } else {
            int unit = task - columnTasks;
            int rowIndex = unit / termBlocks;
            int term = unit % termBlocks * TermBlocks.BLOCK;
            int terms = Math.min(TermBlocks.BLOCK, shape.k() - term);
            packRows(rowTiles(rowIndex), aAt, rowIndex * rowBlock, term, terms, shared, sharedRowsAt + unit * rowsSize);
        }
    }

    private RowTiles rowTiles(int rowIndex) {
        return rowIndex < rowBlocks - 1 ? fullRows : lastRows;
    }

    private void packColumns(long matrix, int column, int term, int terms, Object target, int at) {
        int width = Math.min(panelWidth, shape.n() - column);
        if (width < panelWidth) lanes.zero(target, at + width, panelWidth, terms, panelWidth - width);
        if (shape.transposeB()) {
            long from = matrix + column * shape.ldb() + term;
            lanes.transpose(b, from, shape.ldb(), terms, width, target, at, panelWidth);
        } else {
            lanes.copy(b, matrix + term * shape.ldb() + column, shape.ldb(), terms, width, target, at, panelWidth);
        }
    }

    private void packRows(RowTiles rows, long matrix, int row, int term, int terms, Object target, int at) {
        int tileRow = 0;
        for (int i = 0; i < rows.count(); i++) {
            int height = rows.height(i);
            int to = at + tileRow * terms;
            if (shape.transposeA()) {
                long from = matrix + term * shape.lda() + row + tileRow;
                lanes.copyLoosely(a, from, shape.lda(), terms, height, target, to, height);
            } else {
                int firstRow = row + tileRow;
                long from = matrix + firstRow * shape.lda() + term;
                lanes.transposeLoosely(a, from, shape.lda(), terms, height, shape.m() - firstRow, target, to);
            }
            tileRow += height;
        }
    }

    private void multiply(int task, int worker) {
        int columnIndex = task % columnBlocks;
        int rowIndex = task / columnBlocks % rowBlocks;
        int chunk = task / (columnBlocks * rowBlocks) % blocks.chunks();
        int product = task / (columnBlocks * rowBlocks * blocks.chunks());
        int row = rowIndex * rowBlock;
        int column = columnIndex * columnBlock;
        int columns = Math.min(columnBlock, shape.n() - column);
        var rows = rowTiles(rowIndex);
        var local = workspace.local(shape.dtype(), worker);
        var shared = workspace.shared(shape.dtype());
        boolean chunked = blocks.chunks() > 1;
        var sums = chunked ? shared : local;
        int sumsAt = chunked ? partial(product, chunk, rowIndex, columnIndex) : 0;
        long matrixA = aAt + product * shape.strideA();
        long matrixB = bAt + product * shape.strideB();
        int end = blocks.to(chunk);
        for (int term = blocks.from(chunk); term < end; term += TermBlocks.BLOCK) {
            int terms = Math.min(TermBlocks.BLOCK, end - term);
            if (!sharedRows) packRows(rows, matrixA, row, term, terms, local, rowsAt);
            if (!sharedPanels) {
                for (int j = 0; j < columns; j += panelWidth) {
                    packColumns(matrixB, column + j, term, terms, local, columnsAt + j * terms);
                }
            }
            tiles.multiply(
                    rows,
                    1,
                    sharedRows ? shared : local,
                    sharedRows ? sharedRowsAt + (rowIndex * termBlocks + term / TermBlocks.BLOCK) * rowsSize : rowsAt,
                    sharedPanels ? shared : local,
                    sharedPanels ? column * shape.k() + term * panelWidth : columnsAt,
                    panelWidth * (sharedPanels ? shape.k() : terms),
                    terms,
                    columns,
                    sums,
                    sumsAt,
                    sumsStride,
                    term == blocks.from(chunk),
                    local,
                    scratchAt);
        }
        if (!chunked) writeOut(product, row, column, rows.rows(), columns, sums, sumsAt);
    }

    private int partial(int product, int chunk, int rowIndex, int columnIndex) {
        return partialsAt
                + (((product * blocks.chunks() + chunk) * rowBlocks + rowIndex) * columnBlocks + columnIndex)
                        * sumsSize;
    }

    private void sumChunks(int task, int worker) {
        int columnIndex = task % columnBlocks;
        int rowIndex = task / columnBlocks % rowBlocks;
        int product = task / (columnBlocks * rowBlocks);
        int rows = rowTiles(rowIndex).rows();
        int column = columnIndex * columnBlock;
        int columns = Math.min(columnBlock, shape.n() - column);
        var partials = workspace.shared(shape.dtype());
        int total = partial(product, 0, rowIndex, columnIndex);
        for (int chunk = 1; chunk < blocks.chunks(); chunk++) {
            int from = partial(product, chunk, rowIndex, columnIndex);
            lanes.add(partials, from, sumsStride, partials, total, sumsStride, rows, tiles.paddedColumns(columns));
        }
        writeOut(product, rowIndex * rowBlock, column, rows, columns, partials, total);
    }

    private void writeOut(int product, int row, int column, int rows, int columns, Object sums, int sumsAt) {
        long to = cAt + product * shape.strideC() + row * shape.ldc() + column;
        lanes.write(sums, sumsAt, sumsStride, c, to, shape.ldc(), rows, columns, alpha, accumulate);
    }
}
