package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * Sums of weighted image pixels at fixed distances: {@code out[n,y,x,:] = Σ_t images[n, y·strideY + dy_t, x·strideX + dx_t, :] · W_t},
 * with zeros beyond the border. Forward convolution and each phase of an input gradient are of this form.
 *
 * <p>Filters are packed once into column panels. A task then takes some rows of outputs, copies the excerpt of the images that they
 * see, transposed so that neighbouring pixels of one channel lie together, and multiplies: term (t, c) of a run of pixels is a run in
 * the excerpt, found through an index array, so that row panels are packed by whole vectors. Each pixel is transposed about once, not once per tap. With a horizontal stride the
 * excerpt keeps the columns of equal remainder together.
 */
final class Correlation implements Contraction {
    /** What is correlated: [images, height, width, groups · channels]. */
    record Images(int images, int height, int width, int groups, int channels) {}

    /** Where results go: {@code offset + n·imageStride + y·rowStride + x·columnStride}, {@code channels} of each group there. */
    record Outputs(
            int height, int width, int channels, long offset, long imageStride, long rowStride, long columnStride) {}

    /** Distances of the taps from a pixel, and the pixels' distances. */
    record Taps(int[] dy, int[] dx, int strideY, int strideX) {}

    /** Weight (t, c, k) of group g lies at {@code tapAt[t] + c·termStride + k·columnStride + g·groupStride}. */
    record Weights(int[] tapAt, long termStride, long columnStride, long groupStride) {}

    private static final int SUMS = 1 << 16;
    private static final int MOST_PIXELS = 192;
    private static final int PACKED_PIXELS = 64;
    private static final int MOST_COLUMNS = 1024;
    private static final int MOST_TASKS = 32;
    private static final long WORTHWHILE_TASK = 500_000;

    private final DType dtype;
    private final Images images;
    private final Outputs outputs;
    private final Taps taps;
    private final Weights weights;
    private final Lanes lanes;
    private final int[] tileRows;
    private final int panelWidth;
    private final Tiles tiles;

    private final int terms;
    private final int imageBlock;
    private final int rowBlock;
    private final int columnBlock;
    private final int imageBlocks;
    private final int rowBlocks;
    private final int columnBlocks;
    private final int columnPanels;
    private final RowTiles rowTiles;
    /** Rows packed together: few enough that they are still in the first-level cache when they are multiplied. */
    private final int packedRows;

    private final int sumsStride;

    private final int dyMin;
    private final int dxMin;
    private final boolean[] excerptRowUsed;
    private final boolean[] phaseUsed;
    private final int phasePitch;
    private final int rowPitch;
    private final int imagePitch;
    private final int plane;
    /** Where term (t, c) of the first pixel lies in the excerpt. */
    private final int[] index;

    private final int rowsAt;
    private final int sumsAt;
    private final int scratchAt;
    private final Workspace.Need need;
    private final WorkerPool.Task packTask = this::pack;
    private final WorkerPool.Task multiplyTask = this::multiply;

    private Workspace workspace = new Workspace(0);
    private MemorySegment source = MemorySegment.NULL;
    private MemorySegment filters = MemorySegment.NULL;
    private MemorySegment target = MemorySegment.NULL;
    private long sourceAt;
    private long filtersAt;
    private long targetAt;
    private double alpha;
    private boolean accumulate;

