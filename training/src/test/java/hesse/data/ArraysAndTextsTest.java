package hesse.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.error.UserException;
import hesse.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** NumPy's and IDX files, CIFAR-100 and texts are read as they were written; broken ones are refused by name. */
class ArraysAndTextsTest {
    @TempDir
    Path folder;

    private final long seed = System.nanoTime() % 1_000_000;
    private final Random random = new Random(seed);

    private Dataset open(String keys) {
        var config = DataSourcesTest.config(keys);
        return DataSources.named(config.name()).open(config, new DataFolders(Optional.of(folder), Map.of()));
    }

    private String refused(String keys, int code) {
        var e = assertThrows(UserException.class, () -> {
            var set = open(keys);
            var raw = new double[(int) set.train().spec().input().size()];
            for (int i = 0; i < set.train().size(); i++) set.train().input(i, raw);
        });
        assertEquals(code, e.exitCode(), e.getMessage());
        return String.valueOf(e.getMessage());
    }

    private Path file(String name, byte[] content) throws IOException {
        return Files.write(folder.resolve(name), content);
    }

    /** As numpy.save writes it. */
    private static byte[] npy(String type, String shape, byte[] data) {
        var dict = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
        int length = (10 + dict.length() + 1 + 63) / 64 * 64 - 10;
        var header = dict + " ".repeat(length - dict.length() - 1) + "\n";
        return ByteBuffer.allocate(10 + length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0})
                .putShort((short) length)
                .put(header.getBytes(StandardCharsets.ISO_8859_1))
                .put(data)
                .array();
    }

    private static byte[] longs(long... values) {
        var b = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (long v : values) b.putLong(v);
        return b.array();
    }

    private static byte[] npz(boolean stored, byte[] x, byte[] y) throws IOException {
        var out = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(out)) {
            for (var name : new String[] {"x.npy", "y.npy"}) {
                byte[] content = name.equals("x.npy") ? x : y;
                var entry = new ZipEntry(name);
                if (stored) {
                    var crc = new CRC32();
                    crc.update(content);
                    entry.setMethod(ZipEntry.STORED);
                    entry.setSize(content.length);
                    entry.setCrc(crc.getValue());
                }
                zip.putNextEntry(entry);
                zip.write(content);
                zip.closeEntry();
            }
        }
        return out.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void npzHoldsImagesAsBytesOrNumbers(boolean stored) throws IOException {
        byte[] pixels = MadeFiles.bytes(random, 3 * 2 * 4 * 5);
        var x = npy("|u1", "3, 2, 4, 5", pixels);
        file("a.npz", npz(stored, x, npy("<i8", "3,", longs(4, 0, 2))));
        var set = open("name: npy, train: '" + folder.resolve("a.npz") + "'").train();
        assertEquals(3, set.size());
        assertEquals(Shape.of(2, 4, 5), set.spec().input());
        assertEquals(5, set.spec().classes());
        assertEquals(255, set.spec().scale());
        var raw = new double[40];
        set.input(1, raw);
        for (int e = 0; e < 40; e++) assertEquals(pixels[40 + e] & 0xFF, raw[e], "seed " + seed);
        var label = new double[1];
        set.target(2, label);
        assertEquals(2, label[0]);
    }

    @Test
    void everyElementTypeIsRead() throws IOException {
        record Form(String type, byte[] data, double... values) {}
        var le = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        var forms = new Form[] {
            new Form("|i1", new byte[] {-1, 5}, -1, 5),
            new Form("<u2", new byte[] {-1, -1, 2, 1}, 65535, 258),
            new Form(">i2", new byte[] {-1, -2, 1, 2}, -2, 258),
            new Form("<f4", le.clear().putFloat(1.5f).putFloat(-3e-9f).array().clone(), 1.5, -3e-9f),
            new Form("<f8", le.clear().putDouble(Math.PI).putDouble(1e300).array(), Math.PI, 1e300),
        };
        file("y.npy", npy("<i8", "1,", longs(0)));
        for (var f : forms) {
            byte[] data = Arrays.copyOf(f.data, f.type.endsWith("4") ? 8 : f.data.length);
            file("x.npy", npy(f.type, "1, 2", data));
            var set = open("name: npy, train: '" + folder.resolve("x.npy") + "', train_labels: '"
                            + folder.resolve("y.npy") + "'")
                    .train();
            var raw = new double[2];
            set.input(0, raw);
            assertArrayEquals(f.values, raw, f.type);
            assertEquals(Examples.Kind.FEATURES, set.spec().kind());
        }
    }

    @Test
    void brokenArraysAreRefused() throws IOException {
        var labels = folder.resolve("y.npy");
        var keys = "name: npy, classes: 3, train: '" + folder.resolve("x.npy") + "', train_labels: '" + labels + "'";
        byte[] good = npy("|u1", "2, 1, 2, 2", new byte[8]);
        file("y.npy", npy("<i8", "2,", longs(0, 2)));
        record Damage(byte[] file, String what, int code) {}
        byte[] absurd = good.clone();
        absurd[8] = (byte) 0xFF;
        absurd[9] = (byte) 0xFF;
        byte[] version2 = good.clone();
        version2[6] = 2;
        version2[10] = 0x7F;
        version2[11] = 0x7F;
        for (var d : new Damage[] {
            new Damage(Arrays.copyOf(good, 6), "truncated", 1),
            new Damage(Arrays.copyOf(good, good.length - 1), "of 8 bytes, but holds 7", 1),
            new Damage(absurd, "truncated within its header", 1),
            new Damage(version2, "claims a header of", 1),
            new Damage(npy("|u1", "2000000000, 2000000000, 9, 9", new byte[8]), "claims the shape", 1),
            new Damage(npy("|O8", "2, 2", new byte[8]), "is not understood", 1),
            new Damage(npy("<c8", "2, 2", new byte[32]), "elements of type c8", 1),
            new Damage("text".repeat(9).getBytes(StandardCharsets.UTF_8), "is no NumPy array", 1),
            new Damage(npy("|u1", "8", new byte[8]), "x has shape", 2),
            new Damage(npy("|u1", "1, 1, 2, 4", new byte[8]), "Both begin with the number of examples", 2),
        }) {
            file("x.npy", d.file);
            var message = refused(keys, d.code);
            assertTrue(message.contains(d.what), d.what + " <> " + message);
        }
        file("x.npy", good);
        file("y.npy", npy("<i8", "2,", longs(0, 3)));
        assertTrue(refused(keys, 1).contains("y.npy (example 1): the label is 3, which is no class of 0…2"));
        var tolerant = open(keys + ", unreadable: skip").train();
        assertTrue(tolerant.tryInput(0, new double[4]) && !tolerant.tryInput(1, new double[4]));
        assertEquals(1, tolerant.unreadable().orElseThrow().count());
        var other = file("z.npz", npz(true, npy("|u1", "2, 3, 2, 2", new byte[24]), npy("<i8", "2,", longs(0, 1))));
        file("y.npy", npy("<i8", "2,", longs(0, 1)));
        assertTrue(refused(keys + ", test: '" + other + "'", 2).contains("Both parts need the same shapes"));
        byte[] cut = Files.readAllBytes(other);
        for (int n = 0; n < cut.length; n += 7) {
            file("z.npz", Arrays.copyOf(cut, n));
            refused("name: npy, train: '" + other + "'", 1);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void idxFilesOfAnyRankAreRead(boolean packed) throws IOException {
        byte[] pixels = MadeFiles.bytes(random, 3 * 30);
        byte[] images = MadeFiles.idxImages(3, 5, 6, pixels);
        byte[] labels = MadeFiles.idxLabels(new byte[] {1, 0, 6});
        var ending = packed ? ".gz" : "";
        file("i" + ending, packed ? MadeFiles.gzip(images) : images);
        file("l" + ending, packed ? MadeFiles.gzip(labels) : labels);
        var keys = "name: idx, train: '" + folder.resolve("i" + ending) + "', train_labels: '"
                + folder.resolve("l" + ending) + "'";
        var set = open(keys).train();
        assertEquals(Shape.of(1, 5, 6), set.spec().input());
        assertEquals(7, set.spec().classes());
        var raw = new double[30];
        set.input(2, raw);
        for (int e = 0; e < 30; e++) assertEquals(pixels[60 + e] & 0xFF, raw[e], "seed " + seed);
        assertTrue(refused(keys + ", classes: 6", 1).contains("the label is 6, which is no class of 0…5"));
        if (packed) return;
        for (byte[] bad : new byte[][] {
            Arrays.copyOf(images, 3),
            Arrays.copyOf(images, 9),
            Arrays.copyOf(images, images.length - 1),
            Arrays.copyOf(images, images.length + 1),
            ByteBuffer.allocate(16)
                    .putInt(0x804)
                    .putInt(-1)
                    .putInt(-1)
                    .putInt(-1)
                    .array(),
            ByteBuffer.allocate(16)
                    .putInt(0x803)
                    .putInt(1 << 30)
                    .putInt(1 << 30)
                    .putInt(1 << 30)
                    .array(),
            new byte[64]
        }) {
            file("i", bad);
            assertTrue(refused(keys, 1).contains(folder.resolve("i").toString()));
        }
    }

    @Test
    void cifar100HasItsFineClasses() throws IOException {
        byte[] train = MadeFiles.bytes(random, 7 * 3074);
        byte[] test = MadeFiles.bytes(random, 2 * 3074);
        for (byte[] part : new byte[][] {train, test}) {
            for (int at = 0; at < part.length; at += 3074) {
                part[at] = 19;
                part[at + 1] = (byte) random.nextInt(100);
            }
        }
        file("train.bin", train);
        file("test.bin", test);
        var set = open("name: cifar-100");
        assertEquals(7, set.train().size());
        assertEquals(2, set.test().orElseThrow().size());
        assertEquals(100, set.classes());
        var raw = new double[3072];
        var label = new double[1];
        set.train().input(6, raw);
        set.train().target(6, label);
        assertEquals(train[6 * 3074 + 1], label[0]);
        for (int e = 0; e < 3072; e++) assertEquals(train[6 * 3074 + 2 + e] & 0xFF, raw[e], "seed " + seed);
        train[3 * 3074 + 1] = 100;
        file("train.bin", train);
        assertTrue(refused("name: cifar-100", 1).contains("train.bin: label 3 is 100, the set has 100 classes"));
        var tolerant = open("name: cifar-100, unreadable: skip").train();
        assertTrue(!tolerant.tryInput(3, raw) && tolerant.tryInput(2, raw));
    }

    @Test
    void textsAreCutIntoWindowsAndTheLastTenthIsTheTestSet() throws IOException {
        var text = new StringBuilder();
        for (int i = 0; i < 1000; i++) text.append((char) ('a' + random.nextInt(26)));
        file("t.txt", text.toString().getBytes(StandardCharsets.US_ASCII));
        var set = open("name: text, context: 9, train: '" + folder.resolve("t.txt") + "'");
        assertEquals(90, set.train().size());
        assertEquals(10, set.test().orElseThrow().size());
        assertEquals(128, set.classes());
        var x = new double[9];
        var y = new double[9];
        for (int w : new int[] {0, 3, 9}) {
            set.test().orElseThrow().input(w, x);
            set.test().orElseThrow().target(w, y);
            for (int t = 0; t < 9; t++) {
                assertEquals(text.charAt(900 + 10 * w + t), x[t]);
                assertEquals(text.charAt(900 + 10 * w + t + 1), y[t]);
            }
        }
        assertTrue(refused("name: text, context: 2000, train: '" + folder.resolve("t.txt") + "'", 2)
                .contains("too few for one sequence of 2001"));
    }

    @Test
    void charactersFoundAreNumberedByCodePoint() throws IOException {
        file("t.txt", "aé𝄞a".repeat(25).getBytes(StandardCharsets.UTF_8));
        file("u.txt", "zé".repeat(10).getBytes(StandardCharsets.UTF_8));
        var keys = "name: text, context: 4, vocabulary: characters, train: '" + folder.resolve("t.txt") + "'";
        var set = open(keys);
        assertEquals(3, set.classes());
        var x = new double[4];
        set.train().input(0, x);
        assertArrayEquals(new double[] {0, 1, 2, 0}, x);
        var both = open(keys + ", test: '" + folder.resolve("u.txt") + "'");
        assertEquals(4, both.classes());
        both.test().orElseThrow().input(0, x);
        assertArrayEquals(new double[] {1, 2, 1, 2}, x);
        assertEquals(20, both.train().size());
        var message = refused(keys.replace("characters", "ascii"), 1);
        assertTrue(message.contains("t.txt (example 0): the byte 0xC3 at 1 is no ASCII"), message);
        file("t.txt", new byte[] {'a', (byte) 0xFF, 'b', 'c', 'd', 'e'});
        assertTrue(refused(keys, 1).contains("is no UTF-8 text"));
    }

    @Test
    void aTextLargerThanWhatIsReadOfItTakesNoMemory() throws IOException {
        Assumptions.assumeTrue(folder.toFile().getUsableSpace() > 1L << 33, "too little room on the disk");
        var file = folder.resolve("large.txt");
        long size = 5L << 30;
        try (var channel = java.nio.channels.FileChannel.open(
                file, java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.WRITE)) {
            // a hole of zeros, which are ASCII too
            channel.write(ByteBuffer.wrap("the end".getBytes(StandardCharsets.US_ASCII)), size - 7);
        }
        var set = open("name: text, context: 63, train: '" + file + "'");
        var test = set.test().orElseThrow();
        assertEquals(size / 64, set.train().size() + test.size() + 1, 1);
        var y = new double[63];
        long used = Runtime.getRuntime().totalMemory();
        set.train().input(set.train().size() - 1, y);
        test.target(test.size() - 1, y);
        assertTrue(Runtime.getRuntime().totalMemory() - used < 1L << 28);
    }

    @Test
    void tinyShakespeareIsAsPublished() {
        Assumptions.assumeTrue(System.getenv("HESSE_DATA") != null, "HESSE_DATA names no data sets");
        var config = DataSourcesTest.config("name: tiny-shakespeare, vocabulary: characters");
        var set = DataSources.named("tiny-shakespeare").open(config, DataFolders.of(Optional.empty()));
        assertEquals(65, set.classes());
        assertEquals(1_003_855 / 65, set.train().size());
        assertEquals(111_539 / 65, set.test().orElseThrow().size());
    }
}
