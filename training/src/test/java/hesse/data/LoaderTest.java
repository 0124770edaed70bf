package hesse.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Batches hold the right examples in the right order and layout, wherever a loader begins. */
class LoaderTest {
    private static DataSplits digits(String keys) {
        return DataSplits.open(
                DataSourcesTest.config("name: digits, " + keys), new DataFolders(Optional.empty(), Map.of()));
    }

    /** Images whose every raw value tells example, channel, row and column apart. */
    private static Examples numbered(int n, int channels, int height, int width) {
        return new Examples() {
            @Override
            public Spec spec() {
                return new Spec(Kind.IMAGE, Shape.of(channels, height, width), 1, Shape.SCALAR, false, n);
            }

            @Override
            public int size() {
                return n;
            }

            @Override
            public void input(int index, double[] into) {
                for (int e = 0; e < into.length; e++) into[e] = index * 1000 + e;
            }

            @Override
            public void target(int index, double[] into) {
                into[0] = index;
            }
        };
    }

    private static Normalization none(Examples examples) {
        return Normalization.fit(DataConfig.Normalize.NONE, examples, 1);
    }

    private record Seen(long[] targets, double[] inputs, Loader.Batch batch) {}

    private static List<Seen> take(Loader loader, int count) throws InterruptedException {
        var seen = new ArrayList<Seen>();
        for (int i = 0; i < count; i++) {
            var x = Tensor.allocate(loader.inputType(), loader.inputShape());
            var y = Tensor.allocate(loader.targetType(), loader.targetShape());
            var batch = loader.next(x.data(), y.data());
            if (batch.isEmpty()) break;
            long[] targets = new long[batch.get().count()];
            for (int k = 0; k < targets.length; k++) targets[k] = y.getLong(k);
            seen.add(new Seen(targets, x.toDoubleArray(), batch.get()));
        }
        return seen;
    }

    private static Loader.Options options(int batch, boolean shuffle, boolean dropLast, long seed) {
        return new Loader.Options(
                batch, shuffle, dropLast, seed, DType.F64, List.of(), Long.MAX_VALUE, 1, Loader.Gaps.FILL);
    }

    @Test
    void imagesArriveAsNhwc() throws InterruptedException {
        var examples = numbered(5, 3, 2, 4);
        try (var loader =
                new Loader(examples, none(examples), Loader.Options.evaluation(2, DType.F32), Loader.Position.START)) {
            assertEquals(Shape.of(2, 2, 4, 3), loader.inputShape());
            assertEquals(DType.F32, loader.inputType());
            var batches = take(loader, 9);
            assertEquals(3, batches.size());
            assertEquals(
                    List.of(2, 2, 1),
                    batches.stream().map(b -> b.batch().count()).toList());
            for (int h = 0; h < 2; h++) {
                for (int w = 0; w < 4; w++) {
                    for (int c = 0; c < 3; c++) {
                        assertEquals(
                                3000 + (c * 2 + h) * 4 + w, batches.get(1).inputs()[((1 * 2 + h) * 4 + w) * 3 + c]);
                    }
                }
            }
        }
    }

    @Test
    void eachEpochHoldsEachExampleOnceInItsOwnOrder() throws InterruptedException {
        long seed = System.nanoTime();
        int n = 50 + new Random(seed).nextInt(50);
        var examples = numbered(n, 1, 1, 1);
        try (var loader = new Loader(examples, none(examples), options(7, true, false, seed), Loader.Position.START)) {
            int perEpoch = (n + 6) / 7;
            assertEquals(perEpoch, loader.batchesPerEpoch());
            var orders = new HashSet<String>();
            for (int epoch = 0; epoch < 3; epoch++) {
                long[] all = take(loader, perEpoch).stream()
                        .flatMapToLong(b -> Arrays.stream(b.targets()))
                        .toArray();
                orders.add(Arrays.toString(all));
                Arrays.sort(all);
                assertArrayEquals(LongStream.range(0, n).toArray(), all, "seed " + seed);
            }
            assertEquals(3, orders.size(), "seed " + seed);
        }
    }

