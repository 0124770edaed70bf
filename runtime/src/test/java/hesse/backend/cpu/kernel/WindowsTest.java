package hesse.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Places of the largest element of windows, by all kernels, against their definition. */
class WindowsTest {
    private final long seed = new Random().nextLong();
    private final Random random = new Random(seed);

    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    void theFirstLargestElementIsFoundAmongTiesAndNans(DType dtype) {
        for (int trial = 0; trial < 300; trial++) {
            int channels = random.nextBoolean() ? 16 * (1 + random.nextInt(3)) : 1 + random.nextInt(40);
            int width = 1 + random.nextInt(5);
            int height = 1 + random.nextInt(5);
            int rows = 1 + random.nextInt(height);
            int columns = 1 + random.nextInt(width);
            var x = Tensor.allocate(dtype, Shape.of(height * width * channels));
            for (int i = 0; i < x.size(); i++) x.set(i, element());
            for (var provider : new KernelProvider[] {KernelProvider.get(), KernelProvider.plain()}) {
                var out = Tensor.allocate(DType.I32, Shape.of(channels + 1));
                out.set(channels, -7);
                provider.windows(dtype)
                        .largest(
                                x.data(), 0, rows, (long) width * channels, columns, channels, 0, width, out.data(), 0);
                for (int c = 0; c < channels; c++) {
                    assertEquals(
                            largest(x, rows, columns, width, channels, c),
                            (int) out.get(c),
                            provider.description() + ", channel " + c + " of " + channels + ", seed " + seed);
                }
                assertEquals(-7, (int) out.get(channels), "written too far, seed " + seed);
            }
        }
    }

    /** Few values, so that there are ties; now and then none that is a number. */
    private double element() {
        int kind = random.nextInt(12);
        return kind == 0 ? Double.NaN : kind == 1 ? Double.NEGATIVE_INFINITY : random.nextInt(5) - 2;
    }

    private static int largest(Tensor x, int rows, int columns, int width, int channels, int c) {
        int best = 0;
        for (int r = 0; r < rows; r++) {
            for (int s = 0; s < columns; s++) {
                double v = x.get((r * width + s) * channels + c);
                double of = x.get(best * channels + c);
                if (v > of || Double.isNaN(v) && !Double.isNaN(of)) best = r * width + s;
            }
        }
        return best;
    }
}
