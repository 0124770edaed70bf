package hesse.run;

import hesse.data.Shuffle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/**
 * The main job in about a minute: one small network on handwritten digits, trained by SGD, SAM and PSAM, with GELU and with ReLU, and
 * the curvature it ends in. Rounds of all six runs, one seed each, until the time is up; at least two, so that there is a spread.
 */
public final class Quickstart {
    /** The methods, as they are named in tables. */
    public static final List<String> METHODS = List.of("SGD", "SAM", "PSAM");
    /** The activations, likewise. */
    public static final List<String> ACTIVATIONS = List.of("GELU", "ReLU");

    private static final double RHO = 0.1;
    private static final int EXAMPLES = 512;
    private static final int PROBES = 50;
    private static final int PRODUCTS = 40;
    private static final int ROUNDS_AT_LEAST = 2;
    private static final int ROUNDS_AT_MOST = 5;
    /** 97.5 % quantiles of Student's t for 2, 3, … seeds. */
    private static final double[] STUDENT = {12.71, 4.30, 3.18, 2.78};

    /**
     * One trained network.
     *
     */
    public record Outcome(
            String method,
            String activation,
            int seed,
            double accuracy,
            double loss,
            double eigenvalue,
            double traceGaussNewton,
            double traceHessian,
            double stepSeconds,
            Path folder) {}

    /** Mean over seeds, and its standard error. */
    public record Mean(double value, double error) {}

    private final Path folder;
    private final Console console;
    private final List<Outcome> outcomes = new ArrayList<>();

    /** @param folder where runs and report are written */
    public Quickstart(Path folder, Console console) {
        this.folder = folder;
        this.console = console;
    }

    /** Runs for about so many seconds. */
    public List<Outcome> run(long seconds, List<String> overrides) throws InterruptedException {
        long began = System.nanoTime();
        try (var context = RunContext.open(
                config("SGD", "GELU", 0, overrides), Optional.empty(), Optional.empty(), console::log)) {
            console.log(context.backend().description());
            for (int seed = 0; seed < ROUNDS_AT_MOST; seed++) {
                long before = System.nanoTime();
                for (var activation : ACTIVATIONS) {
                    for (var method : METHODS)
                        one(context.with(config(method, activation, seed, overrides)), method, activation, seed);
                }
                long now = System.nanoTime();
                boolean another = now - began + (now - before) < TimeUnit.SECONDS.toNanos(seconds);
                if (seed + 1 >= ROUNDS_AT_LEAST && !another) break;
            }
        }
        return List.copyOf(outcomes);
    }

    private static Config config(String method, String activation, int seed, List<String> overrides) {
        var set = new ArrayList<>(List.of(
                "model.hidden=[128, 128]",
                "model.activation=" + activation.toLowerCase(Locale.ROOT),
                "train.epochs=12",
                "train.seed=" + seed,
                method.equals("SGD")
                        ? "method={kind: sgd}"
                        : "method={kind: " + method.toLowerCase(Locale.ROOT) + ", rho: " + RHO + "}"));
        set.addAll(overrides);
        return Config.load("digits-mlp", set);
    }

    private void one(RunContext context, String method, String activation, int seed) throws InterruptedException {
        var run = folder.resolve((method + "-" + activation).toLowerCase(Locale.ROOT) + "-seed" + seed);
        var silent = new Console(console.out(), console.err(), true, false, false);
        try (var trainer = new Trainer(context, run, false, silent)) {
            var result = trainer.run();
            var test = result.test().orElseThrow();
            var train = context.data().train();
            var part = train.pick(Shuffle.identity(Math.min(EXAMPLES, train.size())));
            try (var curvature = new StateCurvature(context, trainer.state(), part)) {
                var top = curvature.largestEigenvalue(0, PRODUCTS, 1e-2);
                var traces = curvature.traces(0, PROBES);
                var o = new Outcome(
                        method,
                        activation,
                        seed,
                        test.accuracy(),
                        test.loss(),
                        top.values()[0],
                        traces.gaussNewton().estimate(),
                        traces.hessian().estimate(),
                        result.stepSeconds(),
                        run);
                outcomes.add(o);
                console.log(String.format(
                        Locale.ROOT,
                        "%-4s %s, seed %d: test accuracy %.1f %%, λ₁(H) %.3g",
                        method,
                        activation,
                        seed,
                        100 * o.accuracy(),
                        o.eigenvalue()));
            }
        }
    }

    /** A quantity of one method and activation over the seeds. */
    public static Mean mean(List<Outcome> all, String method, String activation, ToDoubleFunction<Outcome> quantity) {
        return mean(all.stream()
                .filter(o -> o.method().equals(method) && o.activation().equals(activation))
                .mapToDouble(quantity)
                .toArray());
    }

    /** By how much a quantity differs from SGD's, seed by seed. */
    public static Mean difference(
            List<Outcome> all, String method, String activation, ToDoubleFunction<Outcome> quantity) {
        return mean(all.stream()
                .filter(o -> o.method().equals(method) && o.activation().equals(activation))
                .mapToDouble(o -> quantity.applyAsDouble(o)
                        - mean(all.stream().filter(s -> s.seed() == o.seed()).toList(), "SGD", activation, quantity)
                                .value())
                .toArray());
    }

    private static Mean mean(double[] values) {
        int n = values.length;
        double mean = java.util.Arrays.stream(values).sum() / n;
        double squares = java.util.Arrays.stream(values)
                .map(v -> (v - mean) * (v - mean))
                .sum();
        return new Mean(mean, n > 1 ? Math.sqrt(squares / (n - 1) / n) : Double.NaN);
    }

    /** What the numbers say, a sentence for each activation; effects that a t-test would not tell from zero (95 %) are called noise. */
    public static String conclusion(List<Outcome> all) {
        var text = new StringBuilder();
        long seeds = all.stream().mapToInt(Outcome::seed).distinct().count();
        for (var activation : ACTIVATIONS) {
            text.append("With ").append(activation).append(", against SGD: ");
            var parts = new ArrayList<String>();
            for (var method : METHODS.subList(1, METHODS.size())) {
                var accuracy = difference(all, method, activation, o -> 100 * o.accuracy());
                var log = difference(all, method, activation, o -> Math.log(o.eigenvalue()));
                parts.add(String.format(
                        Locale.ROOT,
                        "%s ends at %.2f times the λ₁(H)%s, with %+.1f ± %.1f points of test accuracy%s",
                        method,
                        Math.exp(log.value()),
                        noise(log, seeds),
                        accuracy.value(),
                        accuracy.error(),
                        noise(accuracy, seeds)));
            }
            text.append(String.join("; ", parts)).append(". ");
        }
        return text.append("(")
                .append(seeds)
                .append(" seeds; ± is a standard error.)")
                .toString();
    }

    private static String noise(Mean m, long seeds) {
        double quantile = STUDENT[(int) Math.min(seeds, STUDENT.length + 1L) - 2];
        return Math.abs(m.value()) <= quantile * m.error() ? " (within the noise)" : "";
    }
}
