package hesse.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class InitializerTest {
    private static final Shape SHAPE = Shape.of(300, 400);

    private static double[] draw(Initializer init, long seed, String name, DType dtype) {
        return init.draw(seed, name, SHAPE, dtype).toDoubleArray();
    }

    @Test
    void drawsDependOnSeedAndNameAndNothingElse() {
        var init = new Initializer.TruncatedNormal(0.5);
        double[] once = draw(init, 7, "a.weight", DType.F64);
        draw(init, 3, "b.weight", DType.F64);
        assertArrayEquals(once, draw(init, 7, "a.weight", DType.F64));
        assertNotEquals(once[0], draw(init, 8, "a.weight", DType.F64)[0]);
        assertNotEquals(once[0], draw(init, 7, "b.weight", DType.F64)[0]);
        double[] rounded = draw(init, 7, "a.weight", DType.F32);
        for (int i = 0; i < once.length; i++) assertEquals((float) once[i], rounded[i]);
    }

    @Test
    void variancesAreThoseOfTheirNames() {
        long seed = System.nanoTime();
        double fanIn = 400;
        double fanOut = 300;
        variance(2 / fanIn, new WeightInit.Kaiming().weight(fanIn, fanOut), seed);
        variance(2 / (fanIn + fanOut), new WeightInit.Glorot().weight(fanIn, fanOut), seed);
        variance(1.0 / 3 / fanIn, new WeightInit.VarianceScaling(1.0 / 3).weight(fanIn, fanOut), seed);
        variance(4e-4, new WeightInit.Normal(0.02).weight(fanIn, fanOut), seed);
    }

    private static void variance(double expected, Initializer init, long seed) {
        double[] x = draw(init, seed, "w", DType.F64);
        double mean = Arrays.stream(x).average().orElseThrow();
        double found = Arrays.stream(x).map(v -> v * v).average().orElseThrow();
        // five standard errors over 120,000 draws
        assertEquals(0, mean, 5 * Math.sqrt(expected / x.length), () -> init + ", seed " + seed);
        assertEquals(1, found / expected, 5 * Math.sqrt(2.0 / x.length), () -> init + ", seed " + seed);
    }

    @Test
    void truncatedDrawsStayWithinTwoDeviations() {
        long seed = System.nanoTime();
        double[] x = draw(new Initializer.TruncatedNormal(3), seed, "w", DType.F64);
        double most = Arrays.stream(x).map(Math::abs).max().orElseThrow();
        assertTrue(most <= 6 && most > 5.9, () -> most + ", seed " + seed);
    }

    @Test
    void constantsFillEveryType() {
        for (var dtype : List.of(DType.F32, DType.F64, DType.I64)) {
            assertArrayEquals(
                    new double[] {1, 1, 1},
                    Initializer.ONES.draw(0, "w", Shape.of(3), dtype).toDoubleArray());
        }
    }
}
