package hesse.scalar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.scalar.ScalarProgram.Builder;
import hesse.tensor.DType;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Lowered programs hold basic operations only, and compute what they were lowered from. */
class LoweringTest {
    /** Exponentials below the smallest normal number are zero; sech² holds four times one. */
    private static final double FLOOR_F32 = 5e-38;

    private static final double FLOOR_F64 = 1e-307;

    /** f32 against the f64 oracle, which the test below holds to 50 digits. */
    @ParameterizedTest
    @EnumSource(
            value = ScalarOp.class,
            names = {"EXP", "LOG", "LOG1P", "EXPM1", "TANH", "SECH2", "ERF", "ERFC", "SIN", "COS", "SIGMOID", "SOFTPLUS"
            })
    void functionsAreWithinFourUlpInF32(ScalarOp op) {
        long seed = System.nanoTime();
        var random = new Random(seed);
        ScalarFn f = ScalarFn.of(op);
        ScalarProgram basic = Lowering.lower(f.program(), DType.F32);
        for (int i = 0; i < 100_000; i++) {
            float x = (float) argument(op, random, i);
            double expected = f.apply(x);
            float actual = Lowering.evaluateF32(basic, x)[0];
            if (Math.abs(expected) > 3.4e38) continue;
            double unit = Math.abs(expected) < FLOOR_F32 ? FLOOR_F32 / 4 : Math.ulp((float) expected);
            assertTrue(
                    Math.abs(actual - expected) <= 4 * unit,
                    () -> op + "(" + x + ") = " + actual + ", not " + expected + "; seed " + seed);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ScalarOp.class,
            names = {"EXP", "LOG", "LOG1P", "EXPM1", "TANH", "SECH2", "ERF", "ERFC", "SIN", "COS", "SIGMOID", "SOFTPLUS"
            })
    void functionsAndOracleAgreeWithFiftyDigitsInF64(ScalarOp op) {
        long seed = System.nanoTime();
        var random = new Random(seed);
        ScalarFn f = ScalarFn.of(op);
        ScalarProgram basic = Lowering.lower(f.program(), DType.F64);
        for (int i = 0; i < 150; i++) {
            double x = argument(op, random, i);
            BigDecimal expected = PreciseMath.apply(op, new BigDecimal(x), BigDecimal.ZERO);
            if (Math.abs(expected.doubleValue()) > 1e308) continue;
            for (double actual : new double[] {Lowering.evaluateF64(basic, x)[0], f.apply(x)}) {
                assertTrue(
                        relativeError(actual, expected) <= 3e-15,
                        () -> op + "(" + x + ") = " + actual + ", not " + expected.doubleValue() + "; seed " + seed);
            }
        }
    }

    @Test
    void specialValuesAreThoseOfTheOracle() {
        for (ScalarOp op : ScalarOp.values()) {
            if (op.arity() != 1 || op.ordinal() >= ScalarOp.FMA.ordinal()) continue;
            ScalarFn f = ScalarFn.of(op);
            ScalarProgram f32 = Lowering.lower(f.program(), DType.F32);
            ScalarProgram f64 = Lowering.lower(f.program(), DType.F64);
            for (float x : new float[] {
                0f,
                -0f,
                1,
                -1,
                1e-42f,
                -1e-42f,
                1e30f,
                -1e30f,
                Float.POSITIVE_INFINITY,
                Float.NEGATIVE_INFINITY,
                Float.NaN,
                Float.intBitsToFloat(0x7fffffff),
                Float.intBitsToFloat(0xffc12345)
            }) {
                if ((op == ScalarOp.SIN || op == ScalarOp.COS) && Math.abs(x) == 1e30f) continue;
                double expected = f.apply(x);
                String what = op + "(" + x + ")";
                assertClose((float) expected, Lowering.evaluateF32(f32, x)[0], 4 * Math.ulp((float) expected), what);
                assertClose(expected, Lowering.evaluateF64(f64, x)[0], 8 * Math.ulp(expected), what);
            }
        }
        for (ScalarOp odd : new ScalarOp[] {ScalarOp.TANH, ScalarOp.ERF, ScalarOp.FLOOR, ScalarOp.SIGN}) {
            ScalarProgram f = Lowering.lower(ScalarFn.of(odd).program(), DType.F32);
            assertEquals(0f, Lowering.evaluateF32(f, 0f)[0], odd + " keeps the sign of zero");
            assertEquals(-0f, Lowering.evaluateF32(f, -0f)[0], odd + " keeps the sign of zero");
        }
    }

    @Test
    void exponentialsReachTheLargestNumberAndThenInfinity() {
        ScalarProgram f32 = Lowering.lower(ScalarFn.exp().program(), DType.F32);
        float last = 88.72283172607422f;
        assertEquals(StrictMath.exp(last), Lowering.evaluateF32(f32, last)[0], 4 * Math.ulp(3.4e38f));
        assertEquals(Float.POSITIVE_INFINITY, Lowering.evaluateF32(f32, Math.nextUp(last))[0]);
        assertEquals(0f, Lowering.evaluateF32(f32, -88f)[0]);
        ScalarProgram f64 = Lowering.lower(ScalarFn.exp().program(), DType.F64);
        assertEquals(Math.exp(709.782712893384), Lowering.evaluateF64(f64, 709.782712893384)[0], 1e294);
        assertEquals(Double.POSITIVE_INFINITY, Lowering.evaluateF64(f64, 709.7827128933841)[0]);
        assertEquals(0.0, Lowering.evaluateF64(f64, -709)[0]);
    }

    @Test
    void floorIsExact() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        ScalarProgram f32 = Lowering.lower(ScalarFn.of(ScalarOp.FLOOR).program(), DType.F32);
        ScalarProgram f64 = Lowering.lower(ScalarFn.of(ScalarOp.FLOOR).program(), DType.F64);
        for (int i = 0; i < 100_000; i++) {
            double x = (random.nextBoolean() ? 0.5 : random.nextDouble())
                    * Math.scalb(random.nextInt(-64, 64), random.nextInt(-8, 60));
            assertEquals((float) Math.floor((float) x), Lowering.evaluateF32(f32, (float) x)[0], "seed " + seed);
            assertEquals(Math.floor(x), Lowering.evaluateF64(f64, x)[0], "seed " + seed);
        }
    }

