package hesse.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.bindings.jpeg.TurboJpeg;
import hesse.tensor.Shape;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Photographs from folders and tar shards are what ImageIO reads, and everything broken is refused by file and index. */
class PhotographsTest {
    @TempDir
    Path folder;

    private final long seed = System.nanoTime() % 1_000_000;

    private Dataset open(String keys) {
        var config = DataSourcesTest.config(keys);
        return DataSources.named(config.name()).open(config, new DataFolders(Optional.of(folder), Map.of()));
    }

    private String refused(String keys) {
        var e = assertThrows(DataException.class, () -> {
            var set = open(keys);
            var raw = new double[(int) set.train().spec().input().size()];
            for (int i = 0; i < set.train().size(); i++) set.train().input(i, raw);
        });
        assertEquals(1, e.exitCode(), e.getMessage());
        return String.valueOf(e.getMessage());
    }

    private Path one(byte[] file, String name) throws IOException {
        var of = Files.createDirectories(folder.resolve("train/only"));
        return Files.write(of.resolve(name), file);
    }

    private double[] only(String keys) {
        var set = open("name: image-folder, train: '" + folder.resolve("train") + "', " + keys);
        var raw = new double[(int) set.train().spec().input().size()];
        set.train().input(0, raw);
        return raw;
    }

    private static void samePixels(BufferedImage image, double[] raw) {
        int w = image.getWidth();
        int h = image.getHeight();
        for (int c = 0, e = 0; c < 3; c++) {
            for (int y = 0; y < h; y++) {
                for (int x = 0; x < w; x++) assertEquals(image.getRGB(x, y) >> 16 - 8 * c & 0xFF, raw[e++]);
            }
        }
    }

    @Test
    void aJpegOfTheInputsSizeIsReadAsItIs() throws IOException {
        byte[] jpeg = MadePhotos.jpeg(seed, 32, 32);
        one(jpeg, "a.JPEG");
        samePixels(ImageIO.read(new ByteArrayInputStream(jpeg)), only("size: 32, resize: 32"));
    }

    @Test
    void colourJpegsWithoutLuminanceAreReadAsTheyAre() throws IOException {
        var image = MadePhotos.picture(seed, 24, 24, BufferedImage.TYPE_3BYTE_BGR);
        byte[] jpeg = MadePhotos.plainColours(image);
        assertTrue(!JpegHeader.of(jpeg).isLuminanceChrominance());
        var read = decode(jpeg, 3);
        for (int p = 0; p < read.length; p++) {
            // the raster's bands are in the order red, green, blue
            int expected = image.getRaster().getSample(p / 3 % 24, p / 3 / 24, p % 3);
            assertEquals(expected, read[p] & 0xFF, 40, "seed " + seed);
        }
    }

