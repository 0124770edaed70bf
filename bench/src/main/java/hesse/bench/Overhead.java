package hesse.bench;

import hesse.plan.PlanCost;
import hesse.run.RunContext;
import hesse.run.StepTrial;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * What each method costs beside plain descent on one configuration and device: time, contractions and memory of a step. Times are taken in
 * rounds of one step of each method, so that a change of the machine's speed meets all of them alike.
 */
public final class Overhead {
    /**
     * What one method was seen to cost.
     *
     * @param milliseconds of each step, in order
     * @param multiplyAdds of a step's contractions, recomputed ones included
     * @param kernels structurally different fused kernels
     * @param bytes held for the step: parameters, optimizer state, batch, and slabs of its plans
     */
    public record Cost(String method, double[] milliseconds, double multiplyAdds, int kernels, long bytes) {
        double median() {
            return quantile(milliseconds, 0.5);
        }

        /** Times in units of another method's, round by round. */
        double[] ratios(Cost to) {
            var r = new double[milliseconds.length];
            for (int i = 0; i < r.length; i++) r[i] = milliseconds[i] / to.milliseconds[i];
            return r;
        }

        /** The row of a report, in units of plain descent's. */
        Map<String, Object> toMap(Cost sgd) {
            var m = new LinkedHashMap<String, Object>();
            m.put("method", method);
            if (milliseconds.length > 0) {
                m.put("median_ms", median());
                m.put("ratio", quantile(ratios(sgd), 0.5));
                m.put("ratio_quartiles", List.of(quantile(ratios(sgd), 0.25), quantile(ratios(sgd), 0.75)));
            }
            m.put("contractions", multiplyAdds);
            m.put("contractions_ratio", multiplyAdds / sgd.multiplyAdds);
            m.put("kernels", kernels);
            m.put("bytes", bytes);
            m.put("bytes_ratio", bytes / (double) sgd.bytes);
            m.put("milliseconds", Arrays.stream(milliseconds).boxed().toList());
            return m;
        }
    }

    /** One method ready to be timed. */
    private record Entry(String method, StepTrial trial, double[] milliseconds) {}

    private Overhead() {}

    /**
     * Measures.
     *
     * @param contexts of each method by its name, on one backend; the first is plain descent
     * @param steps timed steps of each method; 0 counts only, and holds one method at a time
     * @param warmUpSeconds untimed rounds go on so long, so that kernels are compiled
     */
    static List<Cost> measure(Map<String, RunContext> contexts, int steps, double warmUpSeconds, Consumer<String> log)
            throws InterruptedException {
        if (steps == 0) return counted(contexts, log);
        var entries = new ArrayList<Entry>();
        var batch = StepTrial.firstBatch(contexts.values().iterator().next());
        try {
            contexts.forEach((name, context) -> {
                log.accept("compiling " + name);
                entries.add(new Entry(name, new StepTrial(context, batch), new double[steps]));
            });
            warmUp(() -> entries.forEach(e -> e.trial.run()), warmUpSeconds);
            log.accept("timing " + steps + " rounds of " + entries.size() + " methods");
            for (int i = 0; i < steps; i++) {
                // each round begins with another method
                for (int k = 0; k < entries.size(); k++) {
                    var e = entries.get((k + i) % entries.size());
                    long before = System.nanoTime();
                    e.trial.run();
                    e.milliseconds[i] = (System.nanoTime() - before) / 1e6;
                }
            }
            return entries.stream().map(Overhead::cost).toList();
        } finally {
            entries.forEach(e -> e.trial.close());
        }
    }

    /** Contractions and memory alone, one method after the other. */
    private static List<Cost> counted(Map<String, RunContext> contexts, Consumer<String> log)
            throws InterruptedException {
        var costs = new ArrayList<Cost>();
        var batch = StepTrial.firstBatch(contexts.values().iterator().next());
        for (var c : contexts.entrySet()) {
            log.accept("compiling " + c.getKey());
            try (var trial = new StepTrial(c.getValue(), batch)) {
                costs.add(cost(new Entry(c.getKey(), trial, new double[0])));
            }
        }
        return costs;
    }

    /** Runs something twice at least, and so long. */
    static void warmUp(Runnable work, double seconds) {
        long end = System.nanoTime() + (long) (seconds * 1e9);
        for (int i = 0; i < 2 || System.nanoTime() < end; i++) work.run();
    }

    private static Cost cost(Entry e) {
        var parts = e.trial.parts();
        double multiplyAdds = parts.stream()
                .mapToDouble(p -> p.times() * PlanCost.multiplyAdds(p.plan()))
                .sum();
        int kernels = parts.stream()
                .flatMap(p -> PlanCost.kernels(p.plan()).stream())
                .collect(Collectors.toSet())
                .size();
        return new Cost(e.method, e.milliseconds, multiplyAdds, kernels, e.trial.bytes());
    }

    /** The q-quantile of some values, between neighbours linearly. */
    public static double quantile(double[] values, double q) {
        var sorted = values.clone();
        Arrays.sort(sorted);
        double at = q * (sorted.length - 1);
        int i = (int) Math.floor(at);
        double next = sorted[Math.min(i + 1, sorted.length - 1)];
        return sorted[i] + (at - i) * (next - sorted[i]);
    }
}
