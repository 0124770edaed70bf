package hesse.curvature;

/**
 * Where training goes unstable: the largest eigenvalue of H at which a step along its eigenvector no longer shrinks a quadratic loss. For a
 * sharpness-aware step the map is that of plain descent with an effective eigenvalue, so that its edge follows from the optimizer's own
 * (Long and Bartlett 2024, section 2; Agarwala and Dauphin 2023).
 *
 * <pre>{@code
 * double eta = 0.1;
 * double rho = 0.05;
 * try (var loss = new LossGradient(problem, problem.space())) {
 *     var here = loss.value();
 *     double plain = Edge.gradientDescent(eta);
 *     double sam = Edge.sam(plain, rho, here.norm());
 *     double withMomentum = Edge.sam(Edge.momentum(eta, 0.9, true), rho, here.norm());
 *     double[] perturbed = loss.sam(here.gradient(), rho);
 * }
 * }</pre>
 */
public final class Edge {
    private Edge() {}

    /** Plain gradient descent: 2/η. */
    public static double gradientDescent(double eta) {
        return 2 / eta;
    }

    /**
     * Momentum as PyTorch's SGD has it: 2(1+μ)/η, with Nesterov's 2(1+μ)/(η(1+2μ)) (Cohen et al. 2021, appendix A). μ = 0 is plain
     * descent.
     */
    public static double momentum(double eta, double mu, boolean nesterov) {
        return 2 * (1 + mu) / (eta * (nesterov ? 1 + 2 * mu : 1));
    }

    /**
     * Adam: of the preconditioned Hessian P^(−1/2) H P^(−1/2), P = diag(√v̂ + ε): 2(1+β₁)/((1−β₁)η), 38/η for β₁ = 0.9 (Cohen et al.
     * 2022).
     */
    public static double adam(double eta, double beta1) {
        return 2 * (1 + beta1) / ((1 - beta1) * eta);
    }

    /**
     * SAM: λ + ρλ²/‖g‖ reaches the edge E of their optimizer at λ = ‖g‖/(2ρ)·(√(1+4ρE/‖g‖) − 1); for E = 2/η the paper's
     * ‖g‖/(2ρ)·(√(1+8ρ/(η‖g‖)) − 1). E itself for ρ = 0; it tends to 0 with ‖g‖.
     *
     * @param edge E, such as 2/η
     */
    public static double sam(double edge, double rho, double gradientNorm) {
        if (rho == 0) return edge;
        if (gradientNorm == 0) return 0;
        return quadratic(edge, rho / gradientNorm);
    }

    /** PSAM: on a quadratic loss its step g + ρHg/‖g‖ is SAM's, and so is its edge. */
    public static double psam(double edge, double rho, double gradientNorm) {
        return sam(edge, rho, gradientNorm);
    }

    /** Unnormalised SAM: λ + ρλ² = E. */
    public static double usam(double edge, double rho) {
        return quadratic(edge, rho);
    }

    /** The penalty ρ‖g‖² (PUSAM): λ + 2ρλ² = E. */
    public static double pusam(double edge, double rho) {
        return quadratic(edge, 2 * rho);
    }

    /** The positive root of λ + cλ² = E, without cancellation for small c. */
    private static double quadratic(double edge, double c) {
        return 2 * edge / (1 + Math.sqrt(1 + 4 * c * edge));
    }

    /** |⟨a, v⟩| / (‖a‖‖v‖), 0 if one is zero. */
    public static double alignment(double[] a, double[] v) {
        double norms = Vectors.norm(a) * Vectors.norm(v);
        return norms == 0 ? 0 : Math.abs(Vectors.dot(a, v)) / norms;
    }
}
