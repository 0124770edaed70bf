package hesse.curvature;

import java.util.List;
import java.util.SplittableRandom;

/** Power iteration, the method of older codes, for comparison: the eigenvalue largest in magnitude. */
public final class PowerIteration {
    private PowerIteration() {}

    /**
     * Iterates until the relative change of the Rayleigh quotient vᵀA v is below a tolerance.
     *
     * @param seed keys the start vector
     */
    public static Eigenpairs find(LinearOperator operator, double tolerance, int maxProducts, long seed) {
        double[] v = Vectors.normal(operator.columns(), new SplittableRandom(seed));
        Vectors.scale(1 / Vectors.norm(v), v);
        double value = Double.NaN;
        double residual = Double.NaN;
        int products = 0;
        boolean converged = false;
        while (products < maxProducts && !converged) {
            double[] image = operator.apply(v).clone();
            products++;
            double next = Vectors.dot(v, image);
            double norm = Vectors.norm(image);
            residual = Math.sqrt(Math.max(0, norm * norm - next * next));
            converged = Math.abs(next - value) <= tolerance * Math.abs(next) || norm == 0;
            value = next;
            if (converged || norm == 0) break;
            Vectors.scale(1 / norm, image);
            v = image;
        }
        return new Eigenpairs(new double[] {value}, List.of(v), new double[] {residual}, products, converged);
    }
}
