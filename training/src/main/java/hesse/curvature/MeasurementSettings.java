package hesse.curvature;

import hesse.curvature.ProbeConfig.Estimator;
import hesse.curvature.ProbeConfig.Operator;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;

/**
 * How curvature is measured: of what, how well, and for how much.
 *
 * @param operator whose spectrum
 * @param k eigenpairs
 * @param tolerance of residuals, relative to each eigenvalue
 * @param probes random vectors; for Hutch++ and XTrace products
 * @param relative ends a trace when its standard error is below this times the estimate; 0 never does
 * @param stop asked between products: true ends a search or a sampling with what it has
 * @param budget the most contractions for each quantity, 1 being those of a gradient on the same examples
 * @param differences the radius of central differences in place of exact products with the Hessian
 * @param check whether an operator's determinism is checked when it is made
 */
public record MeasurementSettings(
        Operator operator,
        int k,
        double tolerance,
        int probes,
        Estimator estimator,
        double relative,
        long seed,
        BooleanSupplier stop,
        OptionalDouble budget,
        OptionalDouble differences,
        boolean check) {
    /** Exact, checked, without a budget, never stopped. */
    public static MeasurementSettings of(
            Operator operator, int k, double tolerance, int probes, Estimator estimator, long seed) {
        return new MeasurementSettings(
                operator,
                k,
                tolerance,
                probes,
                estimator,
                0,
                seed,
                () -> false,
                OptionalDouble.empty(),
                OptionalDouble.empty(),
                true);
    }

    /** Ends early when asked to. */
    public MeasurementSettings until(BooleanSupplier stop) {
        return new MeasurementSettings(
                operator, k, tolerance, probes, estimator, relative, seed, stop, budget, differences, check);
    }

    /** Traces to a relative standard error. */
    public MeasurementSettings toRelative(double relative) {
        return new MeasurementSettings(
                operator, k, tolerance, probes, estimator, relative, seed, stop, budget, differences, check);
    }

    /** At most so many contractions for each quantity. */
    public MeasurementSettings within(OptionalDouble budget) {
        return new MeasurementSettings(
                operator, k, tolerance, probes, estimator, relative, seed, stop, budget, differences, check);
    }

    /** Central differences in place of exact products with the Hessian. */
    public MeasurementSettings byDifferences(OptionalDouble radius) {
        return new MeasurementSettings(
                operator, k, tolerance, probes, estimator, relative, seed, stop, budget, radius, check);
    }

    /** Without the check, where the examples are known to stay. */
    public MeasurementSettings unchecked() {
        return new MeasurementSettings(
                operator, k, tolerance, probes, estimator, relative, seed, stop, budget, differences, false);
    }
}
