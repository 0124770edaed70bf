package hesse.curvature;

import java.util.ArrayList;
import java.util.List;

/**
 * <b>Not exact</b>, for comparison with published code: H v by central differences of the gradient, (∇L(θ + r u) − ∇L(θ − r u))·‖v‖ / 2r with
 * u = v/‖v‖. It sees kinks of ReLU within r, which exact products do not, and it has their rounding and truncation error; the published
 * radius is 1e-3 (google-deepmind/sam_edge, whose divisor 2r + 1e-5 is not followed).
 */
public final class FiniteDifferenceHessian implements LinearOperator {
    private final LossGradient gradient;
    private final ParameterSpace space;
    private final double radius;

    /** @throws IllegalArgumentException if the radius is not above 0 */
    public FiniteDifferenceHessian(Problem problem, ParameterSpace space, double radius) {
        if (!(radius > 0)) throw new IllegalArgumentException("a radius above 0, got " + radius);
        this.gradient = new LossGradient(problem, space);
        this.space = space;
        this.radius = radius;
    }

    /** Multiply-adds so far. */
    double work() {
        return gradient.work();
    }

    /** Two gradients for each product. */
    double workOf(long count) {
        return 2 * count * gradient.workOfOne();
    }

    @Override
    public List<double[]> apply(List<double[]> vectors) {
        var out = new ArrayList<double[]>();
        for (var v : vectors) {
            double norm = Vectors.norm(v);
            if (norm == 0) {
                out.add(new double[v.length]);
                continue;
            }
            double[] step = v.clone();
            Vectors.scale(radius / norm, step);
            double[] ahead = gradient.at(step).gradient().clone();
            Vectors.scale(-1, step);
            Vectors.add(-1, gradient.at(step).gradient(), ahead);
            Vectors.scale(norm / (2 * radius), ahead);
            out.add(ahead);
        }
        return out;
    }

    @Override
    public int rows() {
        return space.size();
    }

    @Override
    public int columns() {
        return space.size();
    }

    @Override
    public LinearOperator transpose() {
        return this;
    }

    @Override
    public void close() {
        gradient.close();
    }
}
