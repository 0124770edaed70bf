package hesse.run;

import java.util.LinkedHashMap;
import java.util.Map;

/** Time and cost of steps since the last line of {@code timings.jsonl}. */
final class StepClock {
    private long steps;
    private long nanos;
    private long waited;
    private long exchanged;
    private double multiplyAdds;
    private final long[] recent = new long[1000];
    private long all;

    /** @param exchangeNanos of the step's, in exchanges with other ranks */
    void add(long stepNanos, long waitNanos, long exchangeNanos, double stepMultiplyAdds) {
        recent[(int) (all++ % recent.length)] = stepNanos;
        steps++;
        nanos += stepNanos;
        waited += waitNanos;
        exchanged += exchangeNanos;
        multiplyAdds += stepMultiplyAdds;
    }

    /** Median over the second half of the last (at most 1000) steps; NaN before the first. */
    double medianSeconds() {
        int n = (int) Math.min(all, recent.length);
        if (n == 0) return Double.NaN;
        int half = Math.max(1, n / 2);
        long[] last = new long[half];
        for (int i = 0; i < half; i++) last[i] = recent[(int) ((all - 1 - i) % recent.length)];
        java.util.Arrays.sort(last);
        return last[half / 2] / 1e9;
    }

    /** Mean seconds of a step and of waiting for its data, mean multiply-adds of its contractions; begins anew. */
    Map<String, Object> line(long step) {
        var line = new LinkedHashMap<String, Object>();
        line.put("step", step);
        line.put("seconds", nanos / 1e9 / steps);
        line.put("data_wait_seconds", waited / 1e9 / steps);
        if (exchanged > 0) line.put("exchange_seconds", exchanged / 1e9 / steps);
        line.put("multiply_adds", multiplyAdds / steps);
        steps = 0;
        nanos = 0;
        waited = 0;
        exchanged = 0;
        multiplyAdds = 0;
        return line;
    }
}
