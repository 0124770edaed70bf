package hesse.bench;

import hesse.backend.cpu.kernel.WorkerPool;
import hesse.tensor.DType;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * The speed of contractions in f32 beside the machine's fused multiply-add peak, measured in the same run: the best of many runs, and with
 * one thread its CPU time, so that a busy machine disturbs it less.
 */
final class ContractionTable {
    /** Sets of contractions. */
    enum Shapes {
        WRN,
        MIXED,
        GEMM,
        ALL
    }

    /**
     * One contraction's best run.
     *
     * @param contraction as {@link ContractionCase} reads it
     * @param gigaflops 10⁹ operations a second, two for each multiply-add
     * @param peak what as many threads reach in a loop of independent multiply-adds
     */
    record Row(String contraction, double gigaflops, double peak) {
        double share() {
            return gigaflops / peak;
        }
    }

    /** Every contraction runs at least so often, however short its time: some of the runs are those in which it is compiled. */
    private static final int RUNS = 3;
    /** The peak's loop is measured so long before, in which it is compiled. */
    private static final long PEAK_NANOS = 500_000_000;

    private ContractionTable() {}

    static List<Row> measure(Shapes shapes, int threads, double seconds) {
        var rows = new ArrayList<Row>();
        try (var pool = new WorkerPool(threads)) {
            long end = System.nanoTime() + PEAK_NANOS;
            double first = 0;
            while (System.nanoTime() < end) first = Math.max(first, peak(pool));
            for (var line : cases(shapes)) rows.add(measure(line, pool, seconds));
            // one machine has one peak: the best that was seen
            double peak =
                    Math.max(first, rows.stream().mapToDouble(Row::peak).max().orElse(0));
            rows.replaceAll(row -> new Row(row.contraction(), row.gigaflops(), peak));
        }
        return rows;
    }

    private static Row measure(String line, WorkerPool pool, double seconds) {
        int threads = pool.threads();
        var work = new ContractionCase(line, DType.F32, threads);
        double best = 0;
        double peak = 0;
        long end = System.nanoTime() + (long) (seconds * 1e9);
        for (int i = 0; i < RUNS || System.nanoTime() < end; i++) {
            long start = clock(threads);
            work.run(pool);
            best = Math.max(best, work.operations() / (clock(threads) - start));
            if (i % 4 == 0) peak = Math.max(peak, peak(pool));
        }
        return new Row(line, best, peak);
    }

    private static List<String> cases(Shapes shapes) {
        var lines = new ArrayList<String>();
        if (shapes == Shapes.GEMM || shapes == Shapes.ALL) lines.addAll(ContractionCase.MATRICES);
        for (var direction : ContractionCase.DIRECTIONS) {
            if (shapes == Shapes.WRN || shapes == Shapes.ALL) {
                for (var sizes : ContractionCase.WRN_16_4) lines.add(direction + " " + sizes);
            }
            if (shapes == Shapes.MIXED || shapes == Shapes.ALL) {
                for (var sizes : ContractionCase.MIXED) lines.add(direction + " " + sizes);
            }
        }
        return lines;
    }

    private static double peak(WorkerPool pool) {
        int rounds = 100_000;
        var results = new float[pool.threads()]; // stored, so that the work is not optimised away
        long start = clock(pool.threads());
        pool.run(pool.threads(), (task, worker) -> results[task] = FmaPeak.spin(rounds, 1.1f));
        return 2 * pool.threads() * FmaPeak.multiplyAdds(rounds) / (clock(pool.threads()) - start);
    }

    /** Nanoseconds: of this thread's work if it works alone, else of the wall. */
    private static long clock(int threads) {
        return threads == 1 ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() : System.nanoTime();
    }
}
