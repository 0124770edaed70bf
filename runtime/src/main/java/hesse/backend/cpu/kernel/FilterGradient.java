package hesse.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;

/**
 * The filter gradient of a convolution: {@code out[k,r,s,c] = Σ_p cotangent[p,k] · image[p at (r,s), c]} over all output pixels p.
 *
 * <p>The weights (r, s, c) are the rows and the filters k the columns of what is summed, for the places (s, c) of one filter row lie side
 * by side in the images. A task takes a chunk of pixels and some tiles of rows. For every block of pixels it copies the excerpt of the
 * images that they see, zeros around it; the kernels find the pixels in it through an index. Sums are transposed when they are written.
 */
final class FilterGradient implements Contraction {
    private static final int SUMS = 1 << 17;
    private static final int MOST_FILTERS = 1024;
    private static final int MOST_TASKS = 16;
    /** Elements up to which packed cotangents are kept whole, for all tasks. */
    private static final int MOST_SHARED_PANELS = 1 << 22;

    private static final long WORTHWHILE_TASK = 500_000;

    private final ConvShape shape;
    private final Lanes lanes;
    private final int vectorLength;
    private final int panelWidth;
    private final TermBlocks blocks;

    /** Filters of a task, of each group. */
    private final int filterBlock;

    private final int filterBlocks;

    /** Of each tile of rows: its first row, its height, and where it begins in the excerpt. */
    private final int[] tileRow;

    private final int[] tileHeight;
    private final int[] tileAt;
    private final IndexedKernel[][] kernels;
    private final int tilesPerTask;
    private final int tileBlocks;

    private final int paddedHeight;
    private final int excerptColumns;
    private final int rowPitch;
    /** Where each output pixel begins among the padded rows of all images: those of the first image, and a block's of what follows. */
    private final int[] index;

    private final int perImage;

    private final int sumsStride;
    private final int sumsSize;
    private final boolean sharedPanels;
    private final int sharedPanelsAt;
    private final int panelsSize;
    private final int termBlocks;
    private final int panelsAt;
    private final int excerptAt;
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
        vectorLength = lanes.vectorLength();
        int mostVectors = shape.groupFilters() > vectorLength ? 2 : 1;
        panelWidth = mostVectors * vectorLength;
        int channels = shape.groupChannels();
        int rows = shape.kernelHeight() * shape.kernelWidth() * channels;
        int pixels = Math.multiplyExact(shape.images(), shape.outputHeight() * shape.outputWidth());
        blocks = TermBlocks.of(pixels, (long) shape.filters() * rows);

        filterBlock = Math.ceilDiv(shape.groupFilters(), Math.ceilDiv(shape.groupFilters(), MOST_FILTERS));
        filterBlocks = Math.ceilDiv(shape.groupFilters(), filterBlock);
        sumsStride = Math.ceilDiv(filterBlock, vectorLength) * vectorLength;

        paddedHeight =
                (shape.outputHeight() - 1) * shape.strideH() + (shape.kernelHeight() - 1) * shape.dilationH() + 1;
        excerptColumns =
                (shape.outputWidth() - 1) * shape.strideW() + (shape.kernelWidth() - 1) * shape.dilationW() + 1;
        rowPitch = Math.multiplyExact(excerptColumns, channels);
        perImage = shape.outputHeight() * shape.outputWidth();
        index = index(Math.min(pixels, perImage + TermBlocks.BLOCK));

        // Without dilation the taps of a filter row are one run of the excerpt.
        int taps = shape.dilationW() == 1 ? 1 : shape.kernelWidth();
        int run = rows / shape.kernelHeight() / taps;
        var cut = RowTiles.of(run, lanes.tileRows());
        int tiles = cut.count() * shape.kernelHeight() * taps;
        tileRow = new int[tiles];
        tileHeight = new int[tiles];
        tileAt = new int[tiles];
        kernels = new IndexedKernel[lanes.tileRows()[0] + 1][mostVectors];
        for (int tile = 0, row = 0; tile < tiles; tile++) {
            int height = cut.height(tile % cut.count());
            int tap = tile / cut.count();
            tileRow[tile] = row;
            tileHeight[tile] = height;
            tileAt[tile] =
                    tap / taps * shape.dilationH() * rowPitch + tap % taps * shape.dilationW() * channels + row % run;
            for (int v = 0; v < mostVectors; v++) kernels[height][v] = lanes.indexed(height, v + 1, panelWidth, 1);
            row += height;
        }

