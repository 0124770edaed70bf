package hesse.report;

import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * What the first steps of a run came to: seconds of steps (with waiting for data, without evaluation and probes) and multiply-adds of their
 * contractions. Between the lines of {@code timings.jsonl} it is linear; beyond the last one, and where nothing was written, NaN.
 */
final class RunClock {
    private final double[] steps;
    private final double[] seconds;
    private final double[] multiplyAdds;

    /** @param lines of {@code timings.jsonl}; a run that went on from a checkpoint repeats steps, and its later lines count */
    RunClock(List<JsonNode> lines) {
        int n = 0;
        double[] at = new double[lines.size() + 1];
        double[] time = new double[at.length];
        double[] work = new double[at.length];
        for (var line : lines) {
            double step = line.path("step").asDouble(0);
            while (n > 0 && at[n] >= step) n--;
            double span = step - at[n];
            n++;
            at[n] = step;
            double each = line.path("seconds").asDouble(Double.NaN)
                    + line.path("data_wait_seconds").asDouble(0);
            time[n] = time[n - 1] + span * each;
            work[n] = work[n - 1] + span * line.path("multiply_adds").asDouble(Double.NaN);
        }
        steps = Arrays.copyOf(at, n + 1);
        seconds = Arrays.copyOf(time, n + 1);
        multiplyAdds = Arrays.copyOf(work, n + 1);
    }

    double secondsAt(double step) {
        return at(step, seconds);
    }

    double multiplyAddsAt(double step) {
        return at(step, multiplyAdds);
    }

    private double at(double step, double[] values) {
        int i = Arrays.binarySearch(steps, step);
        if (i >= 0) return values[i];
        int next = -i - 1;
        if (next == 0 || next == steps.length) return Double.NaN;
        double share = (step - steps[next - 1]) / (steps[next] - steps[next - 1]);
        return values[next - 1] + share * (values[next] - values[next - 1]);
    }
}