    @Test
    void ordersAreUniform() {
        long seed = System.nanoTime();
        int trials = 6000;
        var counts = new TreeMap<String, Integer>();
        for (int t = 0; t < trials; t++) counts.merge(Arrays.toString(order(3, seed, t)), 1, Integer::sum);
        assertEquals(6, counts.size());
        // Each count has mean 1000 and standard deviation 29.
        counts.forEach(
                (order, count) -> assertTrue(Math.abs(count - 1000) < 6 * 29, order + " " + count + ", seed " + seed));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aLoaderThatBeginsInTheMiddleContinuesBitForBit(boolean dropLast) throws InterruptedException {
        long seed = System.nanoTime();
        var splits = digits("batch: 64, augment: [flip, {kind: crop, padding: 2}]");
        var options = new Loader.Options(
                64,
                true,
                dropLast,
                seed,
                DType.F32,
                DataSourcesTest.config("name: digits, augment: [flip, {kind: crop, padding: 2}]")
                        .augment(),
                Long.MAX_VALUE,
                1 + new Random(seed).nextInt(4),
                Loader.Gaps.FILL);
        try (var whole = new Loader(splits.train(), splits.normalization(), options, Loader.Position.START)) {
            var batches = take(whole, 50);
            for (int cut : new int[] {0, 1, 21, 22, 23, 47}) {
                var start = cut == 0
                        ? Loader.Position.START
                        : batches.get(cut - 1).batch().next();
                try (var resumed = new Loader(splits.train(), splits.normalization(), options, start)) {
                    var again = take(resumed, 2);
                    for (int k = 0; k < 2; k++) {
                        assertEquals(
                                batches.get(cut + k).batch().position(),
                                again.get(k).batch().position());
                        assertArrayEquals(
                                batches.get(cut + k).targets(), again.get(k).targets(), "seed " + seed);
                        assertArrayEquals(
                                batches.get(cut + k).inputs(), again.get(k).inputs(), "seed " + seed);
                    }
                }
            }
        }
    }

    @Test
    void dropLastLeavesOutTheSmallerBatch() throws InterruptedException {
        var examples = numbered(10, 1, 1, 1);
        try (var loader = new Loader(examples, none(examples), options(4, false, true, 0), Loader.Position.START)) {
            var batches = take(loader, 4);
            assertEquals(
                    List.of(0L, 0L, 1L, 1L),
                    batches.stream().map(b -> b.batch().position().epoch()).toList());
            assertTrue(batches.stream().allMatch(b -> b.targets().length == 4));
            assertTrue(batches.stream().allMatch(b -> b.batch().waitNanos() >= 0));
        }
        var e = assertThrows(
                DataException.class,
                () -> new Loader(examples, none(examples), options(11, true, true, 0), Loader.Position.START));
        assertTrue(e.getMessage().contains("larger than the 10 examples") && e.exitCode() == 2, e.getMessage());
    }

    @Test
    void limitTakesTheFirstAndValidationDividesThem() {
        var limited = digits("limit: 100, validation: 0.25, shuffle: false");
        assertEquals(75, limited.train().size());
        assertEquals(25, limited.validation().orElseThrow().size());
        assertEquals(360, limited.test().orElseThrow().size());
        var raw = new double[64];
        var seen = new HashSet<String>();
        for (var part : List.of(limited.train(), limited.validation().orElseThrow())) {
            for (int i = 0; i < part.size(); i++) {
                part.input(i, raw);
                seen.add(Arrays.toString(raw));
            }
        }
        var expected = new HashSet<String>();
        for (int i = 0; i < 100; i++) {
            limited.dataset().train().input(i, raw);
            expected.add(Arrays.toString(raw));
        }
        assertEquals(expected, seen);
        assertEquals(1, digits("limit: 1, validation: 0.9999").train().size());
    }

    @Test
    void standardNormalisationGivesMeanZeroAndVarianceOne() {
        var splits = digits("limit: 10");
        var all = splits.dataset().train();
        var raw = new double[64];
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < all.size(); i++) {
            all.input(i, raw);
            for (int e = 0; e < 64; e++) {
                double v = splits.normalization().apply(raw[e], e);
                sum += v;
                squares += v * v;
            }
        }
        assertEquals(0, sum / all.size() / 64, 1e-12);
        assertEquals(1, squares / all.size() / 64, 1e-12);
        assertEquals(1, Normalization.fit(DataConfig.Normalize.NONE, all, 1).apply(16, 0));
    }

