package hesse.curvature;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/** Edges of stability against the linear maps they are derived from, iterated on one quadratic direction. */
class EdgeTest {
    private static final double ETA = 0.07;

    /** Growth per step of an iteration of (position, velocity) on a curvature. */
    private interface Step {
        /** The next state. */
        double[] next(double[] state, double curvature);
    }

    /** How much the state grows in late steps; above 1 is unstable. */
    private static double growth(Step step, double curvature) {
        double[] s = {1, 0};
        double log = 0;
        int steps = 4000;
        for (int i = 0; i < steps; i++) {
            s = step.next(s, curvature);
            double norm = Math.hypot(s[0], s[1]);
            s[0] /= norm;
            s[1] /= norm;
            if (i >= steps / 2) log += Math.log(norm);
        }
        return Math.exp(log / (steps - steps / 2));
    }

    private static void isTheEdge(double edge, Step step) {
        assertTrue(growth(step, edge * 0.995) < 1, "stable below " + edge);
        assertTrue(growth(step, edge * 1.005) > 1, "unstable above " + edge);
    }

    private static Step sgd(double mu, boolean nesterov, DoubleUnaryOperator effective) {
        return (s, curvature) -> {
            double g = effective.applyAsDouble(curvature) * s[0];
            double b = mu * s[1] + g;
            double step = nesterov ? g + mu * b : b;
            return new double[] {s[0] - ETA * step, b};
        };
    }

    @Test
    void descentAndMomentumLoseStabilityAtTheirEdges() {
        isTheEdge(Edge.gradientDescent(ETA), sgd(0, false, l -> l));
        isTheEdge(Edge.momentum(ETA, 0.9, false), sgd(0.9, false, l -> l));
        isTheEdge(Edge.momentum(ETA, 0.9, true), sgd(0.9, true, l -> l));
    }

    @Test
    void adamsMomentumLosesStabilityAtItsEdge() {
        double beta = 0.9;
        isTheEdge(Edge.adam(ETA, beta), (s, l) -> {
            double m = beta * s[1] + (1 - beta) * l * s[0];
            return new double[] {s[0] - ETA * m, m};
        });
        assertEquals(38 / ETA, Edge.adam(ETA, 0.9), 1e-9 / ETA);
    }

    @Test
    void perturbedStepsLoseStabilityAtTheirEdgesWithAndWithoutMomentum() {
        double rho = 0.2;
        double g = 0.3;
        for (double mu : new double[] {0, 0.9}) {
            double edge = Edge.momentum(ETA, mu, true);
            isTheEdge(Edge.sam(edge, rho, g), sgd(mu, true, l -> l + rho / g * l * l));
            isTheEdge(Edge.usam(edge, rho), sgd(mu, true, l -> l + rho * l * l));
            isTheEdge(Edge.pusam(edge, rho), sgd(mu, true, l -> l + 2 * rho * l * l));
        }
    }

    @Test
    void samEdgeIsThePapersExpression() {
        for (double rho : new double[] {1e-3, 0.1, 1}) {
            for (double g : new double[] {1e-3, 1, 50}) {
                double paper = g / (2 * rho) * (Math.sqrt(1 + 8 * rho / (ETA * g)) - 1);
                assertEquals(paper, Edge.sam(2 / ETA, rho, g), 1e-9 * paper);
            }
        }
        assertEquals(2 / ETA, Edge.sam(2 / ETA, 0, 1));
        assertEquals(2 / ETA, Edge.sam(2 / ETA, 1e-14, 1), 1e-9);
        assertEquals(0, Edge.sam(2 / ETA, 0.1, 0));
    }

    @Test
    void alignmentIsTheCosineWithoutItsSign() {
        assertEquals(0.6, Edge.alignment(new double[] {3, 4}, new double[] {-2, 0}), 1e-15);
        assertEquals(0, Edge.alignment(new double[] {0, 0}, new double[] {1, 0}));
    }
}
