package hesse.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The three directions of a convolution against loops that add in the documented order, bit for bit. */
class ConvTest {
    private enum Direction {
        FORWARD,
        INPUT_GRADIENT,
        FILTER_GRADIENT
    }

    private final long seed = new Random().nextLong();
    private final Random random = new Random(seed);

    private int upTo(int most) {
        return 1 + random.nextInt(most);
    }

    private ConvShape randomShape(DType dtype) {
        int groups = random.nextInt(4) == 0 ? upTo(3) : 1;
        int channels = groups * (random.nextInt(3) == 0 ? 1 : upTo(20));
        int filters = groups * (random.nextInt(3) == 0 ? 1 : upTo(40));
        boolean plain = random.nextInt(3) == 0;
        while (true) {
            int height = upTo(15);
            int width = upTo(19);
            int kernelHeight = plain ? 3 : upTo(4);
            int kernelWidth = plain ? 3 : upTo(4);
            try {
                return new ConvShape(
                        dtype,
                        upTo(4),
                        height,
                        width,
                        channels,
                        filters,
                        kernelHeight,
                        kernelWidth,
                        plain ? 1 : upTo(3),
                        plain ? 1 : upTo(3),
                        plain ? 1 : random.nextInt(3),
                        plain ? 1 : random.nextInt(3),
                        plain ? 1 : random.nextInt(3),
                        plain ? 1 : random.nextInt(3),
                        plain ? 1 : upTo(2),
                        plain ? 1 : upTo(2),
                        groups);
            } catch (IllegalArgumentException e) {
                // The filter did not fit the image; draw again.
            }
        }
    }

    private Tensor normals(DType dtype, long size) {
        var t = Tensor.allocate(dtype, Shape.of((int) size));
        for (long i = 0; i < size; i++) t.set(i, random.nextGaussian());
        return t;
    }

    private void check(Direction direction, ConvShape s, KernelProvider provider, WorkerPool pool) {
        long imageSize = (long) s.images() * s.height() * s.width() * s.channels();
        long filterSize = (long) s.filters() * s.kernelHeight() * s.kernelWidth() * s.groupChannels();
        long outputSize = (long) s.images() * s.outputHeight() * s.outputWidth() * s.filters();
        long[] sizes = {imageSize, filterSize, outputSize};
        int[] roles = switch (direction) {
            case FORWARD -> new int[] {0, 1, 2};
            case INPUT_GRADIENT -> new int[] {2, 1, 0};
            case FILTER_GRADIENT -> new int[] {0, 2, 1};
        };
        int aAt = random.nextInt(5);
        int bAt = random.nextInt(5);
        int outAt = random.nextInt(5);
        double alpha = random.nextBoolean() ? 1 : 1.25;
        boolean accumulate = random.nextBoolean();
        var a = normals(s.dtype(), aAt + sizes[roles[0]]);
        var b = normals(s.dtype(), bAt + sizes[roles[1]]);
        var out = normals(s.dtype(), outAt + sizes[roles[2]] + 3);
        var expected = new double[(int) out.size()];
        for (int i = 0; i < expected.length; i++) expected[i] = out.get(i);

        var contraction = switch (direction) {
            case FORWARD -> Conv.forward(s, provider);
            case INPUT_GRADIENT -> Conv.inputGradient(s, provider);
            case FILTER_GRADIENT -> Conv.filterGradient(s, provider);
        };
        var workspace = new Workspace(pool.threads());
        workspace.reserve(contraction.need());
        contraction.run(pool, workspace, a.data(), aAt, b.data(), bAt, out.data(), outAt, alpha, accumulate);

        var sum = new BlockedSum(s.dtype());
        for (int i = 0; i < sizes[roles[2]]; i++) {
            double value = switch (direction) {
                case FORWARD -> forward(s, a, aAt, b, bAt, i, sum, outputSize);
                case INPUT_GRADIENT -> inputGradient(s, a, aAt, b, bAt, i, sum, imageSize);
                case FILTER_GRADIENT -> filterGradient(s, a, aAt, b, bAt, i, sum, filterSize);
            };
            expected[outAt + i] = sum.result(value, alpha, accumulate, expected[outAt + i]);
        }
        for (int i = 0; i < expected.length; i++) {
            int at = i - outAt;
            assertEquals(
                    expected[i],
                    out.get(i),
                    () -> direction + " element " + at + " of " + s + " by " + provider.description() + ", "
                            + pool.threads() + " threads, alpha " + alpha + ", accumulate " + accumulate + ", seed "
                            + seed);
        }
    }

    private static double image(ConvShape s, Tensor x, int at, int n, int y, int xx, int c) {
        return y < 0 || y >= s.height() || xx < 0 || xx >= s.width()
                ? 0
                : x.get(at + ((n * (long) s.height() + y) * s.width() + xx) * s.channels() + c);
    }

    private static double filter(ConvShape s, Tensor w, int at, int k, int r, int q, int c) {
        return w.get(at + ((k * (long) s.kernelHeight() + r) * s.kernelWidth() + q) * s.groupChannels() + c);
    }

