package hesse.curvature;

import hesse.config.ConfigNode;
import java.util.List;

/** One entry of {@code probes}: what is measured while training, at every {@code every}-th step. */
public sealed interface ProbeConfig {
    /** In optimizer steps. */
    int every();

    /** The k largest eigenvalues of an operator, until each residual is below {@code tolerance}·|λ|. */
    record TopEigenvalues(int every, int k, double tolerance, Operator operator) implements ProbeConfig {}

    /** λ₁ beside 2/η and the edges of SAM and USAM. */
    record SamEdge(int every, double tolerance) implements ProbeConfig {}

    /** Traces of H, G and N with standard errors. */
    record Trace(int every, int probes, Estimator estimator) implements ProbeConfig {}

    /** The share of pre-activations with |φ″| above {@code tolerance}. */
    record Phi2(int every, double tolerance) implements ProbeConfig {}

    /** A symmetric operator on the parameters. */
    enum Operator {
        HESSIAN,
        GAUSS_NEWTON,
        NME,
        NME_ACT,
        NME_REST,
        FISHER_MC,
        FISHER_EMPIRICAL
    }

    /** How a trace is estimated. */
    enum Estimator {
        HUTCHINSON,
        HUTCHPP,
        XTRACE
    }

    /** Reads the list; problems are noted in it. */
    static List<ProbeConfig> readAll(ConfigNode root) {
        return root.children("probes").stream().map(ProbeConfig::read).toList();
    }

    private static ProbeConfig read(ConfigNode n) {
        var kind =
                n.choice("kind", "top_eigenvalues", "sam_edge", "trace", "phi2").required();
        int every = n.integer("every").atLeast(1).or(100);
        return switch (kind) {
            case "sam_edge" -> new SamEdge(every, tolerance(n, 1e-6));
            case "trace" ->
                new Trace(
                        every,
                        n.integer("probes").atLeast(2).or(100),
                        n.choice("estimator", Estimator.class).or(Estimator.HUTCHINSON));
            case "phi2" -> new Phi2(every, tolerance(n, 0));
            default ->
                new TopEigenvalues(
                        every,
                        n.integer("k").atLeast(1).or(1),
                        tolerance(n, 1e-6),
                        n.choice("operator", Operator.class).or(Operator.HESSIAN));
        };
    }

    private static double tolerance(ConfigNode n, double fallback) {
        return n.number("tolerance").atLeast(0).or(fallback);
    }
}
