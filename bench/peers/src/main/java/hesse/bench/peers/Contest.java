package hesse.bench.peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Times one case in all processes by turns: each round asks every variant once, beginning with another one each time, so that a change of
 * the machine's speed meets all alike. Only one process works at a time; a pause lets the threads of the one before fall asleep.
 */
final class Contest {
    /**
     * How long is measured.
     *
     * @param warmUp seconds that each variant of a contraction runs untimed
     * @param stepWarmUp the same of a training step, in which more kernels are compiled
     * @param slice seconds that a variant runs in a round at least, if that takes more than one run
     */
    record Plan(int rounds, double warmUp, double stepWarmUp, double slice) {}

    /** A variant's milliseconds in each round, and the numbers it came to. */
    record Entry(String name, double[] milliseconds, Map<String, Double> figures) {}

    /** The case and its entries, Hesse's first. */
    record Outcome(String line, List<Entry> entries) {}

    private static final long PAUSE_MILLIS = 30;
    /** A run of so many seconds leaves nothing of what was in the caches before it. */
    private static final double LONG = 0.1;

    private static final int MOST_RUNS = 10_000;

    /** A variant in its process. */
    private record Runner(Worker worker, String variant, int runs, Entry entry) {
        int untimed() {
            return runs > 1 ? 1 : 0;
        }
    }

    private final List<Worker> workers;
    private final int general;
    private final Plan plan;

    /**
     * @param workers Hesse's first
     * @param general how many of them, from the first, do more than matrix products
     */
    Contest(List<Worker> workers, int general, Plan plan) {
        this.workers = List.copyOf(workers);
        this.general = general;
        this.plan = plan;
    }

    Outcome run(String line) throws IOException, InterruptedException {
        var folder = Files.createTempDirectory("hesse-peers");
        try {
            var runners = new ArrayList<Runner>();
            double seconds = line.startsWith("step ") ? plan.stepWarmUp : plan.warmUp;
            for (var worker : workers) {
                if (!takesPart(worker, line)) continue;
                for (var variant : worker.open(line, folder)) runners.add(ready(worker, variant, seconds));
            }
            for (int i = 0; i < plan.rounds; i++) {
                for (int k = 0; k < runners.size(); k++) {
                    var r = runners.get((k + i) % runners.size());
                    Thread.sleep(PAUSE_MILLIS);
                    r.entry.milliseconds[i] = r.worker.nanos(r.variant, r.untimed(), r.runs) / 1e6;
                }
            }
            for (var worker : workers) if (takesPart(worker, line)) worker.free();
            return new Outcome(line, runners.stream().map(Runner::entry).toList());
        } finally {
            delete(folder);
        }
    }

    /** Convolutions are oneDNN's or libtorch's own, whatever the BLAS: one peer is enough. */
    private boolean takesPart(Worker worker, String line) {
        int i = workers.indexOf(worker);
        return line.startsWith("gemm ") || (line.startsWith("step ") ? i < general : i < 2);
    }

    private Runner ready(Worker worker, String variant, double warmUp) throws IOException {
        var figures = worker.figures(variant);
        double last = worker.nanos(variant, 0, 1) / 1e9;
        for (double spent = last; spent < warmUp; ) {
            int runs = (int) Math.clamp(warmUp / 4 / last, 1, MOST_RUNS);
            last = worker.nanos(variant, 0, runs) / 1e9;
            spent += runs * last;
        }
        int runs = last > LONG ? 1 : (int) Math.clamp(Math.ceil(plan.slice / last), 2, MOST_RUNS);
        var name = worker.name().equals(variant) ? variant : worker.name() + "/" + variant;
        return new Runner(worker, variant, runs, new Entry(name, new double[plan.rounds], figures));
    }

    private static void delete(Path folder) throws IOException {
        try (var files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> {
                try {
                    Files.delete(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    /**
     * Checks that all did the same: products within an error relative to the whole, steps in each of their numbers.
     *
     * @return what is wrong, empty if nothing is
     */
    static List<String> differences(Outcome outcome, double tolerance) {
        var wrong = new ArrayList<String>();
        var ours = outcome.entries.getFirst().figures;
        for (var peer : outcome.entries.subList(1, outcome.entries.size())) {
            var errors = new LinkedHashMap<String, Double>();
            peer.figures.forEach((name, value) -> {
                if (name.equals("error")) errors.put(name, value);
                else if (ours.get(name) instanceof Double own) errors.put(name, Math.abs(value / own - 1));
            });
            errors.forEach((name, error) -> {
                if (!(error <= tolerance))
                    wrong.add("%s: %s of %s differs by %.2g".formatted(outcome.line, name, peer.name, error));
            });
            if (errors.isEmpty()) wrong.add(outcome.line + ": nothing to compare with " + peer.name);
        }
        return wrong;
    }
}
