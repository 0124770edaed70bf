package hesse.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;

/**
 * The filter gradient of a convolution: {@code out[k,r,s,c] = Σ_p cotangent[p,k] · image[p at (r,s), c]} over all output pixels p.
 *
 * <p>A task takes a chunk of pixels and a range of the columns (r, s, c). For every block of pixels it packs the cotangents once, and
 * then one panel of columns after the other, straight from the images: consecutive pixels of an output row are equally spaced rows of
 * the image, so a panel is a handful of strided copies and is multiplied while it lies in the first-level cache.
 */
final class FilterGradient implements Contraction {
    private static final int SUMS = 1 << 17;
    private static final int MOST_TASKS = 24;
    /** Elements up to which packed cotangents are kept whole, for all column blocks. */
    private static final int MOST_SHARED_ROWS = 1 << 22;

    private static final long WORTHWHILE_TASK = 500_000;

    private final ConvShape shape;
    private final Lanes lanes;
    private final Tiles tiles;
    private final int panelWidth;
    private final int rows;
    private final int columns;
    private final TermBlocks blocks;
    private final int rowBlock;
    private final int rowBlocks;
    private final int columnBlock;
    private final int columnBlocks;
    private final RowTiles fullRows;
    private final RowTiles lastRows;
    private final int sumsStride;
    private final int sumsSize;
    private final boolean sharedRows;
    private final int sharedRowsAt;
    private final int rowsSize;
    private final int termBlocks;
    private final int rowsAt;
    private final int panelAt;
    private final int scratchAt;
    private final Workspace.Need need;
    private final WorkerPool.Task packTask = this::pack;
    private final WorkerPool.Task multiplyTask = this::multiply;
    private final WorkerPool.Task sumTask = this::sumChunks;

    private Workspace workspace = new Workspace(0);
    private MemorySegment images = MemorySegment.NULL;
    private MemorySegment cotangents = MemorySegment.NULL;
    private MemorySegment target = MemorySegment.NULL;
    private long imagesAt;
    private long cotangentsAt;
    private long targetAt;
    private double alpha;
    private boolean accumulate;

    FilterGradient(ConvShape shape, KernelProvider provider) {
        this.shape = shape;
        lanes = provider.lanes(shape.dtype());
        int[] tileRows = lanes.tileRows();
        panelWidth = lanes.panelWidth();
        rows = shape.groupFilters();
        columns = shape.kernelHeight() * shape.kernelWidth() * shape.groupChannels();
        int pixels = Math.multiplyExact(shape.images(), shape.outputHeight() * shape.outputWidth());
        blocks = TermBlocks.of(pixels, (long) shape.filters() * columns);

        int mostRows = 1024;
        rowBlock = Math.ceilDiv(rows, Math.ceilDiv(rows, mostRows));
        rowBlocks = Math.ceilDiv(rows, rowBlock);
        fullRows = RowTiles.of(rowBlock, tileRows);
        lastRows = RowTiles.of(rows - (rowBlocks - 1) * rowBlock, tileRows);
        tiles = new Tiles(lanes, fullRows, lastRows);
        int width = Math.max(panelWidth, SUMS / rowBlock / panelWidth * panelWidth);
        width = Math.ceilDiv(Math.ceilDiv(columns, Math.ceilDiv(columns, width)), panelWidth) * panelWidth;
        long wanted = Math.clamp(multiplyAdds() / WORTHWHILE_TASK, 1, MOST_TASKS);
        long fixed = (long) shape.groups() * blocks.chunks() * rowBlocks;
        while (fixed * Math.ceilDiv(columns, width) < wanted && width > 2 * panelWidth) {
            width = Math.ceilDiv(width, 2 * panelWidth) * panelWidth;
        }
        columnBlock = width;
        columnBlocks = Math.ceilDiv(columns, columnBlock);
        sumsStride = tiles.paddedColumns(Math.min(columns, columnBlock));
        sumsSize = rowBlock * sumsStride;

        boolean chunked = blocks.chunks() > 1;
        int terms = Math.min(TermBlocks.BLOCK, pixels);
        int slack = lanes.vectorLength();
        rowsSize = rowBlock * terms + slack;
        termBlocks = Math.ceilDiv(pixels, TermBlocks.BLOCK);
        long packed = (long) shape.groups() * rowBlocks * termBlocks * rowsSize;
        sharedRows = columnBlocks > 1 && packed <= MOST_SHARED_ROWS;
        long partials = chunked ? (long) shape.groups() * blocks.chunks() * rowBlocks * columnBlocks * sumsSize : 0;
        sharedRowsAt = (int) Math.min(partials, Integer.MAX_VALUE);
        rowsAt = chunked ? 0 : sumsSize;
        panelAt = rowsAt + (sharedRows ? 0 : rowsSize);
        scratchAt = panelAt + panelWidth * terms + slack;
        need = new Workspace.Need(
                shape.dtype(), partials + (sharedRows ? packed : 0), (long) scratchAt + tiles.scratch());
    }

