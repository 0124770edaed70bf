package hesse.experiment;

import hesse.data.DataFolders;
import hesse.error.UserException;
import hesse.experiment.RunRecord.Status;
import hesse.run.Console;
import hesse.run.Interruption;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Makes runs, one after another in each of some workers, each run in the folder of its hash. Runs that ended are passed over, those begun
 * go on from their checkpoints; so a sweep may be stopped at any moment and called again, or be worked on by several processes.
 */
public final class Sweeper {
    /**
     * How runs are made.
     *
     * @param runs the folder that holds their folders
     * @param jobs workers, at least 1
     * @param retry whether runs that failed are tried again
     */
    public record Options(Path runs, int jobs, boolean retry, DataFolders data) {}

    /**
     * How it ended.
     *
     * @param counts of runs by status
     * @param interrupted whether the process was asked to stop
     */
    public record Outcome(Map<Status, Integer> counts, boolean interrupted) {
        public int count(Status status) {
            return counts.getOrDefault(status, 0);
        }
    }

    private final Options options;
    private final Console console;

    public Sweeper(Options options, Console console) {
        this.options = options;
        this.console = console;
    }

    /**
     * The runs of one part of several, by the order of hashes.
     *
     * @param part from 1 to {@code parts}
     */
    public static List<PlannedRun> shard(Collection<PlannedRun> runs, int part, int parts) {
        var ordered =
                runs.stream().sorted(Comparator.comparing(PlannedRun::hash)).toList();
        var own = new java.util.HashSet<String>();
        for (int i = part - 1; i < ordered.size(); i += parts)
            own.add(ordered.get(i).hash());
        return runs.stream().filter(r -> own.contains(r.hash())).toList();
    }

    /** Makes those of the runs that are not there yet, in their order. */
    public Outcome run(List<PlannedRun> runs) throws InterruptedException {
        var queue = new ConcurrentLinkedQueue<PlannedRun>();
        for (var run : runs) if (!settled(run)) queue.add(run);
        boolean stopped = false;
        if (!queue.isEmpty()) {
            try (var interruption = new Interruption();
                    var display = new SweepProgress(console, runs.size() - queue.size(), runs.size(), options.jobs())) {
                work(queue, display, interruption);
                stopped = interruption.asked();
            }
        }
        var counts = new EnumMap<Status, Integer>(Status.class);
        for (var run : runs) counts.merge(RunRecord.status(folder(run)), 1, Integer::sum);
        return new Outcome(counts, stopped);
    }

    private Path folder(PlannedRun run) {
        return options.runs().resolve(run.hash());
    }

    private boolean settled(PlannedRun run) {
        return switch (RunRecord.status(folder(run))) {
            case DONE -> true;
            case DIVERGED, FAILED -> !options.retry();
            case OPEN -> false;
        };
    }

    private void work(Queue<PlannedRun> queue, SweepProgress display, Interruption interruption)
            throws InterruptedException {
        int workers = Math.min(options.jobs(), queue.size());
        try (var pool = Executors.newFixedThreadPool(workers)) {
            var all = new ArrayList<Future<?>>();
            for (int i = 0; i < workers; i++) {
                all.add(pool.submit(() -> {
                    serve(queue, display, interruption);
                    return null;
                }));
            }
            for (var one : all) one.get();
        } catch (ExecutionException e) {
            queue.clear();
            var cause = e.getCause();
            if (cause instanceof RuntimeException r) throw r;
            if (cause instanceof Error error) throw error;
            if (cause instanceof InterruptedException interrupted) throw interrupted;
            throw new IllegalStateException(e);
        }
    }

    private void serve(Queue<PlannedRun> queue, SweepProgress display, Interruption interruption)
            throws InterruptedException {
        try (var bench = new Workbench(options.data(), console)) {
            for (var run = queue.poll(); run != null && !interruption.asked(); run = queue.poll()) {
                one(run, bench, display);
            }
        }
    }

    /** One at a time, also among processes that share the folder. */
    private void one(PlannedRun run, Workbench bench, SweepProgress display) throws InterruptedException {
        Path folder = folder(run);
        try {
            Files.createDirectories(folder);
            try (var channel = FileChannel.open(
                            folder.resolve(".sweep-lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    var lock = channel.lock()) {
                if (!settled(run)) make(run, folder, bench);
            }
        } catch (IOException e) {
            throw RunRecord.failed(folder, e);
        }
        display.ended(run, RunRecord.status(folder), folder);
    }

    private void make(PlannedRun run, Path folder, Workbench bench) throws InterruptedException {
        RunRecord.forget(folder);
        try {
            run.task().run(run.config(), folder, bench);
        } catch (UserException e) {
            RunRecord.failure(folder, e);
        } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
            // one run's defect does not end the others
            RunRecord.failure(folder, e);
        }
    }

    /** Writes the table of runs beside their folder. */
    public void table(Collection<PlannedRun> runs, Collection<String> keys, Path file) {
        RunRecord.writeText(file, RunTable.of(runs, keys, options.runs()));
    }

    /** Why runs failed that did not diverge, by message, with their number; at most so many messages. */
    public List<String> failures(List<PlannedRun> runs, int most) {
        var messages = new HashMap<String, List<String>>();
        for (var run : runs) {
            if (RunRecord.status(folder(run)) != Status.FAILED) continue;
            RunRecord.failureMessage(folder(run))
                    .ifPresent(m ->
                            messages.computeIfAbsent(m, k -> new ArrayList<>()).add(run.hash()));
        }
        return messages.entrySet().stream()
                .sorted(Comparator.comparing(e -> e.getValue().getFirst()))
                .limit(most)
                .map(e -> e.getValue().getFirst()
                        + (e.getValue().size() > 1 ? " and " + (e.getValue().size() - 1) + " more" : "") + ": "
                        + e.getKey())
                .toList();
    }
}
