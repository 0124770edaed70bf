package hesse.optim;

/**
 * The learning rate of each optimizer step t = 0 … T−1: linear from lr/W over the W warm-up steps, then the schedule's value.
 *
 * @param total T, the steps of the whole run
 * @param warmup W
 */
public record LearningRate(OptimizerConfig config, long total, long warmup) {
    /** With a warm-up given in epochs turned into steps. */
    public static LearningRate of(OptimizerConfig config, long total, long stepsPerEpoch) {
        var w = config.warmup();
        return new LearningRate(config, total, w.steps() > 0 ? w.steps() : Math.round(w.epochs() * stepsPerEpoch));
    }

    /** lr at step t. */
    public double at(long t) {
        double lr = config.learningRate();
        if (t < warmup) return lr * (t + 1) / warmup;
        return switch (config.schedule()) {
            case OptimizerConfig.Schedule.Constant c -> lr;
            case OptimizerConfig.Schedule.Cosine c -> lr * 0.5 * (1 + Math.cos(Math.PI * t / total));
            case OptimizerConfig.Schedule.Step s ->
                lr * Math.pow(s.factor(), s.at().stream().filter(at -> at <= t).count());
        };
    }
}