    @Test
    void momentsOfBytesEqualThoseOfNumbers() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        Examples bytes = new ByteImages(
                Shape.of(3, 2, 2), 255, 10, MadeFiles.bytes(random, 12 * 7), MadeFiles.labels(random, 7));
        var shift = random.doubles(3, 0, 255).toArray();
        var plain = bytes.pick(Shuffle.identity(7)).moments(shift);
        var counted = bytes.moments(shift);
        for (int k = 0; k < 2; k++) assertArrayEquals(plain[k], counted[k], 1e-6, "seed " + seed);
    }

    @Test
    void meanImageIsThatOfTheFirstBatch() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        byte[] pixels = MadeFiles.bytes(random, 4 * 6);
        Examples bytes = new ByteImages(Shape.of(1, 2, 2), 255, 10, pixels, MadeFiles.labels(random, 6));
        var n = Normalization.fit(DataConfig.Normalize.MEAN_IMAGE, bytes, 2);
        for (int e = 0; e < 4; e++) {
            double a = (pixels[e] & 0xFF) / 256.0;
            double b = (pixels[4 + e] & 0xFF) / 256.0;
            assertEquals((a - b) / 2, n.apply(pixels[e] & 0xFF, e), 1e-15, "seed " + seed);
        }
    }

    @Test
    void constantChannelsAreOnlyCentred() {
        Examples constant = new ByteImages(Shape.of(1, 1, 2), 255, 10, new byte[] {7, 7, 7, 7}, new byte[] {0, 1});
        assertEquals(
                0, Normalization.fit(DataConfig.Normalize.STANDARD, constant, 1).apply(7, 0));
    }

    @Test
    void augmentationMovesAndMirrorsButInventsNothing() {
        long seed = System.nanoTime();
        var examples = numbered(1, 2, 5, 6);
        var steps = DataSourcesTest.config("name: digits, augment: [{kind: crop, padding: 2, fill: reflect}, flip]")
                .augment();
        var augmentation = new Augmentation(steps, examples.spec(), none(examples), seed);
        var original = new double[60];
        examples.input(0, original);
        var variants = new HashSet<String>();
        for (long epoch = 0; epoch < 500; epoch++) {
            var image = original.clone();
            augmentation.apply(image, epoch, 0);
            var again = original.clone();
            augmentation.apply(again, epoch, 0);
            assertArrayEquals(image, again);
            for (int e = 0; e < 60; e++) assertEquals(e / 30, (int) image[e] / 30, "channels stay apart");
            variants.add(Arrays.toString(image));
        }
        assertEquals(25 * 2, variants.size(), "5 × 5 places, mirrored or not; seed " + seed);
    }

    @Test
    void croppingShiftsWithZerosOrReflection() {
        var examples = numbered(1, 1, 1, 4);
        var shift = new Augmentation(
                List.of(new DataConfig.Augment.Crop(0, DataConfig.Augment.Fill.ZERO)),
                examples.spec(),
                none(examples),
                1);
        var image = new double[] {1, 2, 3, 4};
        shift.apply(image, 0, 0);
        assertArrayEquals(new double[] {1, 2, 3, 4}, image);
        var zero = new Augmentation(
                List.of(new DataConfig.Augment.Crop(1, DataConfig.Augment.Fill.ZERO)),
                examples.spec(),
                none(examples),
                1);
        var rows = new HashSet<String>();
        for (int epoch = 0; epoch < 200; epoch++) {
            var moved = new double[] {1, 2, 3, 4};
            zero.apply(moved, epoch, 0);
            rows.add(Arrays.toString(moved));
        }
        assertEquals(
                Set.of("[0.0, 0.0, 0.0, 0.0]", "[0.0, 1.0, 2.0, 3.0]", "[1.0, 2.0, 3.0, 4.0]", "[2.0, 3.0, 4.0, 0.0]"),
                rows);
        assertThrows(
                DataException.class,
                () -> new Augmentation(
                        List.of(new DataConfig.Augment.Crop(1, DataConfig.Augment.Fill.REFLECT)),
                        examples.spec(),
                        none(examples),
                        1));
        var e = assertThrows(
                DataException.class,
                () -> new Augmentation(
                        List.of(new DataConfig.Augment.ResizedCrop(3)), examples.spec(), none(examples), 1));
        assertEquals(2, e.exitCode());
    }

    @Test
    void seedsDecideTheOrder() {
        long seed = System.nanoTime();
        assertArrayEquals(order(1000, seed, 3), order(1000, seed, 3));
        assertNotEquals(Arrays.toString(order(1000, seed, 3)), Arrays.toString(order(1000, seed + 1, 3)));
        assertNotEquals(Arrays.toString(order(1000, seed, 3)), Arrays.toString(order(1000, seed, 4)));
    }

    @Test
    void failuresOfReadingReachTheCaller() throws InterruptedException {
        var good = numbered(10, 1, 1, 1);
        var bad = new Examples() {
            @Override
            public Spec spec() {
                return good.spec();
            }

            @Override
            public int size() {
                return 10;
            }

            @Override
            public void input(int index, double[] into) {
                if (index == 4) throw DataException.broken("image 4", "corrupt", "");
                good.input(index, into);
            }

            @Override
            public void target(int index, double[] into) {
                good.target(index, into);
            }
        };
        try (var loader = new Loader(bad, none(good), options(2, false, true, 0), Loader.Position.START)) {
            assertEquals(2, take(loader, 2).size());
            assertThrows(DataException.class, () -> take(loader, 1));
            assertEquals(0, take(loader, 1).size());
        }
    }

    @Test
    void closingInTheMiddleEndsTheThread() throws InterruptedException {
        var splits = digits("batch: 8");
        for (int i = 0; i < 20; i++) {
            var loader = new Loader(
                    splits.train(), splits.normalization(), options(8, true, true, i), Loader.Position.START);
            if (i % 2 == 0) take(loader, 1);
            loader.close();
        }
        assertTrue(Thread.getAllStackTraces().keySet().stream()
                .noneMatch(t -> t.getName().equals("hesse-loader")));
    }

    private static int[] order(int n, long seed, long epoch) {
        int[] order = new int[n];
        Shuffle.order(order, seed, epoch);
        return order;
    }
}