    Correlation(DType dtype, Images images, Outputs outputs, Taps taps, Weights weights, KernelProvider provider) {
        this.dtype = dtype;
        this.images = images;
        this.outputs = outputs;
        this.taps = taps;
        this.weights = weights;
        lanes = provider.lanes(dtype);
        tiles = new Tiles(lanes);
        tileRows = lanes.tileRows();
        panelWidth = lanes.panelWidth();
        terms = taps.dy().length * images.channels();

        int columns = outputs.channels();
        columnBlock = Math.ceilDiv(Math.ceilDiv(columns, Math.ceilDiv(columns, MOST_COLUMNS)), panelWidth) * panelWidth;
        columnBlocks = Math.ceilDiv(columns, columnBlock);
        columnPanels = Math.ceilDiv(columns, panelWidth);
        rowTiles = RowTiles.of(outputs.width(), tileRows);
        packedRows = Math.max(1, PACKED_PIXELS / rowTiles.padded());
        sumsStride = tiles.paddedColumns(Math.min(columns, columnBlock));

        int pixels = Math.min(MOST_PIXELS, Math.max(1, SUMS / sumsStride));
        int rows = Math.clamp(pixels / rowTiles.padded(), 1, outputs.height());
        rows = Math.ceilDiv(outputs.height(), Math.ceilDiv(outputs.height(), rows));
        int together =
                rows < outputs.height() ? 1 : Math.clamp(pixels / (rowTiles.padded() * rows), 1, images.images());
        long wanted = Math.clamp(multiplyAdds() / WORTHWHILE_TASK, 1, MOST_TASKS);
        long fixed = (long) images.groups() * columnBlocks;
        while (fixed * Math.ceilDiv(images.images(), together) * Math.ceilDiv(outputs.height(), rows) < wanted) {
            if (together > 1) {
                together = Math.ceilDiv(together, 2);
            } else if (rows > 1 && rows * rowTiles.padded() > 32) {
                rows = Math.ceilDiv(rows, 2);
            } else {
                break;
            }
        }
        imageBlock = together;
        rowBlock = rows;
        imageBlocks = Math.ceilDiv(images.images(), imageBlock);
        rowBlocks = Math.ceilDiv(outputs.height(), rowBlock);

        dyMin = least(taps.dy());
        dxMin = least(taps.dx());
        int dyRange = most(taps.dy()) - dyMin;
        int dxRange = most(taps.dx()) - dxMin;
        excerptRowUsed = new boolean[(rowBlock - 1) * taps.strideY() + dyRange + 1];
        phaseUsed = new boolean[taps.strideX()];
        phasePitch = outputs.width() - 1 + dxRange / taps.strideX() + 1;
        rowPitch = phasePitch * taps.strideX();
        imagePitch = rowPitch * excerptRowUsed.length;
        plane = imagePitch * imageBlock;
        index = new int[terms];
        for (int t = 0; t < taps.dy().length; t++) {
            int dy = taps.dy()[t] - dyMin;
            int dx = taps.dx()[t] - dxMin;
            phaseUsed[dx % taps.strideX()] = true;
            for (int y = 0; y < rowBlock; y++) excerptRowUsed[y * taps.strideY() + dy] = true;
            int at = dy * rowPitch + dx % taps.strideX() * phasePitch + dx / taps.strideX();
            for (int c = 0; c < images.channels(); c++) index[t * images.channels() + c] = at + c * plane;
        }

        // The last tile of a row reads, and packing may write, past the end by less than two vectors.
        int slack = panelWidth;
        int block = imageBlock * rowBlock * rowTiles.padded();
        rowsAt = Math.addExact(Math.multiplyExact(images.channels(), plane), slack);
        sumsAt = rowsAt + packedRows * rowTiles.padded() * Math.min(terms, TermBlocks.BLOCK) + slack;
        scratchAt = sumsAt + block * sumsStride;
        need = new Workspace.Need(
                dtype, (long) images.groups() * columnPanels * panelWidth * terms, (long) scratchAt + tiles.scratch());
    }

    private static int least(int[] values) {
        int least = values.length == 0 ? 0 : values[0];
        for (int v : values) least = Math.min(least, v);
        return least;
    }

    private static int most(int[] values) {
        int most = values.length == 0 ? 0 : values[0];
        for (int v : values) most = Math.max(most, v);
        return most;
    }

    @Override
    public Workspace.Need need() {
        return need;
    }

    @Override
    public long multiplyAdds() {
        return (long) images.images()
                * images.groups()
                * outputs.height()
                * outputs.width()
                * outputs.channels()
                * taps.dy().length
                * images.channels();
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
        if (terms == 0 && accumulate) return;
        this.workspace = workspace;
        source = a;
        filters = b;
        target = out;
        sourceAt = aAt;
        filtersAt = bAt;
        targetAt = outAt;
        this.alpha = alpha;
        this.accumulate = accumulate;
        if (terms > 0) pool.run(images.groups() * columnPanels, packTask);
        pool.run(images.groups() * columnBlocks * imageBlocks * rowBlocks, multiplyTask);
    }

    /** Packs one column panel of the filters of one group. */
    private void pack(int task, int worker) {
        int group = task / columnPanels;
        int column = task % columnPanels * panelWidth;
        int width = Math.min(panelWidth, outputs.channels() - column);
        var shared = workspace.shared(dtype);
        int to = task * panelWidth * terms;
        if (width < panelWidth) lanes.zero(shared, to + width, panelWidth, terms, panelWidth - width);
        for (int t = 0; t < weights.tapAt().length; t++) {
            long from =
                    filtersAt + group * weights.groupStride() + column * weights.columnStride() + weights.tapAt()[t];
            if (weights.termStride() == 1) {
                lanes.transpose(
                        filters, from, weights.columnStride(), images.channels(), width, shared, to, panelWidth);
            } else {
                lanes.copy(filters, from, weights.termStride(), images.channels(), width, shared, to, panelWidth);
            }
            to += images.channels() * panelWidth;
        }
    }

