package hesse.curvature;

import hesse.config.ConfigNode;
import java.util.List;
import java.util.Optional;

/** One entry of {@code probes}: what is measured while training, when, on which examples, and for how much work at most. */
public sealed interface ProbeConfig {
    /** When, on what, and for how much. */
    Common common();

    /** In optimizer steps. */
    default int every() {
        return common().every();
    }

    /**
     * What all probes have.
     *
     * @param every in optimizer steps
     * @param examples of a fixed batch; the training batch's number when empty
     * @param budget the most contractions that one measurement may execute, 1 being those of a gradient on the same examples; empty for as
     *     many as it takes
     */
    record Common(int every, On on, Optional<Integer> examples, Optional<Double> budget) {
        /** On the training batch, without a budget. */
        public static Common every(int steps) {
            return new Common(steps, On.BATCH, Optional.empty(), Optional.empty());
        }
    }

    /** Which examples. */
    enum On {
        /** Those of the training step. */
        BATCH,
        /** The first so many training examples, unchanged, always the same. */
        FIXED,
        /** All training examples, unchanged, in batches. */
        FULL
    }

    /**
     * The k largest eigenvalues of an operator, until each residual is below {@code tolerance}·|λ|.
     *
     * @param differences the radius of central differences in place of exact products with the Hessian, for comparison; empty for exact
     */
    record TopEigenvalues(Common common, int k, double tolerance, Operator operator, Optional<Double> differences)
            implements ProbeConfig {
        public TopEigenvalues(int every, int k, double tolerance, Operator operator) {
            this(Common.every(every), k, tolerance, operator, Optional.empty());
        }
    }

    /** λ₁ beside 2/η and the edges of SAM and its kin; alignments with the first k eigenvectors. */
    record SamEdge(Common common, int k, double tolerance) implements ProbeConfig {
        public SamEdge(int every, double tolerance) {
            this(Common.every(every), 1, tolerance);
        }
    }

    /**
     * Traces of H, G and N with standard errors.
     *
     * @param relative ends when the standard error of tr H is below this times the estimate; 0 never does
     */
    record Trace(Common common, int probes, Estimator estimator, double relative) implements ProbeConfig {
        public Trace(int every, int probes, Estimator estimator) {
            this(Common.every(every), probes, estimator, 0);
        }
    }

    /** The share of pre-activations with |φ″| above {@code tolerance}. */
    record Phi2(Common common, double tolerance) implements ProbeConfig {
        public Phi2(int every, double tolerance) {
            this(Common.every(every), tolerance);
        }
    }

    /**
     * The spectral density of an operator.
     *
     * @param steps of Lanczos for each probe
     * @param points of the curve
     * @param width of its Gaussians as a share of the range
     */
    record Density(Common common, Operator operator, int steps, int probes, int points, double width)
            implements ProbeConfig {}

    /** Norms of parameters and gradient, by layer. */
    record Norms(Common common) implements ProbeConfig {}

    /** The loss at some points along an eigenvector or the gradient. */
    record Slice(Common common, Along along, int index, double range, int points, double tolerance)
            implements ProbeConfig {}

    /** A direction of a slice. */
    enum Along {
        /** Eigenvector number {@code index} of the Hessian, from 1. */
        EIGENVECTOR,
        GRADIENT
    }

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
        var kind = n.choice("kind", "top_eigenvalues", "sam_edge", "trace", "phi2", "density", "norms", "slice")
                .required();
        var common = common(n);
        return switch (kind) {
            case "sam_edge" -> new SamEdge(common, n.integer("k").atLeast(1).or(1), tolerance(n, 1e-6));
            case "trace" ->
                new Trace(
                        common,
                        n.integer("probes").atLeast(2).or(100),
                        n.choice("estimator", Estimator.class).or(Estimator.HUTCHINSON),
                        tolerance(n, 0));
            case "phi2" -> new Phi2(common, tolerance(n, 0));
            case "density" ->
                new Density(
                        common,
                        operator(n),
                        n.integer("steps").atLeast(2).or(50),
                        n.integer("probes").atLeast(1).or(1),
                        n.integer("points").atLeast(2).or(200),
                        n.number("width").above(0).or(0.01));
            case "norms" -> new Norms(common);
            case "slice" ->
                new Slice(
                        common,
                        n.choice("along", Along.class).or(Along.EIGENVECTOR),
                        n.integer("index").atLeast(1).or(1),
                        n.number("range").above(0).or(1.0),
                        n.integer("points").atLeast(2).or(21),
                        tolerance(n, 1e-3));
            default -> top(n, common);
        };
    }

    private static TopEigenvalues top(ConfigNode n, Common common) {
        var operator = operator(n);
        var differences = n.number("finite_difference").above(0).optional();
        if (differences.isPresent() && operator != Operator.HESSIAN) {
            n.problem("finite_difference", "approximates the Hessian only");
        }
        return new TopEigenvalues(common, n.integer("k").atLeast(1).or(1), tolerance(n, 1e-6), operator, differences);
    }

    private static Common common(ConfigNode n) {
        var on = n.choice("on", On.class).or(On.BATCH);
        var examples = n.integer("examples").atLeast(1).optional();
        if (examples.isPresent() && on != On.FIXED) n.problem("examples", "belongs to 'on: fixed'");
        return new Common(
                n.integer("every").atLeast(1).or(100),
                on,
                examples,
                n.number("budget").above(0).optional());
    }

    private static Operator operator(ConfigNode n) {
        return n.choice("operator", Operator.class).or(Operator.HESSIAN);
    }

    private static double tolerance(ConfigNode n, double fallback) {
        return n.number("tolerance").atLeast(0).or(fallback);
    }
}
