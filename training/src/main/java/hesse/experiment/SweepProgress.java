package hesse.experiment;

import hesse.experiment.RunRecord.Status;
import hesse.run.Console;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** How far a sweep is, on standard error: one bar on a terminal, otherwise a line for each run, with the time that is left. */
final class SweepProgress implements AutoCloseable {
    private final Console console;
    private final int total;
    private final int before;
    private final long began = System.nanoTime();
    private int done;
    private final @Nullable ProgressBar bar;

    SweepProgress(Console console, int done, int total, int jobs) {
        this.console = console;
        this.before = done;
        this.done = done;
        this.total = total;
        if (done > 0) console.log(done + " of " + total + " runs are there already");
        this.bar = console.terminal() && !console.quiet()
                ? new ProgressBarBuilder()
                        .setTaskName("runs" + (jobs > 1 ? ", " + jobs + " at a time" : ""))
                        .setInitialMax(total)
                        .startsFrom(done, Duration.ZERO)
                        .setUnit(" runs", 1)
                        .setStyle(console.colour() ? ProgressBarStyle.COLORFUL_UNICODE_BLOCK : ProgressBarStyle.ASCII)
                        .setConsumer(new ConsoleProgressBarConsumer(console.err()))
                        .build()
                : null;
    }

    synchronized void ended(PlannedRun run, Status status, Path folder) {
        if (status == Status.OPEN) return;
        done++;
        var result = switch (status) {
            case DIVERGED -> "diverged";
            case FAILED -> "FAILED";
            case DONE, OPEN ->
                RunRecord.summary(folder)
                        .map(s -> s.path("test").path("accuracy"))
                        .filter(a -> a.isNumber())
                        .map(a -> String.format(Locale.ROOT, "accuracy %.4f", a.asDouble()))
                        .orElse("done");
        };
        if (bar != null) {
            bar.setExtraMessage(" " + result);
            bar.step();
            return;
        }
        console.log(
                String.format(Locale.ROOT, "run %d/%d, %s left: %s: %s", done, total, left(), run.describe(), result));
    }

    private String left() {
        double each = (System.nanoTime() - began) / 1e9 / (done - before);
        long seconds = Math.round(each * (total - done));
        return seconds < 120 ? seconds + " s" : seconds < 7200 ? seconds / 60 + " min" : seconds / 3600 + " h";
    }

    @Override
    public void close() {
        if (bar != null) bar.close();
    }
}
