package hesse.curvature;

import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * The loss, and the size of the nonlinear modelling error N, on a line or a plane through the weights: θ + t·a, or θ + s·a + t·b.
 *
 * <pre>{@code
 * var space = problem.space();
 * var axes = List.of(
 *         new Landscape.Axis(Direction.filterNormalised(space, problem.weights(), 1), -1, 1, 5),
 *         new Landscape.Axis(Direction.filterNormalised(space, problem.weights(), 2), -1, 1, 5));
 * var plane = Landscape.of(problem, space, axes, true, () -> false);
 * double atCentre = plane.loss()[2][2];
 * double nmeAtCentre = plane.nme().orElseThrow()[2][2];
 * }</pre>
 *
 * @param axes one or two
 * @param loss by [place on the second axis][place on the first]; one row for a line; NaN where it was stopped before
 * @param nme the Frobenius norm of N restricted to the line or plane, laid out as the loss
 * @param work multiply-adds of its contractions
 */
public record Landscape(List<Axis> axes, double[][] loss, Optional<double[][]> nme, double work) {
    /**
     * Places along a direction, evenly.
     *
     * @param from the first place, in multiples of the direction
     * @param to the last
     * @param points at least 1
     */
    public record Axis(Direction direction, double from, double to, int points) {
        /** @throws IllegalArgumentException if there is no point, or the ends are not finite */
        public Axis {
            if (points < 1 || !Double.isFinite(from) || !Double.isFinite(to)) {
                throw new IllegalArgumentException(
                        "an axis from " + from + " to " + to + " with " + points + " points");
            }
        }

        double step(int i) {
            return points == 1 ? from : from + (to - from) * i / (points - 1);
        }

        /** All places. */
        public double[] steps() {
            double[] t = new double[points];
            for (int i = 0; i < points; i++) t[i] = step(i);
            return t;
        }
    }

    /**
     * Evaluates it, exactly, averaged over the problem's examples; the weights are the same afterwards.
     *
     * @param nme whether ‖N‖ is measured too, by forward passes alone: N restricted to the directions is a 1×1 or 2×2 matrix
     * @param stop asked before each point: true leaves the rest NaN
     * @throws IllegalArgumentException for no axis, or more than two, or two along one line
     */
    public static Landscape of(
            Problem problem, ParameterSpace space, List<Axis> axes, boolean nme, BooleanSupplier stop) {
        if (axes.isEmpty() || axes.size() > 2)
            throw new IllegalArgumentException("one axis or two, got " + axes.size());
        var orthonormal = orthonormal(axes);
        int width = axes.getFirst().points();
        int height = axes.size() == 1 ? 1 : axes.get(1).points();
        double[][] losses = filled(height, width);
        double[][] norms = filled(nme ? height : 0, width);
        double work;
        try (var loss = LossGradient.ofLoss(problem);
                var forms = nme ? new QuadraticForms(problem, space, false) : null) {
            for (int j = 0; j < height; j++) {
                for (int i = 0; i < width && !stop.getAsBoolean(); i++) {
                    double[] by = axes.getFirst().direction().vector().clone();
                    Vectors.scale(axes.getFirst().step(i), by);
                    if (axes.size() == 2) {
                        Vectors.add(axes.get(1).step(j), axes.get(1).direction().vector(), by);
                    }
                    int row = j;
                    int column = i;
                    problem.displaced(space, by, () -> {
                        losses[row][column] = loss.value().loss();
                        if (forms != null) norms[row][column] = norm(forms, orthonormal);
                        return true;
                    });
                }
            }
            work = loss.work() + (forms == null ? 0 : forms.work());
        }
        return new Landscape(List.copyOf(axes), losses, nme ? Optional.of(norms) : Optional.empty(), work);
    }

    private static double[][] filled(int height, int width) {
        double[][] out = new double[height][width];
        for (double[] row : out) java.util.Arrays.fill(row, Double.NaN);
        return out;
    }

    private static List<double[]> orthonormal(List<Axis> axes) {
        double[] a = axes.getFirst().direction().vector().clone();
        Vectors.scale(1 / Vectors.norm(a), a);
        if (axes.size() == 1) return List.of(a);
        double[] b = axes.get(1).direction().vector().clone();
        double before = Vectors.norm(b);
        Vectors.orthogonalize(b, List.of(a));
        double left = Vectors.norm(b);
        if (left <= 1e-12 * before) {
            throw new IllegalArgumentException(
                    "directions '" + axes.getFirst().direction().name() + "' and '"
                            + axes.get(1).direction().name() + "' lie along one line");
        }
        Vectors.scale(1 / left, b);
        return List.of(a, b);
    }

    /** ‖QᵀN Q‖_F; the entry beside the diagonal from the form along the diagonal of the square. */
    private static double norm(QuadraticForms forms, List<double[]> q) {
        if (q.size() == 1) return Math.abs(forms.of(q).getFirst().nme());
        double[] between = q.getFirst().clone();
        Vectors.add(1, q.get(1), between);
        Vectors.scale(Math.sqrt(0.5), between);
        var f = forms.of(List.of(q.getFirst(), q.get(1), between));
        double aa = f.getFirst().nme();
        double bb = f.get(1).nme();
        double ab = f.get(2).nme() - (aa + bb) / 2;
        return Math.sqrt(aa * aa + bb * bb + 2 * ab * ab);
    }
}