    private void multiply(int task, int worker) {
        int rowIndex = task % rowBlocks;
        int imageIndex = task / rowBlocks % imageBlocks;
        int columnIndex = task / (rowBlocks * imageBlocks) % columnBlocks;
        int group = task / (rowBlocks * imageBlocks * columnBlocks);
        int image = imageIndex * imageBlock;
        int imageCount = Math.min(imageBlock, images.images() - image);
        int row = rowIndex * rowBlock;
        int rowCount = Math.min(rowBlock, outputs.height() - row);
        int column = columnIndex * columnBlock;
        int columns = Math.min(columnBlock, outputs.channels() - column);
        var local = workspace.local(dtype, worker);
        if (terms == 0) {
            lanes.zero(local, sumsAt, sumsStride, imageCount * rowCount * rowTiles.padded(), sumsStride);
        } else {
            copyExcerpt(local, group, image, imageCount, row, rowCount);
            int panels = (group * columnPanels + column / panelWidth) * panelWidth * terms;
            for (int term = 0; term < terms; term += TermBlocks.BLOCK) {
                multiplyBlock(local, panels, term, imageCount, rowCount, columns);
            }
        }
        writeOut(local, group, image, imageCount, row, rowCount, column, columns);
    }

    private void copyExcerpt(Object local, int group, int image, int imageCount, int row, int rowCount) {
        lanes.zero(local, 0, 0, 1, rowsAt);
        int allChannels = images.groups() * images.channels();
        int excerptRows = (rowCount - 1) * taps.strideY() + excerptRowUsed.length - (rowBlock - 1) * taps.strideY();
        int step = taps.strideX();
        for (int i = 0; i < imageCount; i++) {
            for (int r = 0; r < excerptRows; r++) {
                int y = row * taps.strideY() + dyMin + r;
                if (!excerptRowUsed[r] || y < 0 || y >= images.height()) continue;
                for (int phase = 0; phase < step; phase++) {
                    if (!phaseUsed[phase]) continue;
                    int first = Math.max(0, Math.ceilDiv(-dxMin - phase, step));
                    int end = Math.min(phasePitch, Math.ceilDiv(images.width() - dxMin - phase, step));
                    if (end <= first) continue;
                    int x = dxMin + phase + first * step;
                    long from = sourceAt
                            + (((long) (image + i) * images.height() + y) * images.width() + x) * allChannels
                            + (long) group * images.channels();
                    int to = i * imagePitch + r * rowPitch + phase * phasePitch + first;
                    lanes.transpose(
                            source, from, (long) step * allChannels, images.channels(), end - first, local, to, plane);
                }
            }
        }
    }

    private void multiplyBlock(Object local, int panels, int term, int imageCount, int rowCount, int columns) {
        int count = Math.min(TermBlocks.BLOCK, terms - term);
        var shared = workspace.shared(dtype);
        for (int y = 0; y < imageCount * rowCount; y += packedRows) {
            int at = rowsAt;
            int end = Math.min(imageCount * rowCount, y + packedRows);
            for (int z = y; z < end; z++) {
                int pixel = z / rowCount * imagePitch + z % rowCount * taps.strideY() * rowPitch;
                for (int tile = 0; tile < rowTiles.count(); tile++) {
                    int height = tileRows[tile < rowTiles.tall() ? 0 : 1];
                    lanes.gather(local, pixel, index, term, count, height, local, at);
                    pixel += height;
                    at += height * count;
                }
            }
            tiles.multiply(
                    rowTiles,
                    end - y,
                    local,
                    rowsAt,
                    shared,
                    panels + term * panelWidth,
                    panelWidth * terms,
                    count,
                    columns,
                    local,
                    sumsAt + y * rowTiles.padded() * sumsStride,
                    sumsStride,
                    term == 0,
                    local,
                    scratchAt);
        }
    }

    private void writeOut(
            Object local, int group, int image, int imageCount, int row, int rowCount, int column, int columns) {
        for (int i = 0; i < imageCount; i++) {
            for (int y = 0; y < rowCount; y++) {
                long to = targetAt
                        + outputs.offset()
                        + (image + i) * outputs.imageStride()
                        + (row + y) * outputs.rowStride()
                        + (long) group * outputs.channels()
                        + column;
                int from = sumsAt + (i * rowCount + y) * rowTiles.padded() * sumsStride;
                lanes.write(
                        local,
                        from,
                        sumsStride,
                        target,
                        to,
                        outputs.columnStride(),
                        outputs.width(),
                        columns,
                        alpha,
                        accumulate);
            }
        }
    }
}