    @Override
    public Workspace.Need need() {
        return need;
    }

    @Override
    public long multiplyAdds() {
        return shape.multiplyAdds();
    }

    @Override
    public void run(
            WorkerPool pool,
            Workspace workspace,
            MemorySegment a,
            long aAt,
            MemorySegment b,
            long bAt,
            MemorySegment out,
            long outAt,
            double alpha,
            boolean accumulate) {
        this.workspace = workspace;
        images = a;
        cotangents = b;
        target = out;
        imagesAt = aAt;
        cotangentsAt = bAt;
        targetAt = outAt;
        this.alpha = alpha;
        this.accumulate = accumulate;
        if (sharedRows) pool.run(shape.groups() * rowBlocks * termBlocks, packTask);
        pool.run(shape.groups() * blocks.chunks() * rowBlocks * columnBlocks, multiplyTask);
        if (blocks.chunks() > 1) pool.run(shape.groups() * rowBlocks * columnBlocks, sumTask);
    }

    private void pack(int task, int worker) {
        int term = task % termBlocks * TermBlocks.BLOCK;
        int rowIndex = task / termBlocks % rowBlocks;
        int terms = Math.min(TermBlocks.BLOCK, blocks.terms() - term);
        var target = workspace.shared(shape.dtype());
        packRows(task / (termBlocks * rowBlocks), rowIndex, term, terms, target, sharedRowsAt + task * rowsSize);
    }

    private RowTiles rowTiles(int rowIndex) {
        return rowIndex < rowBlocks - 1 ? fullRows : lastRows;
    }

    private void multiply(int task, int worker) {
        int columnIndex = task % columnBlocks;
        int rowIndex = task / columnBlocks % rowBlocks;
        int chunk = task / (columnBlocks * rowBlocks) % blocks.chunks();
        int group = task / (columnBlocks * rowBlocks * blocks.chunks());
        var rowTiles = rowTiles(rowIndex);
        var local = workspace.local(shape.dtype(), worker);
        var shared = workspace.shared(shape.dtype());
        boolean chunked = blocks.chunks() > 1;
        var sums = chunked ? shared : local;
        int sumsAt = chunked ? partial(group, chunk, rowIndex, columnIndex) : 0;
        int firstColumn = columnIndex * columnBlock;
        int endColumn = Math.min(columns, firstColumn + columnBlock);
        for (int term = blocks.from(chunk); term < blocks.to(chunk); term += TermBlocks.BLOCK) {
            int terms = Math.min(TermBlocks.BLOCK, blocks.to(chunk) - term);
            if (!sharedRows) packRows(group, rowIndex, term, terms, local, rowsAt);
            int unit = (group * rowBlocks + rowIndex) * termBlocks + term / TermBlocks.BLOCK;
            int packedAt = sharedRows ? sharedRowsAt + unit * rowsSize : rowsAt;
            boolean first = term == blocks.from(chunk);
            for (int column = firstColumn; column < endColumn; column += panelWidth) {
                int width = Math.min(panelWidth, endColumn - column);
                packColumns(group, column, width, term, terms, local);
                tiles.multiply(
                        rowTiles,
                        1,
                        sharedRows ? shared : local,
                        packedAt,
                        local,
                        panelAt,
                        0,
                        terms,
                        width,
                        sums,
                        sumsAt + column - firstColumn,
                        sumsStride,
                        first,
                        local,
                        scratchAt);
            }
        }
        if (!chunked) writeOut(group, rowIndex, columnIndex, sums, sumsAt);
    }