    @Test
    void everyActivationLowersToBasicOperationsAndKeepsItsValues() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (String name : Activations.names()) {
            ScalarFn phi = Activations.named(name, name.equals("beta_gelu") ? Map.of("beta", 5.0) : Map.of());
            ScalarProgram program = DualActivation.derivatives(phi, 3);
            ScalarProgram f32 = Lowering.lower(program, DType.F32);
            ScalarProgram f64 = Lowering.lower(program, DType.F64);
            assertTrue(f32.code().stream().allMatch(s -> s.op().isBasic()), name);
            assertTrue(f64.code().stream().allMatch(s -> s.op().isBasic()), name);
            for (int i = 0; i < 2000; i++) {
                float x = (float) (random.nextGaussian() * 4);
                double[] expected = program.evaluate(x);
                double[] wide = Lowering.evaluateF64(f64, x);
                float[] narrow = Lowering.evaluateF32(f32, x);
                for (int k = 0; k <= 3; k++) {
                    String what = name + " derivative " + k + " at " + x + ", seed " + seed;
                    assertEquals(
                            expected[k],
                            wide[k],
                            1e-14 * (1 + Math.abs(expected[k])) * (1 + Math.abs(x)) * (k == 3 ? 200 : 10),
                            what);
                    assertEquals(
                            expected[k],
                            narrow[k],
                            1e-6 * (1 + Math.abs(expected[k])) * (1 + Math.abs(x)) * (k == 3 ? 200 : 10),
                            what);
                }
            }
        }
    }

    @Test
    void derivativesOfGeluShareOneExponentialAndOneDivision() {
        for (DType dtype : new DType[] {DType.F32, DType.F64}) {
            ScalarProgram value = Lowering.lower(Activations.named("gelu").program(), dtype);
            ScalarProgram all = Lowering.lower(DualActivation.derivatives(Activations.named("gelu"), 3), dtype);
            assertEquals(1, count(all, ScalarOp.ISHL));
            assertEquals(1, count(all, ScalarOp.DIV));
            // 2^k (1 + p) is formed once with erfc's factor and once alone.
            assertEquals(count(value, ScalarOp.FMA) + 1, count(all, ScalarOp.FMA));
        }
    }

    @Test
    void derivativesOfSiluShareOneExponentialAndOneDivision() {
        ScalarProgram all = Lowering.lower(DualActivation.derivatives(Activations.named("silu"), 3), DType.F32);
        assertEquals(1, count(all, ScalarOp.ISHL));
        assertEquals(1, count(all, ScalarOp.DIV));
    }

    @Test
    void aValueDoesNotDependOnTheProgramAroundIt() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (String name : new String[] {"gelu", "silu", "mish", "gelu_tanh", "tanh", "elu"}) {
            ScalarFn phi = Activations.named(name);
            ScalarProgram together = Lowering.lower(DualActivation.derivatives(phi, 3), DType.F32);
            for (int k = 0; k <= 3; k++) {
                ScalarProgram alone = Lowering.lower(phi.derivative(k).program(), DType.F32);
                for (int i = 0; i < 500; i++) {
                    float x = (float) (random.nextGaussian() * 5);
                    assertEquals(
                            Float.floatToRawIntBits(Lowering.evaluateF32(alone, x)[0]),
                            Float.floatToRawIntBits(Lowering.evaluateF32(together, x)[k]),
                            name + " derivative " + k + " at " + x + ", seed " + seed);
                }
            }
        }
    }

    @Test
    void functionsPutTogetherKeepTheirBits() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        // phi at 3·x, beside other values that algebra would merge it with.
        for (String name : new String[] {"gelu", "silu", "tanh", "gelu_tanh", "mish"}) {
            ScalarFn phi = Activations.named(name);
            for (int k = 0; k <= 2; k++) {
                var p = Builder.keepingBits();
                int x = p.input(0);
                int scaled = p.scale(3, x);
                int y = p.inline(phi.derivative(k).program(), scaled)[0];
                ScalarProgram fused = Lowering.lower(p.build(1, p.add(p.scale(2, y), y), y, p.mul(x, y)), DType.F32);
                ScalarProgram alone = Lowering.lower(phi.derivative(k).program(), DType.F32);
                for (int i = 0; i < 500; i++) {
                    float at = (float) (random.nextGaussian() * 2);
                    float expected = Lowering.evaluateF32(alone, 3 * at)[0];
                    float[] actual = Lowering.evaluateF32(fused, at);
                    String what = name + " derivative " + k + " at " + at + ", seed " + seed;
                    assertEquals(expected, actual[1], what);
                    assertEquals(2 * expected + expected, actual[0], what);
                    assertEquals(at * expected, actual[2], what);
                }
            }
        }
    }

    @Test
    void logicAndChoicesSurviveLowering() {
        var p = new Builder();
        int x = p.input(0);
        int y = p.input(1);
        int inside =
                p.op(ScalarOp.AND, p.op(ScalarOp.GE, x, y), p.op(ScalarOp.NOT, p.op(ScalarOp.GT, x, p.constant(2))));
        int or = p.op(ScalarOp.OR, p.op(ScalarOp.EQ, x, y), p.op(ScalarOp.NE, y, p.constant(1)));
        ScalarProgram program = p.build(
                2,
                p.op(ScalarOp.ADD, inside, p.op(ScalarOp.NE, inside, p.constant(0))),
                p.select(inside, p.op(ScalarOp.MAX, x, y), p.op(ScalarOp.MIN, x, y)),
                or,
                p.op(ScalarOp.IS_FINITE, x),
                p.op(ScalarOp.MAX, x, y),
                p.op(ScalarOp.MIN, x, y));
        ScalarProgram f32 = Lowering.lower(program, DType.F32);
        ScalarProgram f64 = Lowering.lower(program, DType.F64);
        double[] values = {-1, 0, 1, 1.5, 2, 3, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
        for (double a : values) {
            for (double b : values) {
                double[] expected = program.evaluate(a, b);
                double[] wide = Lowering.evaluateF64(f64, a, b);
                float[] narrow = Lowering.evaluateF32(f32, (float) a, (float) b);
                for (int i = 0; i < expected.length; i++) {
                    assertEquals(expected[i], wide[i], "output " + i + " at " + a + ", " + b);
                    assertEquals((float) expected[i], narrow[i], "output " + i + " at " + a + ", " + b);
                }
            }
        }
    }

    @Test
    void onlyFloatsThatComputeAreAllowed() {
        ScalarProgram f = ScalarFn.exp().program();
        assertThrows(IllegalArgumentException.class, () -> Lowering.lower(f, DType.BF16));
        assertThrows(IllegalArgumentException.class, () -> Lowering.evaluateF32(f, 1f));
    }

    /** Equal, or finite and within the tolerance. */
    private static void assertClose(double expected, double actual, double tolerance, String what) {
        boolean close = Double.isFinite(expected) && Math.abs(expected - actual) <= tolerance;
        if (!close) assertEquals(expected, actual, what);
    }

    private static double argument(ScalarOp op, Random random, int i) {
        boolean circular = op == ScalarOp.SIN || op == ScalarOp.COS;
        double x = switch (i % 3) {
            case 0 -> (random.nextDouble() - 0.5) * 8;
            case 1 -> (random.nextDouble() - 0.5) * (circular ? 2e5 : 80);
            default -> Math.exp((random.nextDouble() - 0.5) * 23) * (random.nextBoolean() ? 1 : -1);
        };
        boolean exponential = op == ScalarOp.EXP || op == ScalarOp.EXPM1;
        if (op == ScalarOp.LOG) return Math.abs(x);
        if (op == ScalarOp.LOG1P && x <= -1) return -1 / (x - 1e-3);
        return exponential && Math.abs(x) > 80 ? Math.copySign(80 + random.nextDouble() * 9, x) : x;
    }

    private static double relativeError(double actual, BigDecimal expected) {
        double magnitude = expected.abs().doubleValue();
        if (magnitude < FLOOR_F64) return Math.abs(actual) <= 2 * FLOOR_F64 ? 0 : Double.POSITIVE_INFINITY;
        return new BigDecimal(actual)
                        .subtract(expected, MathContext.DECIMAL128)
                        .abs()
                        .doubleValue()
                / magnitude;
    }

    private static long count(ScalarProgram program, ScalarOp op) {
        return program.code().stream().filter(s -> s.op() == op).count();
    }
}
