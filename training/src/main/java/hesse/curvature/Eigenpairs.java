package hesse.curvature;

import java.util.List;

/**
 * Some eigenpairs of a symmetric operator.
 *
 * @param values in descending order
 * @param vectors of unit length, in the same order
 * @param residuals ‖A v − λ v‖ of each
 * @param products how many products with the operator it took
 * @param converged whether each residual is as small as was asked; else these are the best found before the budget ended or it was stopped
 */
public record Eigenpairs(double[] values, List<double[]> vectors, double[] residuals, int products, boolean converged) {
    public Eigenpairs {
        vectors = List.copyOf(vectors);
    }

    public int size() {
        return values.length;
    }
}
