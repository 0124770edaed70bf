package hesse.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same seed gives the same batches, bit for bit, whatever the number of workers, wherever a run begins again, with damaged files too. */
class WorkersTest {
    private static final String AUGMENT =
            "augment: [{kind: resized_crop, size: 20}, flip, {kind: crop, padding: 2, fill: zero}, {kind: cutout, size: 6}";

    @TempDir
    Path folder;

    private final long seed = System.nanoTime() % 1_000_000;

    private record Seen(double[] x, double[] y, Loader.Batch batch) {}

    private DataSplits splits(String keys) {
        return DataSplits.open(DataSourcesTest.config(keys), new DataFolders(Optional.of(folder), Map.of()));
    }

    private Loader loader(DataSplits splits, String keys, int workers, Loader.Gaps gaps, Loader.Position start) {
        var c = DataSourcesTest.config(keys);
        var options = new Loader.Options(
                c.batch(), c.shuffle(), c.dropLast(), seed, DType.F32, c.augment(), Long.MAX_VALUE, workers, gaps);
        return new Loader(splits.train(), splits.normalization(), options, start);
    }

    private static List<Seen> take(Loader loader, int count) throws InterruptedException {
        var seen = new ArrayList<Seen>();
        for (int i = 0; i < count; i++) {
            var x = Tensor.allocate(loader.inputType(), loader.inputShape());
            var y = Tensor.allocate(loader.targetType(), loader.targetShape());
            var batch = loader.next(x.data(), y.data());
            if (batch.isEmpty()) break;
            seen.add(new Seen(x.toDoubleArray(), y.toDoubleArray(), batch.get()));
        }
        return seen;
    }

    private void same(List<Seen> a, List<Seen> b) {
        assertEquals(a.size(), b.size());
        for (int i = 0; i < a.size(); i++) {
            assertEquals(a.get(i).batch.position(), b.get(i).batch.position());
            assertEquals(a.get(i).batch.count(), b.get(i).batch.count());
            assertEquals(a.get(i).batch.unreadable(), b.get(i).batch.unreadable());
            assertArrayEquals(a.get(i).x, b.get(i).x, "batch " + i + ", seed " + seed);
            assertArrayEquals(a.get(i).y, b.get(i).y, "batch " + i + ", seed " + seed);
        }
    }

    /** 24 photographs of which five are damaged. */
    private String photographs(String more) throws IOException {
        MadePhotos.folders(folder.resolve("image-folder/train"), 3, 8, seed);
        for (int i : new int[] {0, 3, 4}) damage("class-0", i);
        damage("class-1", 7);
        damage("class-2", 0);
        return "name: image-folder, size: 20, batch: 5, unreadable: skip, " + more;
    }

