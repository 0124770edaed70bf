package hesse.scalar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Derivatives are exact, and evaluate accurately in f64. Errors are measured against |f(x)| + |x f'(x)|, the change of f that a relative change
 * of x makes: near a root, and in a tail like exp(-x²/2), no f64 evaluation of a rounded x can do better.
 */
class DerivativeTest {
    /** Below this, parts of a value underflow, and only the absolute error is bounded. */
    private static final double UNDERFLOW = 1e-290;

    private static final BigDecimal STEP = new BigDecimal("1e-18");

    private static Stream<ScalarFn> functions() {
        var functions = new ArrayList<ScalarFn>();
        for (String name : Activations.names()) {
            functions.add(Activations.named(name, name.equals("beta_gelu") ? Map.of("beta", 7.0) : Map.of()));
        }
        for (String name : Activations.secondDerivativeNames())
            functions.add(Activations.secondDerivative(name, Map.of()));
        return functions.stream();
    }

    private static List<Double> points(long seed) {
        var random = new Random(seed);
        var points = new ArrayList<Double>(List.of(0.0, 1e-300, -1e-300, 1e-17, 1.0, -1.0, 1e4, -1e4, 1e30, -1e30));
        for (int x = -40; x <= 40; x += 2) points.add((double) x);
        for (int i = 0; i < 40; i++) points.add((random.nextDouble() - 0.5) * 12);
        for (int i = 0; i < 10; i++) points.add(Math.exp(-40 * random.nextDouble()) * (random.nextBoolean() ? 1 : -1));
        return points;
    }