    private void packRows(int group, int rowIndex, int term, int terms, Object target, int at) {
        var rowTiles = rowTiles(rowIndex);
        int tileRow = 0;
        long from = cotangentsAt + (long) term * shape.filters() + (long) group * rows + (long) rowIndex * rowBlock;
        for (int i = 0; i < rowTiles.count(); i++) {
            int height = rowTiles.height(i);
            int to = at + tileRow * terms;
            lanes.copyLoosely(cotangents, from + tileRow, shape.filters(), terms, height, target, to, height);
            tileRow += height;
        }
    }

    /** Packs columns (r, s, c) of the matrix of image patches that the pixels from {@code term} on see. */
    private void packColumns(int group, int column, int width, int term, int terms, Object local) {
        if (width < panelWidth) lanes.zero(local, panelAt + width, panelWidth, terms, panelWidth - width);
        int channels = shape.groupChannels();
        int end = column + width;
        for (int from = column; from < end; ) {
            int tap = from / channels;
            int channel = from % channels;
            int count = Math.min(channels - channel, end - from);
            int to = panelAt + from - column;
            packTap(tap, group * channels + channel, count, term, terms, local, to);
            from += count;
        }
    }

    private void packTap(int tap, int channel, int count, int term, int terms, Object local, int to) {
        int outputWidth = shape.outputWidth();
        int stride = shape.strideW();
        int dx = tap % shape.kernelWidth() * shape.dilationW() - shape.padLeft();
        int dy = tap / shape.kernelWidth() * shape.dilationH() - shape.padTop();
        // Output columns whose image column exists.
        int least = Math.clamp(Math.ceilDiv(-dx, stride), 0, outputWidth);
        int most = Math.clamp(Math.ceilDiv(shape.width() - dx, stride), least, outputWidth);
        int row = term / outputWidth;
        int x = term % outputWidth;
        for (int done = 0; done < terms; row++) {
            int run = Math.min(outputWidth - x, terms - done);
            int y = row % shape.outputHeight() * shape.strideH() + dy;
            boolean inside = y >= 0 && y < shape.height();
            int begin = inside ? Math.clamp(least, x, x + run) : x + run;
            int end = inside ? Math.clamp(most, begin, x + run) : x + run;
            int at = to + done * panelWidth;
            if (begin > x) lanes.zero(local, at, panelWidth, begin - x, count);
            if (end > begin) {
                long pixel = ((long) (row / shape.outputHeight()) * shape.height() + y) * shape.width()
                        + begin * stride
                        + dx;
                lanes.copy(
                        images,
                        imagesAt + pixel * shape.channels() + channel,
                        (long) stride * shape.channels(),
                        end - begin,
                        count,
                        local,
                        at + (begin - x) * panelWidth,
                        panelWidth);
            }
            if (x + run > end) lanes.zero(local, at + (end - x) * panelWidth, panelWidth, x + run - end, count);
            done += run;
            x = 0;
        }
    }

    private int partial(int group, int chunk, int rowIndex, int columnIndex) {
        return (((group * blocks.chunks() + chunk) * rowBlocks + rowIndex) * columnBlocks + columnIndex) * sumsSize;
    }

    private void sumChunks(int task, int worker) {
        int columnIndex = task % columnBlocks;
        int rowIndex = task / columnBlocks % rowBlocks;
        int group = task / (columnBlocks * rowBlocks);
        int count = rowTiles(rowIndex).rows();
        int width = Math.min(columnBlock, columns - columnIndex * columnBlock);
        var partials = workspace.shared(shape.dtype());
        int total = partial(group, 0, rowIndex, columnIndex);
        for (int chunk = 1; chunk < blocks.chunks(); chunk++) {
            int from = partial(group, chunk, rowIndex, columnIndex);
            lanes.add(partials, from, sumsStride, partials, total, sumsStride, count, tiles.paddedColumns(width));
        }
        writeOut(group, rowIndex, columnIndex, partials, total);
    }

    private void writeOut(int group, int rowIndex, int columnIndex, Object sums, int sumsAt) {
        int count = rowTiles(rowIndex).rows();
        int column = columnIndex * columnBlock;
        long to = targetAt + ((long) group * rows + (long) rowIndex * rowBlock) * columns + column;
        int width = Math.min(columnBlock, columns - column);
        lanes.write(sums, sumsAt, sumsStride, target, to, columns, count, width, alpha, accumulate);
    }
}
