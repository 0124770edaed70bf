package hesse.run;

import java.util.LinkedHashMap;
import java.util.Map;

/** Time of steps since the last line of {@code timings.jsonl}. */
final class StepClock {
    private long steps;
    private long nanos;
    private long waited;

    void add(long stepNanos, long waitNanos) {
        steps++;
        nanos += stepNanos;
        waited += waitNanos;
    }

    /** Mean seconds of a step and of waiting for its data; begins anew. */
    Map<String, Object> line(long step) {
        var line = new LinkedHashMap<String, Object>();
        line.put("step", step);
        line.put("seconds", nanos / 1e9 / steps);
        line.put("data_wait_seconds", waited / 1e9 / steps);
        steps = 0;
        nanos = 0;
        waited = 0;
        return line;
    }
}
