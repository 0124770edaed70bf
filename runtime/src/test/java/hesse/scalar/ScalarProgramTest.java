package hesse.scalar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.scalar.ScalarProgram.Builder;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Programs, their identity and their simplification. */
class ScalarProgramTest {
    @Test
    void theOrderOfBuildingDoesNotMatter() {
        var p = new Builder();
        int left = p.op(ScalarOp.TANH, p.input(0));
        int right = p.op(ScalarOp.EXP, p.input(1));
        var q = new Builder();
        int unused = q.op(ScalarOp.SIN, q.input(1));
        int second = q.op(ScalarOp.EXP, q.input(1));
        int first = q.op(ScalarOp.TANH, q.input(0));
        assertTrue(unused >= 0);
        assertEquals(p.build(2, p.mul(left, right)), q.build(2, q.mul(second, first)));
        assertEquals(
                p.build(2, p.mul(left, right)).hashCode(),
                q.build(2, q.mul(second, first)).hashCode());
        assertEquals(5, q.build(2, q.mul(second, first)).code().size());
    }

    @Test
    void constantsAreEqualByBits() {
        assertNotEquals(
                ScalarFn.constant(0.0).program(), ScalarFn.constant(-0.0).program());
        assertEquals(
                ScalarFn.constant(Double.NaN).program(),
                ScalarFn.constant(0.0 / 0.0).program());
    }

    @Test
    void likeTermsCollectAndZerosVanish() {
        assertEquals(
                Formula.parse("2*x"),
                Formula.parse("x + x").withDerivative(Formula.parse("x")).erased());
        assertEquals("0", Formula.print(Formula.parse("x*0 + (x - x)*exp(x)")));
        assertEquals("3 * x", Formula.print(Formula.parse("x + 2*x*1 + 0")));
        assertEquals("x", Formula.print(Formula.parse("--x")));
        assertEquals("exp(x)", Formula.print(Formula.parse("where(x > 0, exp(x), exp(x))")));
        assertEquals("6 * sin(x) - x", Formula.print(Formula.parse("2*(3*sin(x)) + -x")));
    }

    @Test
    void aProgramInlinedIntoABuilderIsUnchanged() {
        var gelu = DualActivation.derivatives(Activations.named("gelu"), 3);
        var p = new Builder();
        assertEquals(gelu, p.build(1, p.inline(gelu, p.input(0))));
        int size = p.build(1, p.inline(gelu, p.input(0))).code().size();
        assertEquals(gelu.code().size(), size);
    }

    @Test
    void derivativesOfGeluShareOneErfcAndOneExp() {
        var gelu = DualActivation.derivatives(Activations.named("gelu"), 3);
        assertEquals(
                1, gelu.code().stream().filter(s -> s.op() == ScalarOp.ERFC).count());
        assertEquals(1, gelu.code().stream().filter(s -> s.op() == ScalarOp.EXP).count());
    }

    @Test
    void longProgramsNeedNoStack() {
        var p = new Builder();
        int y = p.input(0);
        for (int i = 0; i < 100_000; i++) y = p.op(ScalarOp.SIN, p.add(y, p.constant(1e-6)));
        ScalarProgram program = p.build(1, y);
        assertEquals(300_002 - 100_000, program.code().size());
        assertTrue(Double.isFinite(program.evaluate(0.5)[0]));
        assertTrue(Double.isFinite(ScalarFn.of("deep", program).derivative().apply(0.5)));
    }

    @Test
    void theBranchNotTakenLeavesNoNan() {
        for (String formula : new String[] {
            "where(x > 0, log(x), 0)",
            "exp(where(x > 0, log(x), 0))",
            "sqrt(max(x, 0)) * x",
            "where(x > 0, x^0.5, x)",
            "where(x > -2, x, log(-x))/where(x > 0, x, 1)"
        }) {
            ScalarFn f = Formula.parse(formula);
            for (int k = 0; k <= 4; k++) {
                assertTrue(Double.isFinite(f.derivative(k).apply(-1)), formula + ", derivative " + k);
                assertTrue(Double.isFinite(f.derivative(k).apply(1.5)), formula + ", derivative " + k);
            }
        }
    }