        int mostTiles = Math.max(1, SUMS / (sumsStride * lanes.tileRows()[0]));
        long wanted = Math.clamp(multiplyAdds() / WORTHWHILE_TASK, 1, MOST_TASKS);
        long fixed = (long) shape.groups() * blocks.chunks() * filterBlocks;
        long split = Math.max(Math.ceilDiv(tiles, mostTiles), Math.min(tiles, Math.ceilDiv(wanted, fixed)));
        tilesPerTask = Math.ceilDiv(tiles, (int) split);
        tileBlocks = Math.ceilDiv(tiles, tilesPerTask);
        sumsSize = tilesPerTask * lanes.tileRows()[0] * sumsStride;

        boolean chunked = blocks.chunks() > 1;
        int terms = Math.min(TermBlocks.BLOCK, pixels);
        panelsSize = Math.ceilDiv(filterBlock, panelWidth) * panelWidth * terms;
        termBlocks = Math.ceilDiv(pixels, TermBlocks.BLOCK);
        long packed = (long) shape.groups() * filterBlocks * termBlocks * panelsSize;
        sharedPanels = tileBlocks > 1 && packed <= MOST_SHARED_PANELS;
        long partials = chunked ? (long) shape.groups() * blocks.chunks() * filterBlocks * tileBlocks * sumsSize : 0;
        sharedPanelsAt = (int) Math.min(partials, Integer.MAX_VALUE);
        panelsAt = chunked ? 0 : sumsSize;
        excerptAt = panelsAt + (sharedPanels ? 0 : panelsSize);
        scratchAt = Math.addExact(excerptAt, Math.multiplyExact(mostExcerptRows(terms), rowPitch));
        need = new Workspace.Need(
                shape.dtype(),
                partials + (sharedPanels ? packed : 0),
                (long) scratchAt + (long) lanes.tileRows()[0] * panelWidth);
    }

    private int[] index(int pixels) {
        var places = new int[pixels];
        for (int p = 0; p < pixels; p++) {
            int x = p % shape.outputWidth() * shape.strideW();
            places[p] = Math.addExact(Math.multiplyExact(paddedRow(p), rowPitch), x * shape.groupChannels());
        }
        return places;
    }

    /** Padded rows that a block of pixels may see: all rows of the images between its first and its last. */
    private int mostExcerptRows(int terms) {
        int outputRows = Math.ceilDiv(terms - 1, shape.outputWidth()) + 1;
        int images = Math.min(shape.images(), Math.ceilDiv(outputRows - 1, shape.outputHeight()) + 1);
        int seen = (shape.kernelHeight() - 1) * shape.dilationH() + 1;
        int within = (outputRows - 1) * shape.strideH() + images * (seen + paddedHeight % shape.strideH());
        return Math.min(images * paddedHeight, within + images * shape.strideH());
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
        if (sharedPanels) pool.run(shape.groups() * filterBlocks * termBlocks, packTask);
        pool.run(shape.groups() * blocks.chunks() * filterBlocks * tileBlocks, multiplyTask);
        if (blocks.chunks() > 1) pool.run(shape.groups() * filterBlocks * tileBlocks, sumTask);
    }

    private void pack(int task, int worker) {
        int term = task % termBlocks * TermBlocks.BLOCK;
        int terms = Math.min(TermBlocks.BLOCK, blocks.terms() - term);
        int to = sharedPanelsAt + task * panelsSize;
        packPanels(
                task / (termBlocks * filterBlocks),
                task / termBlocks % filterBlocks,
                term,
                terms,
                workspace.shared(shape.dtype()),
                to);
    }

    /** Filters of a block. */
    private int filters(int filterIndex) {
        return Math.min(filterBlock, shape.groupFilters() - filterIndex * filterBlock);
    }

    private void packPanels(int group, int filterIndex, int term, int terms, Object to, int at) {
        int filters = filters(filterIndex);
        long from = cotangentsAt
                + (long) term * shape.filters()
                + (long) group * shape.groupFilters()
                + (long) filterIndex * filterBlock;
        for (int j = 0; j < filters; j += panelWidth, at += panelWidth * terms) {
            int width = Math.min(panelWidth, filters - j);
            if (width < panelWidth) lanes.zero(to, at + width, panelWidth, terms, panelWidth - width);
            lanes.copy(cotangents, from + j, shape.filters(), terms, width, to, at, panelWidth);
        }
    }

    private void multiply(int task, int worker) {
        int tileIndex = task % tileBlocks;
        int filterIndex = task / tileBlocks % filterBlocks;
        int chunk = task / (tileBlocks * filterBlocks) % blocks.chunks();
        int group = task / (tileBlocks * filterBlocks * blocks.chunks());
        var local = workspace.local(shape.dtype(), worker);
        var shared = workspace.shared(shape.dtype());
        boolean chunked = blocks.chunks() > 1;
        var sums = chunked ? shared : local;
        int sumsAt = chunked ? partial(group, chunk, filterIndex, tileIndex) : 0;
        for (int term = blocks.from(chunk); term < blocks.to(chunk); term += TermBlocks.BLOCK) {
            int terms = Math.min(TermBlocks.BLOCK, blocks.to(chunk) - term);
            int unit = (group * filterBlocks + filterIndex) * termBlocks + term / TermBlocks.BLOCK;
            if (!sharedPanels) packPanels(group, filterIndex, term, terms, local, panelsAt);
            int origin = copyExcerpt(local, group, tileIndex, term, terms);
            multiplyBlock(
                    local,
                    excerptAt - origin,
                    tileIndex,
                    sharedPanels ? shared : local,
                    sharedPanels ? sharedPanelsAt + unit * panelsSize : panelsAt,
                    term,
                    terms,
                    filters(filterIndex),
                    sums,
                    sumsAt,
                    term == blocks.from(chunk));
        }
        if (!chunked) writeOut(group, filterIndex, tileIndex, sums, sumsAt);
    }

    private void multiplyBlock(
            Object local,
            int excerpt,
            int tileIndex,
            Object panels,
            int panel,
            int term,
            int terms,
            int filters,
            Object sums,
            int sumsAt,
            boolean first) {
        int begin = tileIndex * tilesPerTask;
        int end = Math.min(tileRow.length, begin + tilesPerTask);
        int place = term % perImage;
        for (int j = 0; j < filters; j += panelWidth, panel += panelWidth * terms) {
            int vectors = filters - j > vectorLength ? 2 : 1;
            for (int tile = begin; tile < end; tile++) {
                int height = tileHeight[tile];
                var kernel = kernels[height][vectors - 1];
                int from = excerpt + tileAt[tile];
                int to = sumsAt + (tileRow[tile] - tileRow[begin]) * sumsStride + j;
                if (first) {
                    kernel.run(local, from, index, place, panels, panel, terms, sums, to, sumsStride);
                } else {
                    kernel.run(local, from, index, place, panels, panel, terms, local, scratchAt, panelWidth);
                    lanes.add(local, scratchAt, panelWidth, sums, to, sumsStride, height, vectors * vectorLength);
                }
            }
        }
    }

    /** Copies the padded rows that the pixels from {@code term} on see. Returns where the first of them lies among the elements of the rows from the first pixel's image on. */
    private int copyExcerpt(Object local, int group, int tileIndex, int term, int terms) {
        int lastTile = Math.min(tileRow.length, (tileIndex + 1) * tilesPerTask) - 1;
        int firstTap = filterRow(tileIndex * tilesPerTask);
        int lastTap = filterRow(lastTile);
        int firstRow = paddedRow(term) + firstTap * shape.dilationH();
        int endRow = paddedRow(term + terms - 1) + lastTap * shape.dilationH() + 1;
        int channels = shape.groupChannels();
        int begin = Math.clamp(shape.padLeft(), 0, excerptColumns);
        int end = Math.clamp(shape.width() + shape.padLeft(), begin, excerptColumns);
        for (int row = firstRow; row < endRow; row++) {
            if (!isSeen(row % paddedHeight, firstTap, lastTap)) continue;
            int to = excerptAt + (row - firstRow) * rowPitch;
            int y = row % paddedHeight - shape.padTop();
            if (y < 0 || y >= shape.height()) {
                lanes.zero(local, to, 0, 1, rowPitch);
                continue;
            }
            lanes.zero(local, to, 0, 1, begin * channels);
            lanes.zero(local, to + end * channels, 0, 1, (excerptColumns - end) * channels);
            if (end == begin) continue;
            long pixel = ((long) (row / paddedHeight) * shape.height() + y) * shape.width() + begin - shape.padLeft();
            long from = imagesAt + pixel * shape.channels() + (long) group * channels;
            int into = to + begin * channels;
            if (shape.groups() == 1) {
                lanes.copy(images, from, 0, 1, (end - begin) * channels, local, into, 0);
            } else {
                lanes.copy(images, from, shape.channels(), end - begin, channels, local, into, channels);
            }
        }
        return (firstRow - term / perImage * paddedHeight) * rowPitch;
    }

    /** Whether some of the filter rows sees a padded row of an image: with strides, single ones leave rows out. */
    private boolean isSeen(int row, int firstTap, int lastTap) {
        for (int tap = firstTap; tap <= lastTap; tap++) {
            if ((row - tap * shape.dilationH()) % shape.strideH() == 0) return true;
        }
        return false;
    }

    /** The padded row, among those of all images, that the first filter row sees at an output pixel. */
    private int paddedRow(int pixel) {
        int row = pixel / shape.outputWidth();
        return row / shape.outputHeight() * paddedHeight + row % shape.outputHeight() * shape.strideH();
    }

    private int filterRow(int tile) {
        return tileRow[tile] / (shape.kernelWidth() * shape.groupChannels());
    }

    private int partial(int group, int chunk, int filterIndex, int tileIndex) {
        return (((group * blocks.chunks() + chunk) * filterBlocks + filterIndex) * tileBlocks + tileIndex) * sumsSize;
    }

    private int rows(int tileIndex) {
        int last = Math.min(tileRow.length, (tileIndex + 1) * tilesPerTask) - 1;
        return tileRow[last] + tileHeight[last] - tileRow[tileIndex * tilesPerTask];
    }

    private void sumChunks(int task, int worker) {
        int tileIndex = task % tileBlocks;
        int filterIndex = task / tileBlocks % filterBlocks;
        int group = task / (tileBlocks * filterBlocks);
        var partials = workspace.shared(shape.dtype());
        int total = partial(group, 0, filterIndex, tileIndex);
        for (int chunk = 1; chunk < blocks.chunks(); chunk++) {
            int from = partial(group, chunk, filterIndex, tileIndex);
            lanes.add(partials, from, sumsStride, partials, total, sumsStride, rows(tileIndex), sumsStride);
        }
        writeOut(group, filterIndex, tileIndex, partials, total);
    }

    private void writeOut(int group, int filterIndex, int tileIndex, Object sums, int sumsAt) {
        int filterSize = shape.kernelHeight() * shape.kernelWidth() * shape.groupChannels();
        long filter = (long) group * shape.groupFilters() + (long) filterIndex * filterBlock;
        long to = targetAt + filter * filterSize + tileRow[tileIndex * tilesPerTask];
        int filters = filters(filterIndex);
        TransposedSums.write(
                sums, sumsAt, sumsStride, target, to, filterSize, rows(tileIndex), filters, alpha, accumulate);
    }
}
