package hesse.sharpness;

import hesse.config.ConfigNode;
import java.util.List;
import java.util.Optional;

/**
 * The {@code method} section: what update a step hands to the optimizer. g is the gradient of the batch, ĝ = g/‖g‖, H its Hessian, G the
 * Gauss-Newton part of H and N the rest.
 */
public sealed interface MethodConfig {
    /** Every kind, in the order of the documentation. */
    List<String> KINDS = List.of(
            "sgd",
            "sam",
            "asam",
            "usam",
            "psam",
            "pusam",
            "gradient_penalty",
            "fd_gradient_penalty",
            "hessian_trace",
            "gn_trace",
            "trace_mix",
            "weight_noise");

    /** g. */
    record Sgd() implements MethodConfig {}

    /** ∇L(θ + ρĝ), perturbed by groups of {@code m} examples, at every {@code interval}-th step. */
    record Sam(Strength rho, Optional<Integer> m, int interval) implements MethodConfig {}

    /** ∇L(θ + ρ T²g/‖Tg‖), T = |θ| + eta for weights, 1 for other parameters. */
    record Asam(Strength rho, double eta) implements MethodConfig {}

    /** ∇L(θ + ρg). */
    record Usam(Strength rho) implements MethodConfig {}

    /** g + ρ H ĝ. */
    record Psam(Strength rho, Nme nme) implements MethodConfig {}

    /** g + 2ρ H g. */
    record Pusam(Strength rho, Nme nme) implements MethodConfig {}

    /** g + ρ p ‖g‖^(p−2) H g. */
    record GradientPenalty(Strength rho, double p, Nme nme) implements MethodConfig {}

    /** g + (ρ/r)(∇L(θ + rĝ) − g). */
    record FdGradientPenalty(Strength rho, double radius) implements MethodConfig {}

    /** g + σ² · mean over probes of ∇(vᵀHv). */
    record HessianTrace(Strength sigma2, int probes, Distribution distribution, Nme nme) implements MethodConfig {}

    /** g + σ² · an estimate of ∇ tr G. */
    record GnTrace(Strength sigma2, Estimator estimator) implements MethodConfig {
        /** Where the estimate comes from. */
        public sealed interface Estimator {
            /** s · 2 H_ŷ g_ŷ with labels ŷ drawn from the model, constant; s = number of labels, or 1 when {@code literal}. */
            record SampledLabels(boolean literal) implements Estimator {}

            /** s · 2 N_ŷ g_ŷ with ŷ = p + stop(onehot − p). */
            record StraightThrough(boolean literal) implements Estimator {}

            /** Mean over probes of ∇(vᵀGv). */
            record Hutchinson(int probes, Distribution distribution, boolean differentiateHz) implements Estimator {}
        }
    }

    /** g + σ² (∇ vᵀGv + c ∇ vᵀNv). */
    record TraceMix(Strength sigma2, double c, int probes, Distribution distribution) implements MethodConfig {}

    /** Mean of ∇L(θ + σv), and of θ − σv when {@code antithetic}. */
    record WeightNoise(Strength sigma2, int draws, boolean antithetic) implements MethodConfig {}

    /** What stands in the place of H. */
    enum Nme {
        /** G + N. */
        FULL,
        /** G. */
        NONE,
        /** G + N without the terms that hold an activation's φ″. */
        WITHOUT_ACTIVATION,
        /** G + the terms of N that hold an activation's φ″. */
        ONLY_ACTIVATION
    }

    /** Of probe vectors. */
    enum Distribution {
        NORMAL,
        RADEMACHER
    }

    /** Reads the section; problems are noted in it. */
    static MethodConfig read(ConfigNode n) {
        return switch (n.choice("kind", KINDS).or("sgd")) {
            case "sam" ->
                new Sam(
                        rho(n),
                        n.integer("m").atLeast(1).optional(),
                        n.integer("interval").atLeast(1).or(1));
            case "asam" -> new Asam(rho(n), n.number("eta").atLeast(0).or(0.01));
            case "usam" -> new Usam(rho(n));
            case "psam" -> new Psam(rho(n), nme(n));
            case "pusam" -> new Pusam(rho(n), nme(n));
            case "gradient_penalty" ->
                new GradientPenalty(rho(n), n.number("p").atLeast(1).or(2.0), nme(n));
            case "fd_gradient_penalty" ->
                new FdGradientPenalty(rho(n), n.number("radius").above(0).required());
            case "hessian_trace" -> new HessianTrace(sigma2(n), probes(n), distribution(n), nme(n));
            case "gn_trace" -> new GnTrace(sigma2(n), estimator(n));
            case "trace_mix" -> new TraceMix(sigma2(n), n.number("c").required(), probes(n), distribution(n));
            case "weight_noise" ->
                new WeightNoise(
                        sigma2(n),
                        n.integer("draws").atLeast(1).or(1),
                        n.flag("antithetic").or(false));
            default -> new Sgd();
        };
    }

    private static Strength rho(ConfigNode n) {
        return Strength.read(n, "rho");
    }

    private static Strength sigma2(ConfigNode n) {
        return Strength.read(n, "sigma2");
    }

    private static Nme nme(ConfigNode n) {
        return n.choice("nme", Nme.class).or(Nme.FULL);
    }

    private static int probes(ConfigNode n) {
        return n.integer("probes").atLeast(1).or(1);
    }

    private static Distribution distribution(ConfigNode n) {
        return n.choice("distribution", Distribution.class).or(Distribution.NORMAL);
    }

    private static GnTrace.Estimator estimator(ConfigNode n) {
        return switch (n.choice("estimator", "sampled_labels", "straight_through", "hutchinson")
                .or("sampled_labels")) {
            case "straight_through" -> new GnTrace.Estimator.StraightThrough(literal(n));
            case "hutchinson" ->
                new GnTrace.Estimator.Hutchinson(
                        probes(n), distribution(n), n.flag("differentiate_hz").or(true));
            default -> new GnTrace.Estimator.SampledLabels(literal(n));
        };
    }

    private static boolean literal(ConfigNode n) {
        return n.choice("scale", "trace", "literal").or("trace").equals("literal");
    }
}
