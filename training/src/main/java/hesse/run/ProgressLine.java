package hesse.run;

import java.util.Locale;
import java.util.Map;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** How far a run is, on standard error: a bar on a terminal, plain lines otherwise, nothing when quiet. */
final class ProgressLine implements AutoCloseable {
    private final Console console;
    private final long total;
    private final @Nullable ProgressBar bar;

    ProgressLine(Console console, long done, long total) {
        this.console = console;
        this.total = total;
        this.bar = console.terminal() && !console.quiet()
                ? new ProgressBarBuilder()
                        .setTaskName("train")
                        .setInitialMax(total)
                        .startsFrom(done, java.time.Duration.ZERO)
                        .setUnit(" steps", 1)
                        .showSpeed()
                        .setStyle(console.colour() ? ProgressBarStyle.COLORFUL_UNICODE_BLOCK : ProgressBarStyle.ASCII)
                        .setConsumer(new ConsoleProgressBarConsumer(console.err()))
                        .build()
                : null;
    }

    void step() {
        if (bar != null) bar.step();
    }

    /** Metrics of a training step. */
    void metrics(long step, Map<String, Double> values) {
        // the bar puts it right behind the rate
        String loss = String.format(Locale.ROOT, " loss %.4f", values.getOrDefault("loss", Double.NaN));
        if (bar != null) bar.setExtraMessage(loss);
    }

    /** The end of an epoch or another evaluation. */
    void evaluated(long step, double trainLoss, Progress.Evaluated test) {
        if (bar != null) return;
        String accuracy =
                Double.isNaN(test.accuracy()) ? "" : String.format(Locale.ROOT, ", accuracy %.4f", test.accuracy());
        console.log(String.format(
                Locale.ROOT,
                "step %d/%d: train loss %.4f; test loss %.4f%s",
                step,
                total,
                trainLoss,
                test.loss(),
                accuracy));
    }

    @Override
    public void close() {
        if (bar != null) bar.close();
    }
}