    @ParameterizedTest
    @MethodSource("functions")
    void valuesAndThreeDerivativesAreAccurateInF64(ScalarFn phi) {
        long seed = System.nanoTime();
        ScalarProgram all = Lowering.lower(DualActivation.derivatives(phi, 3), hesse.tensor.DType.F64);
        for (double x : points(seed)) {
            BigDecimal exact = new BigDecimal(x);
            boolean circular = phi.name().equals("sin");
            if (circular && Math.abs(x) > 1e5) continue;
            double[] lowered = Lowering.evaluateF64(all, x);
            for (int k = 0; k <= 3; k++) {
                ScalarFn f = phi.derivative(k);
                BigDecimal expected = PreciseMath.evaluate(f.program(), 0, exact);
                double slope =
                        PreciseMath.evaluate(f.derivative().program(), 0, exact).doubleValue();
                double scale = Math.abs(expected.doubleValue()) + Math.abs(x * slope);
                double tolerance = scale < UNDERFLOW ? UNDERFLOW : 1e-14 * scale;
                for (double actual : new double[] {f.apply(x), lowered[k]}) {
                    double error = new BigDecimal(actual)
                            .subtract(expected, MathContext.DECIMAL128)
                            .abs()
                            .doubleValue();
                    assertTrue(
                            error <= tolerance,
                            () -> f + " at " + x + " is " + actual + ", not " + expected.doubleValue() + "; seed "
                                    + seed);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("functions")
    void eachDerivativeIsTheLimitOfDifferences(ScalarFn phi) {
        long seed = System.nanoTime();
        for (double x : points(seed)) {
            // Kinks are no place for differences, and far away 60 digits do not resolve the step.
            if (Math.abs(x) < 1e-15 || Math.abs(x) > 1e5) continue;
            for (int k = 0; k < 4; k++) {
                BigDecimal exact = PreciseMath.evaluate(phi.derivative(k + 1).program(), 0, new BigDecimal(x));
                BigDecimal difference = difference(phi.derivative(k).program(), x);
                double error = difference.subtract(exact).abs().doubleValue();
                // The constants of a derivative are products, rounded to f64.
                int order = k;
                double next = phi.derivative(k + 2).apply(x);
                assertTrue(
                        error <= 1e-14 * (Math.abs(exact.doubleValue()) + Math.abs(x * next)) + 1e-24 * scaleAt(phi, x),
                        () -> phi + ", derivative " + (order + 1) + " at " + x + " is off by " + error + "; seed "
                                + seed);
            }
        }
    }

    private static double scaleAt(ScalarFn phi, double x) {
        double scale = 1;
        for (int k = 0; k <= 4; k++) scale += Math.abs(phi.derivative(k).apply(x));
        return scale * scale;
    }

    private static BigDecimal difference(ScalarProgram program, double x) {
        BigDecimal at = new BigDecimal(x);
        return PreciseMath.evaluate(program, 0, at.add(STEP))
                .subtract(PreciseMath.evaluate(program, 0, at.subtract(STEP)))
                .divide(STEP.add(STEP), MathContext.DECIMAL128);
    }

    @Test
    void derivativesOfRandomFormulasAreTheLimitOfDifferences() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        int checked = 0;
        for (int i = 0; i < 600; i++) {
            String formula = FormulaTest.randomFormula(random, 4);
            ScalarFn f = Formula.parse(formula);
            double x = random.nextGaussian() * 2;
            BigDecimal before = PreciseMath.evaluate(f.program(), 0, new BigDecimal(x).subtract(STEP));
            BigDecimal after = PreciseMath.evaluate(f.program(), 0, new BigDecimal(x).add(STEP));
            BigDecimal exact = PreciseMath.evaluate(f.derivative().program(), 0, new BigDecimal(x));
            BigDecimal value = PreciseMath.evaluate(f.program(), 0, new BigDecimal(x));
            if (before == null || after == null || value == null || before.abs().doubleValue() > 1e20) continue;
            // A comparison of equals, such as sqrt(x)^2 > x, jumps at every x.
            double jump =
                    before.add(after).subtract(value).subtract(value).abs().doubleValue();
            if (jump > 1e-12 * before.abs().doubleValue()) continue;
            // the root of what is zero all around, such as sqrt(x * (x > 5)), has a value and no derivative
            if (exact == null && formula.contains("sqrt")) continue;
            assertTrue(exact != null, () -> formula + " has a value but no derivative at " + x + "; seed " + seed);
            double magnitude = Math.abs(exact.doubleValue());
            double curvature = Math.abs(f.derivative(3).apply(x));
            if (!(curvature < 1e15)) continue;
            BigDecimal difference = after.subtract(before).divide(STEP.add(STEP), MathContext.DECIMAL128);
            double error = difference.subtract(exact).abs().doubleValue();
            double tolerance = 1e-11 * magnitude + 1e-12 * before.abs().doubleValue() + 1e-20 * (1 + curvature);
            assertTrue(error <= tolerance, () -> formula + " at " + x + " is off by " + error + "; seed " + seed);
            checked++;
        }
        assertTrue(checked > 200, "too few formulas were defined: " + checked);
    }

    @Test
    void tailsKeepTheirRelativeAccuracyToFourthOrder() {
        for (String name : new String[] {"sigmoid", "softplus", "tanh", "silu", "mish"}) {
            ScalarFn phi = Activations.named(name);
            for (double x : new double[] {-300, -40, -20, 20, 40, 300}) {
                for (int k = 1; k <= 4; k++) {
                    double expected = PreciseMath.evaluate(phi.derivative(k).program(), 0, new BigDecimal(x))
                            .doubleValue();
                    assertEquals(
                            expected,
                            phi.derivative(k).apply(x),
                            2e-14 * Math.abs(expected),
                            phi + " derivative " + k + " at " + x);
                }
            }
        }
        assertTrue(Activations.named("gelu").apply(-30) < 0);
        assertTrue(Activations.named("gelu_tanh").apply(-15) < 0);
    }

    @Test
    void infinitiesAndNanStayWhereTheyBelong() {
        for (String name : Activations.names()) {
            ScalarFn phi = Activations.named(name, name.equals("beta_gelu") ? Map.of("beta", 7.0) : Map.of());
            assertTrue(Double.isNaN(phi.apply(Double.NaN)), name);
            for (int k = 1; k <= 4; k++) {
                for (double x : new double[] {-1e5, -300, 0, 300, 1e5}) {
                    assertTrue(Double.isFinite(phi.derivative(k).apply(x)), name + " derivative " + k + " at " + x);
                }
            }
        }
    }
}
