package hesse.bench.proof;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Times of repeated work.
 *
 * @param milliseconds of one run in each round, sorted
 * @param runs in each round
 */
record Timing(double[] milliseconds, int runs) {
    /** Work that is given to a device, and the wait until it is done. */
    interface Work {
        void give();

        /** Returns when all that was given is done. */
        void await();
    }

    private static final int WARM_UPS = 4;
    private static final int ROUNDS = 7;
    private static final double ROUND_SECONDS = 0.1;

    /**
     * Measures. Each round gives so many runs at once that it lasts a tenth of a second, if they are short.
     *
     * @param seconds that measuring may take, after the first runs; two rounds are made in any case
     */
    static Timing of(Work work, double seconds) {
        for (int i = 0; i < WARM_UPS; i++) work.give();
        work.await();
        double one = time(work, 1);
        int runs = (int) Math.clamp(ROUND_SECONDS / Math.max(one, 1e-7), 1, 10_000);
        if (runs > 1) one = time(work, runs) / runs;
        var budget = Budget.ofSeconds(seconds);
        var times = new double[ROUNDS];
        int n = 0;
        while (n < ROUNDS && (n < 2 || !budget.isOver())) times[n++] = 1e3 * time(work, runs) / runs;
        var sorted = Arrays.copyOf(times, n);
        Arrays.sort(sorted);
        return new Timing(sorted, runs);
    }

    private static double time(Work work, int runs) {
        long start = System.nanoTime();
        for (int i = 0; i < runs; i++) work.give();
        work.await();
        return (System.nanoTime() - start) / 1e9;
    }

    double median() {
        int n = milliseconds.length;
        return (milliseconds[(n - 1) / 2] + milliseconds[n / 2]) / 2;
    }

    /** For JSON. */
    Map<String, Object> toMap() {
        var m = new LinkedHashMap<String, Object>();
        m.put("milliseconds", median());
        m.put("least", milliseconds[0]);
        m.put("most", milliseconds[milliseconds.length - 1]);
        m.put("rounds", milliseconds.length);
        m.put("runs_per_round", runs);
        return m;
    }
}
