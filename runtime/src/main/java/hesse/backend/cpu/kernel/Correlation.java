package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * Sums of weighted image pixels at fixed distances: {@code out[n,y,x,:] = Σ_t images[n, y·strideY + dy_t, x·strideX + dx_t, :] · W_t},
 * with zeros beyond the border. Forward convolution and each phase of an input gradient are of this form.
 *
 * <p>Filters are packed once into column panels. A task then takes some rows of outputs, copies the excerpt of the images that they
 * see, zeros around it, and multiplies: term (t, c) of neighbouring outputs lies at equal distances in the excerpt, where the kernels
 * find it through an index. Nothing is transposed, and no patch is copied.
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
    private static final int MOST_COLUMNS = 1024;
    private static final int MOST_TASKS = 32;
    private static final long WORTHWHILE_TASK = 500_000;

    private final DType dtype;
    private final Images images;
    private final Outputs outputs;
    private final Taps taps;
    private final Weights weights;
    private final Lanes lanes;
    private final int panelWidth;
    private final int vectorLength;

    private final int terms;
    private final int imageBlock;
    private final int rowBlock;
    private final int columnBlock;
    private final int imageBlocks;
    private final int rowBlocks;
    private final int columnBlocks;
    private final int columnPanels;
    private final RowTiles rowTiles;
    /** The kernel of each tile of a row, for one and for two vectors of columns. */
    private final IndexedKernel[][] kernels;

    private final int sumsStride;

    private final int dyMin;
    private final int dxMin;
    private final int excerptRows;
    private final int excerptColumns;
    /** Elements from one pixel of the excerpt to the next. */
    private final int pitch;

    private final int rowPitch;
    private final int imagePitch;
    /** Where term (t, c) of the first pixel lies in the excerpt. */
    private final int[] index;

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
        vectorLength = lanes.vectorLength();
        terms = taps.dy().length * images.channels();

        int columns = outputs.channels();
        int mostVectors = columns > vectorLength ? 2 : 1;
        panelWidth = mostVectors * vectorLength;
        columnBlock = Math.ceilDiv(Math.ceilDiv(columns, Math.ceilDiv(columns, MOST_COLUMNS)), panelWidth) * panelWidth;
        columnBlocks = Math.ceilDiv(columns, columnBlock);
        columnPanels = Math.ceilDiv(columns, panelWidth);
        rowTiles = RowTiles.of(outputs.width(), lanes.tileRows(mostVectors));
        sumsStride = Math.ceilDiv(Math.min(columns, columnBlock), vectorLength) * vectorLength;

        int pixels = Math.min(MOST_PIXELS, Math.max(1, SUMS / sumsStride));
        int rows = Math.clamp(pixels / outputs.width(), 1, outputs.height());
        rows = Math.ceilDiv(outputs.height(), Math.ceilDiv(outputs.height(), rows));
        int together = rows < outputs.height() ? 1 : Math.clamp(pixels / (outputs.width() * rows), 1, images.images());
        long wanted = Math.clamp(multiplyAdds() / WORTHWHILE_TASK, 1, MOST_TASKS);
        long fixed = (long) images.groups() * columnBlocks;
        while (fixed * Math.ceilDiv(images.images(), together) * Math.ceilDiv(outputs.height(), rows) < wanted) {
            if (together > 1) {
                together = Math.ceilDiv(together, 2);
            } else if (rows > 1 && rows * outputs.width() > 32) {
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
        excerptRows = (rowBlock - 1) * taps.strideY() + most(taps.dy()) - dyMin + 1;
        excerptColumns = (outputs.width() - 1) * taps.strideX() + most(taps.dx()) - dxMin + 1;
        pitch = pitch(images.channels());
        rowPitch = Math.multiplyExact(pitch, excerptColumns);
        imagePitch = Math.multiplyExact(rowPitch, excerptRows);
        index = new int[terms];
        for (int t = 0; t < taps.dy().length; t++) {
            int at = (taps.dy()[t] - dyMin) * rowPitch + (taps.dx()[t] - dxMin) * pitch;
            for (int c = 0; c < images.channels(); c++) index[t * images.channels() + c] = at + c;
        }
        kernels = new IndexedKernel[rowTiles.count()][mostVectors];
        for (int i = 0; i < rowTiles.count(); i++) {
            for (int v = 0; v < mostVectors; v++)
                kernels[i][v] = lanes.indexed(rowTiles.height(i), v + 1, panelWidth, pitch * taps.strideX());
        }

        sumsAt = Math.multiplyExact(imagePitch, imageBlock);
        scratchAt = Math.addExact(sumsAt, imageBlock * rowBlock * outputs.width() * sumsStride);
        need = new Workspace.Need(
                dtype,
                (long) images.groups() * columnPanels * panelWidth * terms,
                (long) scratchAt + (long) rowTiles.height(0) * panelWidth);
    }

    /** The pixels of a tile would share few sets of the first-level cache, if they were an even number of lines apart. */
    private static int pitch(int channels) {
        return channels >= 64 && channels % 32 == 0 ? channels + 16 : channels;
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
            lanes.zero(local, sumsAt, sumsStride, imageCount * rowCount * outputs.width(), sumsStride);
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
        int rows = excerptRows - (rowBlock - rowCount) * taps.strideY();
        // Columns of the excerpt that exist in the images.
        int first = Math.clamp(-dxMin, 0, excerptColumns);
        int end = Math.clamp(images.width() - dxMin, first, excerptColumns);
        for (int i = 0; i < imageCount; i++) {
            for (int r = 0; r < rows; r++) {
                int y = row * taps.strideY() + dyMin + r;
                int to = i * imagePitch + r * rowPitch;
                if (y < 0 || y >= images.height()) {
                    lanes.zero(local, to, 0, 1, rowPitch);
                    continue;
                }
                lanes.zero(local, to, 0, 1, first * pitch);
                lanes.zero(local, to + end * pitch, 0, 1, (excerptColumns - end) * pitch);
                if (end == first) continue;
                long pixel = ((long) (image + i) * images.height() + y) * images.width() + first + dxMin;
                copyPixels(local, to + first * pitch, pixel, group, end - first);
            }
        }
    }

    private void copyPixels(Object local, int to, long pixel, int group, int count) {
        int channels = images.channels();
        int all = images.groups() * channels;
        long from = sourceAt + pixel * all + (long) group * channels;
        if (pitch == all) lanes.copy(source, from, 0, 1, count * channels, local, to, 0);
        else lanes.copy(source, from, all, count, channels, local, to, pitch);
    }

    private void multiplyBlock(Object local, int panels, int term, int imageCount, int rowCount, int columns) {
        int count = Math.min(TermBlocks.BLOCK, terms - term);
        var shared = workspace.shared(dtype);
        int b = panels + term * panelWidth;
        for (int j = 0; j < columns; j += panelWidth, b += panelWidth * terms) {
            int vectors = columns - j > vectorLength ? 2 : 1;
            int sums = sumsAt + j;
            for (int i = 0; i < imageCount; i++) {
                for (int y = 0; y < rowCount; y++) {
                    multiplyRow(
                            local,
                            i * imagePitch + y * taps.strideY() * rowPitch,
                            term,
                            count,
                            shared,
                            b,
                            vectors,
                            sums);
                    sums += outputs.width() * sumsStride;
                }
            }
        }
    }

    private void multiplyRow(
            Object local, int pixel, int term, int count, Object shared, int b, int vectors, int sums) {
        for (int tile = 0; tile < rowTiles.count(); tile++) {
            int height = rowTiles.height(tile);
            var kernel = kernels[tile][vectors - 1];
            if (term == 0) {
                kernel.run(local, pixel, index, term, shared, b, count, local, sums, sumsStride);
            } else {
                kernel.run(local, pixel, index, term, shared, b, count, local, scratchAt, panelWidth);
                lanes.add(local, scratchAt, panelWidth, local, sums, sumsStride, height, vectors * vectorLength);
            }
            pixel += height * taps.strideX() * pitch;
            sums += height * sumsStride;
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
                int from = sumsAt + (i * rowCount + y) * outputs.width() * sumsStride;
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