    @Test
    void replacingTheSecondDerivativeKeepsValueAndFirstDerivative() {
        ScalarFn gelu = Activations.named("gelu");
        ScalarFn flat = gelu.withSecondDerivative(Activations.secondDerivative("zero", Map.of()));
        assertEquals(gelu.program(), flat.program());
        assertEquals(gelu.derivative().program(), flat.derivative().program());
        assertTrue(flat.derivative(2).isZero());
        assertTrue(flat.derivative(3).isZero());
        assertNotEquals(gelu, flat);
        assertNotEquals(gelu.derivative(), flat.derivative());
        assertEquals(gelu.erased(), flat.erased());
        assertEquals(gelu.derivative().erased(), flat.derivative().erased());
        assertEquals(flat, gelu.withSecondDerivative(ScalarFn.constant(0)));
        assertEquals(
                flat.hashCode(), gelu.withSecondDerivative(ScalarFn.constant(0)).hashCode());
    }

    @Test
    void ordersCountDerivativesOfActivationsOnly() {
        ScalarFn relu = Activations.named("relu").withSecondDerivative(Activations.parseSecondDerivative("gaussian"));
        for (int k = 0; k <= 4; k++) assertEquals(k, relu.derivative(k).activationOrder());
        assertEquals(-1, ScalarFn.exp().derivative().activationOrder());
        assertEquals(-1, relu.erased().activationOrder());
        assertEquals(100 / Math.sqrt(2 * Math.PI), relu.derivative(2).apply(0), 1e-13);
        assertTrue(relu.derivative(3).apply(0.01) < 0);
    }

    @Test
    void reluIsFlatAtZeroAndPassesNanOn() {
        ScalarFn relu = Activations.named("relu");
        assertEquals(0, relu.derivative().apply(0));
        assertTrue(relu.derivative(2).isZero());
        assertTrue(Double.isNaN(relu.apply(Double.NaN)));
        assertFalse(relu.isZero());
    }

    @Test
    void tangentsFollowTheChainRule() {
        ScalarFn f = Activations.named("silu");
        double x = 0.7;
        double t = -1.3;
        double t2 = 0.4;
        double d1 = f.derivative().apply(x);
        double d2 = f.derivative(2).apply(x);
        assertArrayEquals(
                new double[] {f.apply(x), d1 * t}, DualActivation.tangent(f).evaluate(x, t), 1e-15);
        assertArrayEquals(
                new double[] {f.apply(x), d1 * t, d1 * t2 + d2 * t * t},
                DualActivation.secondTangent(f).evaluate(x, t, t2),
                1e-15);
    }

    @Test
    void powersOfIntegersAreProducts() {
        var cube = ScalarFn.power(3);
        assertEquals("x * x^2", Formula.print(cube));
        assertEquals("3 * x^2", Formula.print(cube.derivative()));
        assertEquals(-27, cube.apply(-3));
        assertEquals(0.125, ScalarFn.power(-3).apply(2));
        assertEquals(8, ScalarFn.power(1.5).apply(4), 1e-14);
        assertEquals(0.5, ScalarFn.rsqrt().apply(4));
        assertEquals(Math.pow(3, 0.3), ScalarFn.power(0.3).apply(3), 1e-15);
    }

    @Test
    void unknownNamesAreErrorsThatNameTheKnownOnes() {
        String unknown = assertThrows(IllegalArgumentException.class, () -> Activations.named("gellu"))
                .getMessage();
        assertTrue(unknown.contains("gellu") && unknown.contains("gelu_tanh"), unknown);
        String key = assertThrows(
                        IllegalArgumentException.class, () -> Activations.named("leaky-relu", Map.of("sloop", 1.0)))
                .getMessage();
        assertTrue(key.contains("sloop") && key.contains("slope"), key);
        String missing = assertThrows(IllegalArgumentException.class, () -> Activations.named("beta_gelu"))
                .getMessage();
        assertTrue(missing.contains("beta"), missing);
        assertEquals(Activations.named("gelu_tanh"), Activations.named("gelu-tanh"));
    }
}
