package hesse.backend.cuda;

import hesse.plan.Kernel;
import hesse.plan.Kernel.Kind;
import hesse.plan.Plan.Fused;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * One pass over the index space of a fused step, and how it is cut into blocks. All of it follows from the step's structure and sizes.
 *
 * @param results which of the step's results it makes
 * @param shape how the source is cut
 * @param points of the index space
 * @param outputs elements of each reduced result; 0 without reductions
 * @param chunks into how many parts the points of one result are cut
 */
record FusedPass(List<Integer> results, FusedSource.Shape shape, long points, long outputs, int chunks) {
    /** Points of the space above which an index needs 64 bits. */
    private static final long NARROW = 1L << 31;

    private static final int BLOCKS_ENOUGH = 1024;
    /** Points per thread below which cutting does not pay. */
    private static final int POINTS_PER_LANE = 8;

    private static final int LONG_ROW = 1024;
    private static final int COLUMN_LANES = 8;
    private static final int WARP = 32;
    private static final int ELEMENTWISE_BLOCKS = 4096;

    /**
     * The passes of a step, in order: one for each set of axes that reductions keep. Stores go into the last, since a store may take the
     * place of an operand.
     */
    static List<FusedPass> of(Fused step) {
        var kernel = step.kernel();
        var byAxes = new LinkedHashMap<Integer, List<Integer>>();
        var stores = new ArrayList<Integer>();
        for (var r = 0; r < kernel.results().size(); r++) {
            var result = kernel.results().get(r);
            if (result.kind() == Kind.STORE) stores.add(r);
            else byAxes.computeIfAbsent(result.axes(), a -> new ArrayList<>()).add(r);
        }
        var passes = new ArrayList<FusedPass>();
        var left = byAxes.size();
        for (var entry : byAxes.entrySet()) {
            var results = new ArrayList<>(entry.getValue());
            if (--left == 0) results.addAll(stores);
            passes.add(reduction(step, List.copyOf(results), entry.getKey()));
        }
        if (byAxes.isEmpty()) passes.add(elementwise(step, List.copyOf(stores)));
        return passes;
    }

    private static FusedPass elementwise(Fused step, List<Integer> stores) {
        var kernel = step.kernel();
        var vector = 1;
        if (kernel.rank() > 0) {
            int last = step.extents().getLast();
            // Sixteen bytes of the arithmetic's type at a time, where rows begin at such places.
            var most = 16 / kernel.compute().bytes();
            while (vector < most && last % (2 * vector) == 0) vector *= 2;
        }
        return new FusedPass(
                stores, new FusedSource.Shape(step.points() >= NARROW, vector, 0, false), step.points(), 0, 1);
    }

    private static FusedPass reduction(Fused step, List<Integer> results, int axes) {
        Kernel kernel = step.kernel();
        long outputs = 1;
        for (var a = 0; a < kernel.rank(); a++)
            if ((axes >> a & 1) != 0) outputs *= step.extents().get(a);
        long inner = step.points() / Math.max(1, outputs);
        boolean columns = kernel.rank() > 0 && (axes >> kernel.rank() - 1 & 1) != 0;
        int lanes = columns ? COLUMN_LANES : inner >= LONG_ROW ? FusedSource.BLOCK : WARP;
        var shape = new FusedSource.Shape(step.points() >= NARROW, 1, lanes, columns);
        long blocks = divideUp(outputs, shape.width());
        long useful = divideUp(inner, (long) lanes * POINTS_PER_LANE);
        long wanted = Math.max(1, Math.min(useful, BLOCKS_ENOUGH / blocks));
        // Rounded chunks may be fewer; one more would begin behind the end.
        int chunks = (int) divideUp(inner, divideUp(inner, wanted));
        return new FusedPass(results, shape, step.points(), outputs, chunks);
    }

    private static long divideUp(long a, long b) {
        return (a + b - 1) / b;
    }

    boolean reduces() {
        return shape.lanes() > 0;
    }

    /** Points of each reduced result. */
    long inner() {
        return points / Math.max(1, outputs);
    }

    /** Points of one chunk. */
    long chunk() {
        return divideUp(inner(), chunks);
    }

    LaunchShape launch() {
        if (!reduces()) {
            long blocks = divideUp(points, (long) FusedSource.BLOCK * shape.vector());
            return LaunchShape.row((int) Math.max(1, Math.min(blocks, ELEMENTWISE_BLOCKS)), FusedSource.BLOCK);
        }
        return new LaunchShape(blocks(), chunks, 1, FusedSource.BLOCK, 1, 1, 0);
    }

    /** The launch that adds the chunks. */
    LaunchShape finish() {
        return LaunchShape.row(blocks(), FusedSource.BLOCK);
    }

    private int blocks() {
        return Math.toIntExact(Math.max(1, divideUp(outputs, shape.width())));
    }

    /** Bytes of scratch memory for the chunks' sums. */
    long scratchBytes(Fused step) {
        if (chunks == 1) return 0;
        long reductions = results.stream()
                .filter(r -> step.kernel().results().get(r).kind() != Kind.STORE)
                .count();
        return reductions * chunks * outputs * step.kernel().compute().bytes();
    }
}
