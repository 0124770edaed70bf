package hesse.bench;

import hesse.backend.cpu.kernel.KernelProvider;
import hesse.backend.cpu.kernel.WorkerPool;
import hesse.tensor.DType;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * Prints the speed of contractions as GFLOP/s and as a share of the machine's fused multiply-add peak, measured in the same run: the
 * best of many runs, and with one thread its CPU time, so that a busy machine disturbs it less.
 * {@code main [threads] [seconds per case] [wrn|mixed|gemm|all]}
 */
public final class ContractionTable {
    private ContractionTable() {}

    /** Prints the table. */
    public static void main(String[] args) {
        int threads = args.length > 0 ? Integer.parseInt(args[0]) : 1;
        double seconds = args.length > 1 ? Double.parseDouble(args[1]) : 1;
        var which = args.length > 2 ? args[2] : "all";
        System.out.println(KernelProvider.get().description() + ", " + threads + " threads, float");
        try (var pool = new WorkerPool(threads)) {
            for (var line : cases(which)) {
                var work = new ContractionCase(line, DType.F32, threads);
                double best = 0;
                double peak = 0;
                long end = System.nanoTime() + (long) (seconds * 1e9);
                for (int i = 0; i < 20 || System.nanoTime() < end; i++) {
                    long start = clock(threads);
                    work.run(pool);
                    best = Math.max(best, work.operations() / (clock(threads) - start));
                    if (i % 4 == 0) peak = Math.max(peak, peak(pool));
                }
                System.out.printf("%-32s %7.1f GFLOP/s  %3.0f %% of %.0f%n", line, best, 100 * best / peak, peak);
            }
        }
    }

    private static List<String> cases(String which) {
        var lines = new ArrayList<String>();
        if (which.equals("gemm") || which.equals("all")) lines.addAll(ContractionCase.MATRICES);
        for (var direction : ContractionCase.DIRECTIONS) {
            if (which.equals("wrn") || which.equals("all")) {
                for (var sizes : ContractionCase.WRN_16_4) lines.add(direction + " " + sizes);
            }
            if (which.equals("mixed") || which.equals("all")) {
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
