package hesse.bench;

import hesse.bench.Signatures.Run;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/**
 * What the runs of {@link Signatures} say, by rules fixed beforehand. ± is a standard error over seeds; that of a difference of two means
 * is the root of the sum of their squares.
 */
final class SignatureRules {
    /** Mean and standard error over seeds. */
    record Mean(double value, double error, int seeds) {
        static Mean of(List<Run> runs) {
            int n = runs.size();
            double mean = runs.stream().mapToDouble(Run::accuracy).sum() / n;
            double squares = runs.stream()
                    .mapToDouble(r -> (r.accuracy() - mean) * (r.accuracy() - mean))
                    .sum();
            return new Mean(mean, n > 1 ? Math.sqrt(squares / (n - 1) / n) : Double.NaN, n);
        }

        Mean minus(Mean other) {
            return new Mean(value - other.value, Math.hypot(error, other.error), Math.min(seeds, other.seeds));
        }

        String percent() {
            return String.format(Locale.ROOT, "%.2f ± %.2f", 100 * value, 100 * error);
        }
    }

    private final List<Run> runs;
    private final List<Double> rhos;

    private SignatureRules(List<Run> runs) {
        this.runs = runs;
        this.rhos = List.copyOf(
                new TreeSet<>(runs.stream().map(Run::rho).filter(r -> r > 0).toList()));
    }

    /** A table of test accuracies in percent, and a verdict by each rule that the runs suffice for. */
    static List<String> lines(List<Run> runs) {
        var rules = new SignatureRules(runs);
        var lines = new ArrayList<>(rules.table());
        lines.add("");
        lines.addAll(rules.verdicts());
        return lines;
    }

    private List<Run> of(String arm, double rho) {
        return runs.stream().filter(r -> r.arm().equals(arm) && r.rho() == rho).toList();
    }

    private Mean mean(String arm, double rho) {
        return Mean.of(of(arm, rho));
    }

    private List<String> table() {
        var lines = new ArrayList<String>();
        lines.add("| test accuracy, % | "
                + String.join(" | ", rhos.stream().map(r -> "ρ = " + r).toList()) + " |");
        lines.add("| --- |" + " --- |".repeat(rhos.size()));
        for (var arm : Signatures.ARMS) {
            var cells = new ArrayList<String>();
            for (double rho : rhos) {
                var some = of(arm.name(), arm.hasStrength() ? rho : 0);
                cells.add(some.isEmpty() ? "" : Mean.of(some).percent());
            }
            lines.add("| " + arm.name() + " | " + String.join(" | ", cells) + " |");
        }
        lines.add("seeds: "
                + runs.stream().map(Run::seed).distinct().count() + ", not finite: "
                + runs.stream().filter(r -> !r.finite()).count() + " of " + runs.size() + " runs");
        return lines;
    }

    private boolean has(String... arms) {
        for (var arm : arms) for (double rho : rhos) if (of(arm, rho).size() < 2) return false;
        return !rhos.isEmpty();
    }

    private double best(String arm) {
        return rhos.stream()
                .max(Comparator.comparingDouble(rho -> mean(arm, rho).value()))
                .orElseThrow();
    }

    private List<String> verdicts() {
        var lines = new ArrayList<String>();
        if (has("gelu-sam", "gelu-psam")) {
            double sam = best("gelu-sam");
            double psam = best("gelu-psam");
            var d = mean("gelu-psam", psam).minus(mean("gelu-sam", sam));
            lines.add(verdict(
                    "GELU: the best PSAM is within 2 s.e. of the best SAM",
                    Math.abs(d.value()) <= 2 * d.error(),
                    "PSAM at ρ = " + psam + " − SAM at ρ = " + sam + ": " + d.percent()));
        }
        if (has("relu-sam", "relu-psam")) {
            for (double rho : rhos) {
                var d = mean("relu-psam", rho).minus(mean("relu-sam", rho));
                lines.add(verdict(
                        "ReLU, ρ = " + rho + ": PSAM is below SAM by more than 3 s.e.",
                        d.value() < -3 * d.error(),
                        "PSAM − SAM: " + d.percent()));
            }
        }
        if (has("gelu-zero-psam", "gelu-psam", "relu-psam")) {
            double toRelu = distance("gelu-zero-psam", "relu-psam");
            double toGelu = distance("gelu-zero-psam", "gelu-psam");
            lines.add(verdict(
                    "φ″ := 0: PSAM's curve over ρ is closer to ReLU's than to GELU's",
                    toRelu < toGelu,
                    String.format(
                            Locale.ROOT,
                            "root mean square distance in points: %.2f to ReLU, %.2f to GELU",
                            100 * toRelu,
                            100 * toGelu)));
        }
        if (has("relu-gaussian-psam", "relu-psam", "relu-sam")) {
            for (double rho : rhos) {
                var fall = mean("relu-psam", rho).minus(mean("relu-sam", rho));
                boolean collapsed = fall.value() < -3 * fall.error();
                var d = mean("relu-gaussian-psam", rho).minus(mean("relu-psam", rho));
                lines.add(
                        collapsed
                                ? verdict(
                                        "synthetic φ″, ρ = " + rho + ": above plain ReLU-PSAM by more than 2 s.e.",
                                        d.value() > 2 * d.error(),
                                        "difference " + d.percent())
                                : "not applicable: synthetic φ″, ρ = " + rho
                                        + ": plain ReLU-PSAM has not collapsed (difference " + d.percent() + ")");
            }
        }
        return lines;
    }

    private double distance(String a, String b) {
        double squares = 0;
        for (double rho : rhos) {
            double d = mean(a, rho).value() - mean(b, rho).value();
            squares += d * d;
        }
        return Math.sqrt(squares / rhos.size());
    }

    private static String verdict(String rule, boolean shows, String figures) {
        return (shows ? "shows: " : "does not show: ") + rule + " (" + figures + ")";
    }
}