    private void damage(String of, int i) throws IOException {
        var file = folder.resolve("image-folder/train/" + of + "/image-%03d.jpg".formatted(i));
        byte[] good = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(good, good.length / 2));
    }

    @ParameterizedTest
    @ValueSource(strings = {"drop_last: true, " + AUGMENT + "]", "drop_last: false, " + AUGMENT + ", {kind: mixup}]"})
    void anyNumberOfWorkersMakesTheSameBatchesAndAnyStartContinues(String more) throws Exception {
        var keys = photographs(more);
        List<Seen> one;
        try (var loader = loader(splits(keys), keys, 1, Loader.Gaps.FILL, Loader.Position.START)) {
            one = take(loader, 11);
        }
        assertTrue(one.stream().mapToInt(s -> s.batch.unreadable()).sum() >= 5, "seed " + seed);
        for (int workers : new int[] {2, 3, 8}) {
            try (var loader = loader(splits(keys), keys, workers, Loader.Gaps.FILL, Loader.Position.START)) {
                same(one, take(loader, 11));
            }
        }
        for (int cut : new int[] {1, 4, 5, 9}) {
            var start = one.get(cut - 1).batch.next();
            try (var loader = loader(splits(keys), keys, 1 + cut % 4, Loader.Gaps.FILL, start)) {
                same(one.subList(cut, 11), take(loader, 11 - cut));
            }
        }
    }

    @Test
    void whatCannotBeReadIsReportedOnceAndCounted() throws Exception {
        var keys = photographs("drop_last: false, shuffle: false");
        var splits = splits(keys);
        var unreadable = splits.train().unreadable().orElseThrow();
        for (int epoch = 0; epoch < 2; epoch++) {
            try (var loader = loader(splits, keys, 3, Loader.Gaps.LEAVE_OUT, Loader.Position.START)) {
                var seen = take(loader, 5);
                assertEquals(19, seen.stream().mapToInt(s -> s.batch.count()).sum());
                assertEquals(
                        5, seen.stream().mapToInt(s -> s.batch.unreadable()).sum());
                assertEquals(
                        List.of(0.0, 0.0),
                        IntStream.range(0, 2)
                                .mapToObj(i -> seen.getFirst().y[i])
                                .toList());
            }
            assertEquals(5, unreadable.count());
            var news = unreadable.news();
            assertEquals(epoch == 0 ? 5 : 0, news.size());
            if (epoch == 0) {
                assertTrue(
                        news.stream()
                                .anyMatch(e -> String.valueOf(e.getMessage())
                                        .contains("class-1/image-007.jpg (example 15): cannot be decoded: truncated")),
                        news.toString());
            }
        }
    }

    @Test
    void aFatalOneEndsTheRunInThePlaceWhereItStands() throws Exception {
        var keys = photographs("drop_last: false, shuffle: false").replace("unreadable: skip", "normalize: none");
        damage("class-2", 5);
        try (var loader = loader(splits(keys), keys, 4, Loader.Gaps.FILL, new Loader.Position(0, 2))) {
            assertEquals(1, take(loader, 1).size());
            var e = assertThrows(DataException.class, () -> take(loader, 1));
            assertTrue(String.valueOf(e.getMessage()).contains("class-1/image-007.jpg (example 15)"), e.getMessage());
            assertEquals(1, e.exitCode());
        }
    }

    @Test
    void aSetInWhichNothingCanBeReadIsRefused() throws Exception {
        var keys = photographs("drop_last: false, normalize: none");
        for (int k = 0; k < 3; k++) for (int i = 0; i < 8; i++) damage("class-" + k, i);
        try (var loader = loader(splits(keys), keys, 2, Loader.Gaps.FILL, Loader.Position.START)) {
            var e = assertThrows(DataException.class, () -> take(loader, 1));
            assertTrue(String.valueOf(e.getMessage()).contains("24 examples one after the other"), e.getMessage());
        }
    }

    @Test
    void mixupMixesPairsAndTheirShares() throws Exception {
        int n = 6;
        var random = new Random(seed);
        Examples bytes =
                new ByteImages(Shape.of(1, 2, 2), 255, 10, MadeFiles.bytes(random, 4 * n), MadeFiles.labels(random, n));
        var plain = Normalization.fit(DataConfig.Normalize.NONE, bytes, 1);
        var steps = DataSourcesTest.config("name: digits, augment: [{kind: mixup, alpha: 0.4}]")
                .augment();
        var shares = new ArrayList<Double>();
        var x = Tensor.allocate(DType.F64, Shape.of(n, 2, 2, 1));
        var y = Tensor.allocate(DType.F64, Shape.of(n, 10));
        var options = new Loader.Options(n, false, true, seed, DType.F64, steps, Long.MAX_VALUE, 2, Loader.Gaps.FILL);
        try (var loader = new Loader(bytes, plain, options, Loader.Position.START)) {
            assertEquals(DType.F64, loader.targetType());
            assertEquals(Shape.of(n, 10), loader.targetShape());
            for (int epoch = 0; epoch < 40; epoch++) {
                loader.next(x.data(), y.data());
                double share = new Mixup(0.4, seed).share(epoch, 0);
                shares.add(share);
                var a = new double[4];
                var b = new double[4];
                var label = new double[1];
                for (int i = 0; i < n; i++) {
                    bytes.input(i, a);
                    bytes.input(n - 1 - i, b);
                    for (int e = 0; e < 4; e++) {
                        assertEquals((share * a[e] + (1 - share) * b[e]) / 255, x.get(4 * i + e), 1e-12);
                    }
                    double sum = 0;
                    for (int k = 0; k < 10; k++) sum += y.get(10 * i + k);
                    assertEquals(1, sum, 1e-12);
                    bytes.target(i, label);
                    assertTrue(y.get(10 * i + (long) label[0]) >= share - 1e-12);
                }
            }
        }
        assertEquals(40, shares.stream().distinct().count());
    }

    @Test
    void mixupsSharesHaveBetasMoments() {
        for (double alpha : new double[] {0.2, 1, 5}) {
            int n = 4000;
            var mixup = new Mixup(alpha, seed);
            double sum = 0;
            double squares = 0;
            for (int i = 0; i < n; i++) {
                double s = mixup.share(i / 7, i % 7);
                assertTrue(s >= 0 && s <= 1);
                sum += s;
                squares += (s - 0.5) * (s - 0.5);
            }
            double variance = 1 / (4 * (2 * alpha + 1));
            assertEquals(0.5, sum / n, 6 * Math.sqrt(variance / n), "alpha " + alpha + ", seed " + seed);
            assertEquals(variance, squares / n, 0.15 * variance, "alpha " + alpha + ", seed " + seed);
        }
    }

    @Test
    void cutoutBlanksASquareAndNothingElse() {
        var random = new Random(seed);
        Examples bytes = new ByteImages(
                Shape.of(3, 9, 11), 255, 10, MadeFiles.bytes(random, 8 * 297), MadeFiles.labels(random, 8));
        var normalization = Normalization.fit(DataConfig.Normalize.STANDARD, bytes, 1);
        var augmentation =
                new Augmentation(List.of(new DataConfig.Augment.Cutout(4)), bytes.spec(), normalization, seed);
        var before = new double[297];
        var places = new java.util.HashSet<Integer>();
        for (int epoch = 0; epoch < 400; epoch++) {
            bytes.input(1, before);
            var after = before.clone();
            augmentation.apply(after, epoch, 1);
            int blank = 0;
            int first = -1;
            for (int e = 0; e < 297; e++) {
                if (after[e] == before[e]) continue;
                assertEquals(0, normalization.apply(after[e], e), 1e-12);
                if (first < 0) first = e;
                blank++;
            }
            assertTrue(blank > 0 && blank <= 3 * 16, "blank " + blank);
            places.add(first);
        }
        assertTrue(places.size() > 30, "places " + places.size());
    }

    @Test
    void randomFramesLieWithinTheImageAndHaveTheirShapes() {
        var crop = new DataConfig.Augment.ResizedCrop(224);
        var frames = new RandomFrames(crop, seed);
        double least = 2;
        double most = 0;
        for (int i = 0; i < 2000; i++) {
            var f = frames.framing(i % 3, i).in(500, 375);
            assertTrue(f.left() >= 0 && f.top() >= 0 && f.right() <= 500 && f.bottom() <= 375);
            double area = f.width() * f.height() / (500 * 375.0);
            double aspect = f.width() / f.height();
            assertTrue(aspect > 0.72 && aspect < 1.38, "aspect " + aspect + ", seed " + seed);
            least = Math.min(least, area);
            most = Math.max(most, area);
            assertEquals(f, frames.framing(i % 3, i).in(500, 375));
        }
        assertTrue(least < 0.12 && least > 0.07 && most > 0.9, least + " to " + most + ", seed " + seed);
        // no part of a long strip fits
        var strip = frames.framing(0, 0).in(1000, 10);
        assertEquals(new Framing.Frame(493, 0, 13, 10), strip);
    }

    @Test
    void resizedCropsOfSmallImagesKeepTheirSize() throws Exception {
        var keys = "name: digits, batch: 16, augment: [{kind: resized_crop, size: 8, area: [0.5, 1]}]";
        try (var loader = loader(splits(keys), keys, 2, Loader.Gaps.FILL, Loader.Position.START)) {
            assertEquals(Shape.of(16, 8, 8, 1), loader.inputShape());
            assertEquals(2, take(loader, 2).size());
        }
    }
}
