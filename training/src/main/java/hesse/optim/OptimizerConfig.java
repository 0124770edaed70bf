package hesse.optim;

import hesse.config.ConfigNode;
import java.util.List;
import java.util.Optional;

/**
 * The {@code optimizer} section.
 *
 * @param learningRate the peak η
 * @param weightDecay coefficient of θ in the update, or of η·θ beside it when {@code decoupled}
 * @param decay which parameters decay
 * @param clipNorm largest global norm of the update that the method hands over
 * @param warmup how the learning rate begins
 */
public record OptimizerConfig(
        Rule rule,
        double learningRate,
        double weightDecay,
        boolean decoupled,
        Decay decay,
        Optional<Double> clipNorm,
        Schedule schedule,
        Warmup warmup) {

    /** How a (clipped, decayed) update d becomes a step. */
    public sealed interface Rule {
        /** b = d at the first step, then momentum·b + d; the step is d + momentum·b with {@code nesterov}, else b. */
        record Sgd(double momentum, boolean nesterov) implements Rule {}

        /** Kingma, Ba 2015, with eps outside the root. */
        record Adam(double beta1, double beta2, double eps) implements Rule {}
    }

    /** Which parameters decay. */
    public enum Decay {
        ALL,
        /** Those of rank 2 or more: no biases, no norms. */
        WEIGHTS
    }

    /** The learning rate over optimizer steps t = 0…T−1. */
    public sealed interface Schedule {
        record Constant() implements Schedule {}

        /** lr·½(1 + cos πt/T). */
        record Cosine() implements Schedule {}

        /** lr·factor^(number of {@code at} that are ≤ t). */
        record Step(List<Integer> at, double factor) implements Schedule {}
    }

    /** Linear from lr/W over the first W steps. At most one of the two is above 0. */
    public record Warmup(int steps, double epochs) {}

    /** Reads the section; problems are noted in it. */
    public static OptimizerConfig read(ConfigNode n) {
        var kind = n.choice("kind", "sgd", "adam", "adamw").or("sgd");
        boolean sgd = kind.equals("sgd");
        double lr = n.number("lr").atLeast(0).or(sgd ? 0.1 : 1e-3);
        Rule rule = sgd ? sgd(n) : adam(n);
        return new OptimizerConfig(
                rule,
                lr,
                n.number("weight_decay").atLeast(0).or(kind.equals("adamw") ? 1e-2 : 0.0),
                n.flag("decoupled").or(kind.equals("adamw")),
                n.choice("decay", Decay.class).or(Decay.ALL),
                n.number("clip_norm").above(0).optional(),
                schedule(n.variant("schedule", "constant")),
                warmup(n));
    }

    private static Rule sgd(ConfigNode n) {
        double momentum = n.number("momentum").atLeast(0).below(1).or(0.0);
        boolean nesterov = n.flag("nesterov").or(false);
        if (nesterov && momentum == 0) n.problem("nesterov", "needs a momentum above 0");
        return new Rule.Sgd(momentum, nesterov);
    }

    private static Rule adam(ConfigNode n) {
        var betas = n.numbers("betas").atLeast(0).below(1).or(List.of(0.9, 0.999));
        if (betas.size() != 2) {
            n.problem("betas", "should be two numbers");
            betas = List.of(0.9, 0.999);
        }
        return new Rule.Adam(
                betas.get(0), betas.get(1), n.number("eps").above(0).or(1e-8));
    }

    private static Schedule schedule(ConfigNode n) {
        return switch (n.choice("kind", "constant", "cosine", "step").required()) {
            case "cosine" -> new Schedule.Cosine();
            case "step" ->
                new Schedule.Step(
                        n.integers("at").atLeast(0).required(),
                        n.number("factor").above(0).or(0.1));
            default -> new Schedule.Constant();
        };
    }

    private static Warmup warmup(ConfigNode n) {
        var key = n.either("warmup_steps", "warmup_epochs").orElse("");
        return switch (key) {
            case "warmup_steps" -> new Warmup(n.integer(key).atLeast(0).or(0), 0);
            case "warmup_epochs" -> new Warmup(0, n.number(key).atLeast(0).or(0.0));
            default -> new Warmup(0, 0);
        };
    }
}