    private static double forward(
            ConvShape s, Tensor x, int xAt, Tensor w, int wAt, int i, BlockedSum sum, long outputs) {
        int k = i % s.filters();
        int ox = i / s.filters() % s.outputWidth();
        int oy = i / (s.filters() * s.outputWidth()) % s.outputHeight();
        int n = i / (s.filters() * s.outputWidth() * s.outputHeight());
        int group = k / s.groupFilters();
        sum.clear();
        for (int r = 0; r < s.kernelHeight(); r++) {
            for (int q = 0; q < s.kernelWidth(); q++) {
                int y = oy * s.strideH() + r * s.dilationH() - s.padTop();
                int xx = ox * s.strideW() + q * s.dilationW() - s.padLeft();
                for (int c = 0; c < s.groupChannels(); c++) {
                    sum.add(image(s, x, xAt, n, y, xx, group * s.groupChannels() + c), filter(s, w, wAt, k, r, q, c));
                }
            }
        }
        return s.isPointwise() ? sum.sum(outputs) : sum.unchunkedSum();
    }

    private static double inputGradient(
            ConvShape s, Tensor d, int dAt, Tensor w, int wAt, int i, BlockedSum sum, long outputs) {
        int channel = i % s.channels();
        int x = i / s.channels() % s.width();
        int y = i / (s.channels() * s.width()) % s.height();
        int n = i / (s.channels() * s.width() * s.height());
        int group = channel / s.groupChannels();
        sum.clear();
        for (int t = s.kernelHeight() * s.kernelWidth() - 1; t >= 0; t--) {
            int up = y + s.padTop() - t / s.kernelWidth() * s.dilationH();
            int left = x + s.padLeft() - t % s.kernelWidth() * s.dilationW();
            if (Math.floorMod(up, s.strideH()) != 0 || Math.floorMod(left, s.strideW()) != 0) continue;
            int oy = Math.floorDiv(up, s.strideH());
            int ox = Math.floorDiv(left, s.strideW());
            boolean inside = oy >= 0 && oy < s.outputHeight() && ox >= 0 && ox < s.outputWidth();
            for (int f = 0; f < s.groupFilters(); f++) {
                int k = group * s.groupFilters() + f;
                double cotangent = inside
                        ? d.get(dAt + ((n * (long) s.outputHeight() + oy) * s.outputWidth() + ox) * s.filters() + k)
                        : 0;
                sum.add(
                        cotangent,
                        filter(s, w, wAt, k, t / s.kernelWidth(), t % s.kernelWidth(), channel % s.groupChannels()));
            }
        }
        return s.isPointwise() ? sum.sum(outputs) : sum.unchunkedSum();
    }

    private static double filterGradient(
            ConvShape s, Tensor x, int xAt, Tensor d, int dAt, int i, BlockedSum sum, long outputs) {
        int c = i % s.groupChannels();
        int q = i / s.groupChannels() % s.kernelWidth();
        int r = i / (s.groupChannels() * s.kernelWidth()) % s.kernelHeight();
        int k = i / (s.groupChannels() * s.kernelWidth() * s.kernelHeight());
        int channel = k / s.groupFilters() * s.groupChannels() + c;
        sum.clear();
        int pixels = s.images() * s.outputHeight() * s.outputWidth();
        for (int p = 0; p < pixels; p++) {
            int y = p / s.outputWidth() % s.outputHeight() * s.strideH() + r * s.dilationH() - s.padTop();
            int xx = p % s.outputWidth() * s.strideW() + q * s.dilationW() - s.padLeft();
            sum.add(
                    d.get(dAt + (long) p * s.filters() + k),
                    image(s, x, xAt, p / (s.outputWidth() * s.outputHeight()), y, xx, channel));
        }
        return sum.sum(outputs);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    void everyDirectionHasTheBitsOfItsDefinitionForAnyThreadsAndProvider(DType dtype) {
        for (int threads : new int[] {1, 2, 3, 7}) {
            try (var pool = new WorkerPool(threads)) {
                for (int i = 0; i < 12; i++) {
                    for (var direction : Direction.values()) {
                        check(direction, randomShape(dtype), KernelProvider.get(), pool);
                        if (i % 3 == 0) check(direction, randomShape(dtype), KernelProvider.plain(), pool);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    void commonShapesHaveTheBitsOfTheirDefinition(DType dtype) {
        var depthwise = new ConvShape(dtype, 2, 9, 9, 12, 12, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 12);
        var shapes = Arrays.asList(
                ConvShape.of(dtype, 2, 32, 32, 3, 16, 3, 1, 1),
                ConvShape.of(dtype, 2, 16, 16, 33, 20, 3, 1, 1),
                ConvShape.of(dtype, 2, 14, 14, 16, 8, 1, 2, 0),
                ConvShape.of(dtype, 3, 7, 7, 40, 33, 1, 1, 0),
                ConvShape.of(dtype, 1, 23, 23, 3, 8, 7, 2, 3),
                ConvShape.of(dtype, 5, 4, 4, 36, 10, 3, 2, 1),
                depthwise);
        try (var pool = new WorkerPool(2)) {
            for (var shape : shapes) {
                for (var direction : Direction.values()) check(direction, shape, KernelProvider.get(), pool);
            }
        }
    }

    @Test
    void impossibleShapesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> ConvShape.of(DType.F32, 1, 2, 2, 1, 1, 3, 1, 0));
        assertThrows(
                IllegalArgumentException.class,
                () -> new ConvShape(DType.F32, 1, 8, 8, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2));
        assertThrows(
                IllegalArgumentException.class, () -> Conv.forward(ConvShape.of(DType.I32, 1, 8, 8, 3, 4, 3, 1, 1)));
    }
}