    private static byte[] decode(byte[] file, int channels) {
        try {
            return new PhotoDecoder(Optional.empty())
                    .decode(file, Framing.WHOLE, channels)
                    .bytes();
        } catch (PhotoDecoder.Unusable e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @CsvSource({"png, 2", "bmp, 1", "gif, 13", "png, 10"})
    void otherFormsAreReadSampleBySample(String form, int type) throws IOException {
        var image = MadePhotos.picture(seed, 20, 20, type == 2 ? BufferedImage.TYPE_INT_ARGB : type);
        byte[] file = MadePhotos.encoded(image, form);
        var read = decode(file, 3);
        var back = ImageIO.read(new ByteArrayInputStream(file));
        for (int p = 0; p < 400; p++) {
            int x = p % 20;
            int y = p / 20;
            for (int c = 0; c < 3; c++) {
                int expected =
                        type == 10 ? back.getRaster().getSample(x, y, 0) : back.getRGB(x, y) >> 16 - 8 * c & 0xFF;
                assertEquals(expected, read[3 * p + c] & 0xFF, form + " seed " + seed);
            }
        }
    }

    @Test
    void greyJpegsGetThreeEqualChannelsAndColoursBecomeGrey() throws IOException {
        var image = MadePhotos.picture(seed, 16, 16, BufferedImage.TYPE_BYTE_GRAY);
        byte[] jpeg = MadePhotos.encoded(image, "jpeg");
        var back = ImageIO.read(new ByteArrayInputStream(jpeg)).getRaster();
        var read = decode(jpeg, 3);
        for (int p = 0; p < 256; p++) {
            assertEquals(read[3 * p], read[3 * p + 1]);
            assertEquals(read[3 * p], read[3 * p + 2]);
            assertEquals(back.getSample(p % 16, p / 16, 0), read[3 * p] & 0xFF);
        }
        var red = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < 64; i++) red.setRGB(i % 8, i / 8, 0xFF0000);
        for (byte b : decode(MadePhotos.encoded(red, "png"), 1)) assertEquals(76, b & 0xFF);
    }

    @Test
    void sixteenBitsBecomeEight() throws IOException {
        var image = new BufferedImage(16, 16, BufferedImage.TYPE_USHORT_GRAY);
        for (int p = 0; p < 256; p++) image.getRaster().setSample(p % 16, p / 16, 0, p << 8 | 0x7F);
        var read = decode(MadePhotos.encoded(image, "png"), 3);
        for (int p = 0; p < 256; p++) assertEquals(p, read[3 * p] & 0xFF);
    }

    @ParameterizedTest
    @CsvSource({"0,0,0,0, 255,255,255", "255,0,0,0, 0,255,255", "0,0,0,255, 0,0,0", "0,128,255,0, 255,127,0"})
    void inksBecomeColours(int c, int m, int y, int k, int red, int green, int blue) throws IOException {
        byte[] plain = MadePhotos.inks(16, 16, c, m, y, k);
        var read = decode(plain, 3);
        int[] expected = {red, green, blue};
        for (int p = 0; p < read.length; p++) assertEquals(expected[p % 3], read[p] & 0xFF, 3);
        // Adobe's programs write the complement, and say so
        byte[] adobe = {(byte) 0xFF, (byte) 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0};
        byte[] inverse = MadePhotos.inks(16, 16, 255 - c, 255 - m, 255 - y, 255 - k);
        var marked = ByteBuffer.allocate(inverse.length + adobe.length);
        marked.put(inverse, 0, 2).put(adobe).put(inverse, 2, inverse.length - 2);
        read = decode(marked.array(), 3);
        for (int p = 0; p < read.length; p++) assertEquals(expected[p % 3], read[p] & 0xFF, 3);
    }

    @Test
    void libjpegTurboGivesTheSameBytes() throws IOException, PhotoDecoder.Unusable {
        var library = TurboJpeg.find();
        Assumptions.assumeTrue(library.isPresent(), "libturbojpeg is not installed");
        var fast = new PhotoDecoder(library);
        for (int i = 0; i < 20; i++) {
            var random = new Random(seed + i);
            int w = 8 + random.nextInt(90);
            int h = 8 + random.nextInt(90);
            int type = i % 4 == 3 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB;
            byte[] jpeg = MadePhotos.encoded(MadePhotos.picture(seed + i, w, h, type), "jpeg");
            assertArrayEquals(
                    decode(jpeg, 3), fast.decode(jpeg, Framing.WHOLE, 3).bytes(), "seed " + (seed + i));
        }
    }

    @Test
    void foldersAndShardsHoldTheSameExamples() throws IOException {
        MadePhotos.folders(folder.resolve("image-folder/train"), 4, 5, seed);
        MadePhotos.shards(folder.resolve("image-folder/train"), folder.resolve("webdataset/train"), 3);
        var a = open("name: image-folder, size: 24").train();
        var b = open("name: webdataset, size: 24").train();
        assertEquals(20, a.size());
        assertEquals(20, b.size());
        assertEquals(Shape.of(3, 24, 24), a.spec().input());
        assertEquals(4, a.spec().classes());
        assertEquals(4, b.spec().classes());
        var x = new double[3 * 24 * 24];
        var y = new double[x.length];
        var label = new double[2];
        for (int i : new int[] {19, 0, 7, 3, 12}) {
            a.input(i, x);
            b.input(i, y);
            assertArrayEquals(x, y, "seed " + seed);
            a.target(i, label);
            assertEquals(i / 5, label[0]);
            b.target(i, label);
            assertEquals(i / 5, label[0]);
        }
        var means = Normalization.fit(DataConfig.Normalize.STANDARD, a, 1);
        assertEquals(
                means.mean(1),
                Normalization.fit(DataConfig.Normalize.STANDARD, b, 1).mean(1));
        assertTrue(means.mean(1) > 0.2 && means.mean(1) < 0.8 && means.deviation(1) > 0.05);
    }

    @Test
    void patternsNameShards() throws IOException {
        MadePhotos.folders(folder.resolve("all"), 2, 6, seed);
        MadePhotos.shards(folder.resolve("all"), folder.resolve("shards"), 3);
        for (var name : new String[] {"train-{0000..0002}.tar", "train-*.tar", ""}) {
            var set = open("name: webdataset, size: 8, train: '"
                    + folder.resolve("shards").resolve(name) + "'");
            assertEquals(12, set.train().size(), name);
        }
        assertEquals(
                4,
                open("name: webdataset, train: '" + folder.resolve("shards/train-0001.tar") + "'")
                        .train()
                        .size());
        assertTrue(refused("name: webdataset, train: '" + folder.resolve("shards/train-{0000..0003}.tar") + "'")
                .contains("train-0003.tar: is missing"));
        assertTrue(refused("name: webdataset, train: '" + folder.resolve("shards/none-*.tar") + "'")
                .contains("names no tar files"));
    }

    @Test
    void imagenetHasAThousandClassesAndPublishedMeans() throws IOException {
        MadePhotos.folders(folder.resolve("imagenet/train"), 3, 2, seed);
        MadePhotos.folders(folder.resolve("imagenet/val"), 2, 1, seed + 50);
        var set = open("name: imagenet, size: 16");
        assertEquals(1000, set.classes());
        assertEquals(6, set.train().size());
        assertEquals(2, set.test().orElseThrow().size());
        var n = Normalization.fit(DataConfig.Normalize.STANDARD, set.train(), 1);
        assertEquals(0.485, n.mean(0));
        assertEquals(0.225, n.deviation(2));
        Files.createDirectories(folder.resolve("imagenet/val/other"));
        assertTrue(refused("name: imagenet").contains("other: is a class that the training images lack"));
    }

    @Test
    void emptyClassesAndFoldersAreRefusedByName() throws IOException {
        Files.createDirectories(folder.resolve("mine/train/full"));
        var only = Files.createDirectories(folder.resolve("mine/train/only"));
        Files.write(only.resolve("a.jpg"), MadePhotos.jpeg(seed, 9, 9));
        var train = "name: image-folder, train: '" + folder.resolve("mine/train") + "'";
        assertTrue(refused(train).contains("full: is an empty class"));
        assertTrue(refused("name: image-folder, train: '" + folder.resolve("mine/train/only") + "'")
                .contains("only: holds no class folders"));
        assertTrue(refused("name: image-folder, train: '" + folder.resolve("nowhere") + "'")
                .contains("nowhere: cannot be listed"));
        assertTrue(refused("name: image-folder").contains("searched for train/CLASS/IMAGE in"));
    }

    @Test
    void damagedImagesAreNamedWithTheirIndex() throws IOException {
        byte[] good = MadePhotos.jpeg(seed, 60, 40);
        one(good, "a.jpg");
        var keys = "name: image-folder, size: 16, train: '" + folder.resolve("train") + "'";
        record Damage(String name, byte[] file, String what) {}
        byte[] png = MadePhotos.encoded(MadePhotos.picture(seed, 9, 9, BufferedImage.TYPE_INT_RGB), "png");
        byte[] hugePng = png.clone();
        ByteBuffer.wrap(hugePng).putInt(16, 2_000_000_000).putInt(20, 2_000_000_000);
        byte[] hugeJpeg = good.clone();
        for (int i = 2; i < good.length - 9; i++) {
            if ((good[i] & 0xFF) == 0xFF && (good[i + 1] & 0xFF) == 0xC0) {
                ByteBuffer.wrap(hugeJpeg).putInt(i + 5, -1);
                break;
            }
        }
        var damages = new Damage[] {
            new Damage("b.jpg", new byte[0], "is empty"),
            new Damage("b.jpg", "no image at all".getBytes(StandardCharsets.UTF_8), "is no image of a known form"),
            new Damage("b.jpg", Arrays.copyOf(good, good.length * 2 / 3), "truncated"),
            new Damage("b.jpg", Arrays.copyOf(good, 30), "truncated"),
            new Damage("b.jpg", hugeJpeg, "claims a size of 65535×65535 pixels"),
            new Damage("b.png", hugePng, "claims a size of 2000000000×2000000000 pixels"),
            new Damage("b.png", Arrays.copyOf(png, png.length / 2), "cannot be decoded"),
        };
        for (var d : damages) {
            var file = one(d.file, d.name);
            var message = refused(keys);
            assertTrue(message.contains(file + " (example 1)") && message.contains(d.what), d.what + " <> " + message);
            var tolerant = open(keys + ", unreadable: skip").train();
            assertTrue(!tolerant.tryInput(1, new double[768]) && tolerant.tryInput(0, new double[768]));
            assertEquals(1, tolerant.unreadable().orElseThrow().count());
            Files.delete(file);
        }
        Files.createDirectory(folder.resolve("train/only/b.jpg"));
        assertTrue(refused(keys).contains("(example 1): cannot be read"));
    }

    @Test
    void everyTruncationOfAnImageIsRefusedWithoutACrash() throws IOException {
        for (byte[] good : new byte[][] {
            MadePhotos.jpeg(seed, 40, 30),
            MadePhotos.encoded(MadePhotos.picture(seed, 30, 20, BufferedImage.TYPE_INT_RGB), "png")
        }) {
            var decoder = new PhotoDecoder(TurboJpeg.find());
            // a PNG's own last chunk holds nothing
            for (int n = 0; n < good.length - 16; n += 1 + n / 40) {
                byte[] cut = Arrays.copyOf(good, n);
                assertThrows(PhotoDecoder.Unusable.class, () -> decoder.decode(cut, Framing.WHOLE, 3), "bytes " + n);
            }
        }
    }

    @Test
    void changedBytesNeverCrashTheDecoder() throws IOException {
        byte[] good = MadePhotos.jpeg(seed, 40, 30);
        var random = new Random(seed);
        var decoder = new PhotoDecoder(TurboJpeg.find());
        int refused = 0;
        for (int i = 0; i < 300; i++) {
            byte[] bad = good.clone();
            for (int k = 0; k < 3; k++) bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            try {
                decoder.decode(bad, Framing.WHOLE, 3);
            } catch (PhotoDecoder.Unusable e) {
                refused++;
            }
        }
        assertTrue(refused > 10, "seed " + seed + ", refused " + refused);
    }

    @Test
    void brokenShardsAreRefused() throws IOException {
        byte[] jpeg = MadePhotos.jpeg(seed, 9, 9);
        byte[] three = "3".getBytes(StandardCharsets.US_ASCII);
        var file = folder.resolve("a.tar");
        var keys = "name: webdataset, size: 8, classes: 4, train: '" + file + "'";
        var entries = new LinkedHashMap<String, byte[]>();
        entries.put("d/0.jpg", jpeg);
        entries.put("d/0.cls", three);
        byte[] good = MadePhotos.tar(entries);
        Files.write(file, good);
        assertEquals(1, open(keys).train().size());
        record Damage(byte[] file, String what) {}
        byte[] absurd = good.clone();
        System.arraycopy("77777777777".getBytes(StandardCharsets.US_ASCII), 0, absurd, 124, 11);
        int sum = 0;
        for (int i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 32 : absurd[i] & 0xFF;
        System.arraycopy("%06o".formatted(sum).getBytes(StandardCharsets.US_ASCII), 0, absurd, 148, 6);
        for (var d : new Damage[] {
            new Damage(Arrays.copyOf(good, 700), "truncated"),
            new Damage(absurd, "truncated"),
            new Damage(MadeFiles.gzip(good), "is compressed"),
            new Damage(MadePhotos.tar(Map.of("../../etc/0.jpg", jpeg)), "leads out of its folder"),
            new Damage(MadePhotos.tar(Map.of("/etc/0.jpg", jpeg)), "leads out of its folder"),
            new Damage(MadePhotos.tar(Map.of("0.jpg", jpeg)), "lacks its class"),
            new Damage(MadePhotos.tar(Map.of("0.cls", three)), "lacks its image"),
            new Damage(tar("0.jpg", jpeg, "0.cls", "4"), "holds '4', which is no class of 0…3"),
            new Damage(tar("0.jpg", jpeg, "0.cls", "-1"), "holds '-1', which is no class"),
            new Damage(tar("0.jpg", jpeg, "0.cls", "dog"), "holds 'dog', which is no class"),
            new Damage(MadePhotos.tar(Map.of()), "holds no samples"),
            new Damage("no tar".getBytes(StandardCharsets.UTF_8), "a.tar"),
        }) {
            Files.write(file, d.file);
            var message = refused(keys);
            assertTrue(message.contains("a.tar") && message.contains(d.what), d.what + " <> " + message);
        }
        Files.write(file, tar("0.jpg", jpeg, "0.json", "{\"width\": 7, \"cls\": 2}"));
        var label = new double[1];
        open(keys).train().target(0, label);
        assertEquals(2, label[0]);
    }

    private static byte[] tar(String a, byte[] first, String b, String second) throws IOException {
        var entries = new LinkedHashMap<String, byte[]>();
        entries.put(a, first);
        entries.put(b, second.getBytes(StandardCharsets.UTF_8));
        return MadePhotos.tar(entries);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 100})
    void theCacheChangesNoBit(int mib) throws IOException {
        MadePhotos.folders(folder.resolve("train"), 2, 3, seed);
        var set = (Photographs)
                open("name: image-folder, size: 20, cache: " + mib + ", train: '" + folder.resolve("train") + "'")
                        .train();
        var plain = (Photographs) open("name: image-folder, size: 20, train: '" + folder.resolve("train") + "'")
                .train();
        var x = new double[1200];
        var y = new double[1200];
        Framing part = (w, h) -> new Framing.Frame(3, 2, w - 7, h - 5);
        for (int k = 0; k < 12; k++) {
            set.input(k % 6, part, new Resampling(), x);
            plain.input(k % 6, part, new Resampling(), y);
            assertArrayEquals(y, x, "seed " + seed);
        }
        assertEquals(mib == 0 ? 0 : 6, set.kept());
    }

    @Test
    void halvingAveragesAndAWholeFrameKeeps() {
        var random = new Random(seed);
        byte[] pixels = MadeFiles.bytes(random, 3 * 8 * 8);
        var out = new double[3 * 8 * 8];
        new Resampling().bytes(pixels, 3, 8, 0, 0, new Framing.Frame(0, 0, 8, 8), 8, 8, out);
        for (int c = 0; c < 3; c++) {
            for (int p = 0; p < 64; p++) assertEquals(pixels[3 * p + c] & 0xFF, out[c * 64 + p], 1e-4, "seed " + seed);
        }
        // the triangle over four pixels: 1/8, 3/8, 3/8, 1/8 within, cut off at the border
        var half = new double[3 * 4 * 4];
        byte[] slope = new byte[3 * 8 * 8];
        for (int p = 0; p < 64; p++) for (int c = 0; c < 3; c++) slope[3 * p + c] = (byte) (p % 8 * 10);
        new Resampling().bytes(slope, 3, 8, 0, 0, new Framing.Frame(0, 0, 8, 8), 4, 4, half);
        assertEquals((3 * 10 + 0 * 3 + 20) / 7.0, half[0], 1e-4);
        assertEquals((10 + 3 * 20 + 3 * 30 + 40) / 8.0, half[1], 1e-4);
    }
}
