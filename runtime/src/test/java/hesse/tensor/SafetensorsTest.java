package hesse.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is written is read back, and no file, however made, brings anything but a {@link TensorFileException}. */
class SafetensorsTest {
    @TempDir
    Path folder;

    @Test
    void readingGivesBackWhatWasWritten() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var tensors = new LinkedHashMap<String, Tensor>();
        for (int i = 0; i < 30; i++) tensors.put("blocks." + i + ".wéight\n\"" + i, randomTensor(random));
        var metadata = Map.of("format", "pt", "note", "gelu φ″ \u0000 \" \\");
        var file = folder.resolve("weights.safetensors");

        Safetensors.write(file, tensors, metadata);
        var back = Safetensors.read(file);

        assertEquals(metadata, back.metadata());
        assertEquals(
                new ArrayList<>(tensors.keySet()),
                new ArrayList<>(back.tensors().keySet()),
                "order, seed " + seed);
        tensors.forEach((name, t) -> {
            var u = back.tensors().get(name);
            assertEquals(t.dtype(), u.dtype());
            assertEquals(t.shape(), u.shape());
            assertEquals(-1, t.data().mismatch(u.data()), name + ", seed " + seed);
        });
        var mapped = Safetensors.map(file).tensors();
        tensors.forEach((name, t) -> {
            var u = mapped.get(name);
            assertEquals(t.dtype(), u.dtype());
            assertEquals(t.shape(), u.shape());
            assertEquals(-1, t.data().mismatch(u.data()), name + ", seed " + seed);
        });
        assertEquals(List.of("weights.safetensors"), names(folder), "no temporary file stays");
    }

    @Test
    void mappedTensorsMayBeLargerThanTheMemory() throws IOException {
        Assumptions.assumeTrue(folder.toFile().getUsableSpace() > 1L << 36, "too little room on the disk");
        long rows = 40_000_000;
        byte[] json = ("{\"x\": {\"dtype\": \"F64\", \"shape\": [" + rows + ", 100], \"data_offsets\": [0, "
                        + rows * 800 + "]}}")
                .getBytes(StandardCharsets.UTF_8);
        var file = folder.resolve("large");
        try (var channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(json.length)
                    .flip());
            channel.write(ByteBuffer.wrap(json));
            // a hole of 32 GB, which takes no room
            var last = ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putDouble(7)
                    .flip();
            channel.write(last, 8 + json.length + rows * 800 - 8);
        }
        var x = Safetensors.map(file).tensors().get("x");
        assertEquals(7, x.get(rows * 100 - 1));
        assertEquals(0, x.get(rows * 50));
        assertThrows(IllegalArgumentException.class, () -> x.set(0, 1));
    }

    @Test
    void largeTensorsCrossTheReadingChunks() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var large = Tensor.allocate(DType.F32, Shape.of(3, 250_001));
        for (long i = 0; i < large.size(); i++) large.set(i, random.nextGaussian());
        var file = folder.resolve("large");
        Safetensors.write(file, Map.of("a", large));
        assertEquals(
                -1,
                large.data().mismatch(Safetensors.read(file).tensors().get("a").data()),
                "seed " + seed);

        byte[] halves = new byte[2 * 700_001];
        random.nextBytes(halves);
        var back = Safetensors.read(file("bf16", header("BF16", "[700001]", 0, halves.length), halves))
                .tensors()
                .get("a");
        var bits = ByteBuffer.wrap(halves).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
        for (int i = 0; i < 700_001; i++) {
            int expected = bits.get(i) << 16;
            int actual = Float.floatToRawIntBits(back.data().getAtIndex(Tensor.F32, i));
            if (expected != actual && !Float.isNaN(Float.intBitsToFloat(expected)))
                assertEquals(expected, actual, "seed " + seed);
        }
    }

    @Test
    void dataOfEachTypeLieAligned() {
        var tensors = new LinkedHashMap<String, Tensor>();
        tensors.put("flags", Tensor.of(DType.BOOL, Shape.of(3), 1, 0, 1));
        tensors.put("ids", Tensor.of(DType.I32, Shape.of(1), 7));
        tensors.put("values", Tensor.of(DType.F64, Shape.of(1), Math.PI));
        var file = folder.resolve("mixed");
        Safetensors.write(file, tensors);
        byte[] bytes = readAll(file);
        long headerBytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        assertEquals(0, (headerBytes + 8) % 64);
        var json = new String(bytes, 8, (int) headerBytes, StandardCharsets.UTF_8);
        assertTrue(json.contains("\"values\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}"), json);
        assertTrue(json.contains("\"flags\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[12,15]}"), json);
    }

    @Test
    void narrowTypesWidenExactly() {
        var data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        data.putShort(Float.floatToFloat16(-1.5f)).putShort(Float.floatToFloat16(65504f));
        assertArrayEquals(new double[] {-1.5, 65504}, one("F16", "[2]", data));
        data.clear().putShort((short) 0xBFC0).putShort((short) 0x0001);
        assertArrayEquals(new double[] {-1.5, Float.intBitsToFloat(0x10000)}, one("BF16", "[2]", data));
        data.clear().put((byte) 200).put((byte) 0);
        assertArrayEquals(new double[] {200, 0}, one("U8", "[2]", data));
        data.clear().put((byte) 200);
        assertArrayEquals(new double[] {-56}, one("I8", "[1]", data));
        data.clear().putShort((short) 50_000);
        assertArrayEquals(new double[] {50_000}, one("U16", "[1]", data));
        data.clear().putShort((short) 50_000);
        assertArrayEquals(new double[] {50_000 - 65_536}, one("I16", "[1]", data));
        data.clear().putInt(-1);
        assertArrayEquals(new double[] {4_294_967_295.0}, one("U32", "[1]", data));
        data.clear().put((byte) 2).put((byte) 0);
        assertArrayEquals(new double[] {1, 0}, one("BOOL", "[2]", data));
    }

    @Test
    void emptyTensorsAndEmptyFilesAreFine() {
        assertEquals(Map.of(), Safetensors.read(file("none", "{}", new byte[0])).tensors());
        var tensor = Safetensors.read(file("zero", header("F32", "[0, 2147483647]", 0, 0), new byte[0]))
                .tensors()
                .get("a");
        assertEquals(Shape.of(0, 2147483647), tensor.shape());
        var scalar = Tensor.of(DType.F64, Shape.SCALAR, 3);
        var path = folder.resolve("scalar");
        Safetensors.write(path, Map.of("loss", scalar));
        assertEquals(3, Safetensors.read(path).tensors().get("loss").get(0));
    }

    static Stream<Arguments> hostileHeaders() {
        return Stream.of(
                Arguments.of("[]", "no JSON object"),
                Arguments.of("{", "not valid JSON"),
                Arguments.of("{\"a\":", "not valid JSON"),
                Arguments.of("{\"a\":" + "[".repeat(100_000), "should have an object"),
                Arguments.of("{\"__metadata__\":{\"a\":{}}}", "an object of texts"),
                Arguments.of("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "stands twice"),
                Arguments.of("{} {}", "goes on after"),
                Arguments.of("{\"a\":{}}", "lacks its dtype"),
                Arguments.of("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "lacks its dtype"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", "more than 2 numbers"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", "unknown key 'x'"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                        "stands twice"),
                Arguments.of(header("F8_E4M3", "[4]", 0, 4), "'F8_E4M3', which cannot be read"),
                Arguments.of(header("F32", "[-1]", 0, 4), "shape out of range"),
                Arguments.of(header("F32", "[1.0]", 0, 4), "whole numbers"),
                Arguments.of(header("F32", "[2147483648]", 0, 4), "shape out of range"),
                Arguments.of(header("F32", "[99999999999999999999999]", 0, 4), "shape out of range"),
                Arguments.of(
                        header("F32", "[2147483647,2147483647,2147483647]", 0, 4), "more elements than any memory"),
                Arguments.of(header("F32", "[2147483647,2147483647,2]", 0, 4), "more elements than any memory"),
                Arguments.of(header("F32", "[" + "1,".repeat(40) + "1]", 0, 4), "more than 32 numbers"),
                Arguments.of(header("F32", "[2]", 0, 4), "is F32 [2], that is 8 bytes"),
                Arguments.of(header("F32", "[1]", 4, 0), "data_offsets are [4, 0]"),
                Arguments.of(header("F32", "[1]", 1, 5), "a hole"),
                Arguments.of(header("F32", "[1]", -4, 0), "data_offsets out of range"),
                Arguments.of(header("F32", "[1]", Long.MAX_VALUE - 4, Long.MAX_VALUE), "a hole"),
                Arguments.of(header("F32", "[2147483647, 1073741823]", 0, 2147483647L * 1073741823 * 4), "truncated"),
                Arguments.of(header("F32", "[0]", 0, 0), "4 bytes follow the last tensor"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                        "'a' stands twice"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                        "where another tensor lies"));
    }

    @ParameterizedTest
    @MethodSource("hostileHeaders")
    void hostileHeadersAreRefusedInOneSentence(String json, String expected) {
        var file = file("hostile", json, new byte[4]);
        var e = assertThrows(TensorFileException.class, () -> Safetensors.read(file));
        assertTrue(e.getMessage().contains(expected), e.getMessage());
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
        assertTrue(e.getMessage().length() < 600 + file.toString().length(), e.getMessage());
        assertEquals(1, e.exitCode());
        assertEquals(file, e.path());
    }

    @Test
    void lengthsOfTheHeaderAreCheckedBeforeMemoryIsTaken() {
        for (long length : new long[] {-1, Long.MIN_VALUE, 100_000_001, Long.MAX_VALUE}) {
            assertRefused(
                    ByteBuffer.allocate(16)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(length)
                            .array(),
                    "promise a header");
        }
        assertRefused(
                ByteBuffer.allocate(16)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(99_999_999)
                        .array(),
                "truncated: a header of 99999999");
        assertRefused(new byte[7], "only 7 bytes");
        assertRefused(new byte[0], "only 0 bytes");
        assertRefused(new byte[8], "not a safetensors file");
    }

    @Test
    void everyTruncationAndEveryFlippedByteIsReadOrRefusedButNeverCrashes() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var file = folder.resolve("good");
        Safetensors.write(
                file,
                Map.of(
                        "layers.0.weight",
                        Tensor.of(DType.F32, Shape.of(2, 3), 1, 2, 3, 4, 5, 6),
                        "y",
                        Tensor.of(DType.I64, Shape.of(2), 1, 2)),
                Map.of("k", "v"));
        byte[] good = readAll(file);
        for (int n = 0; n < good.length; n++) {
            var truncated = write("cut", Arrays.copyOf(good, n));
            assertThrows(TensorFileException.class, () -> Safetensors.read(truncated), "cut to " + n);
        }
        for (int i = 0; i < 2_000; i++) {
            byte[] bad = good.clone();
            bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
            var flipped = write("flipped", bad);
            try {
                Safetensors.read(flipped);
            } catch (TensorFileException e) {
                assertTrue(e.getMessage().startsWith(flipped.toString()), e.getMessage());
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ", case " + i, e);
            }
        }
    }

    @Test
    void missingFilesAndFoldersAreNamed() {
        var missing = folder.resolve("missing");
        var e = assertThrows(TensorFileException.class, () -> Safetensors.read(missing));
        assertEquals(missing + ": no such file. Check the path", e.getMessage());
        e = assertThrows(TensorFileException.class, () -> Safetensors.read(folder));
        assertTrue(e.getMessage().contains("is a folder"), e.getMessage());
    }

    @Test
    void aFailedWriteLeavesTheOldFile() {
        var file = folder.resolve("kept");
        Safetensors.write(file, Map.of("a", Tensor.of(DType.F32, Shape.of(1), 1)));
        var closed = Arena.ofConfined();
        var gone = Tensor.allocate(DType.F32, Shape.of(1), closed);
        closed.close();
        assertThrows(IllegalStateException.class, () -> Safetensors.write(file, Map.of("a", gone)));
        assertEquals(1, Safetensors.read(file).tensors().get("a").get(0));
        assertEquals(List.of("kept"), names(folder));

        var nowhere = folder.resolve("no/such/folder");
        var e = assertThrows(TensorFileException.class, () -> Safetensors.write(nowhere, Map.of()));
        assertTrue(e.getMessage().contains("cannot be written"), e.getMessage());
        assertThrows(
                IllegalArgumentException.class,
                () -> Safetensors.write(file, Map.of("__metadata__", Tensor.of(Shape.SCALAR, 1))));
    }

    private double[] one(String type, String shape, ByteBuffer data) {
        byte[] bytes = Arrays.copyOf(data.array(), data.position());
        return Safetensors.read(file("one", header(type, shape, 0, bytes.length), bytes))
                .tensors()
                .get("a")
                .toDoubleArray();
    }

    private void assertRefused(byte[] content, String expected) {
        var file = write("refused", content);
        var e = assertThrows(TensorFileException.class, () -> Safetensors.read(file));
        assertTrue(e.getMessage().contains(expected), e.getMessage());
    }

    private static Tensor randomTensor(Random random) {
        var types = DType.values();
        var type = types[random.nextInt(types.length)];
        if (type == DType.BF16) type = DType.F32; // read back as F32 by design
        int[] dims = random.ints(random.nextInt(4), 0, 5).toArray();
        var t = Tensor.allocate(type, Shape.of(dims));
        for (long i = 0; i < t.data().byteSize(); i++) {
            t.data().set(ValueLayout.JAVA_BYTE, i, (byte)
                    (type == DType.BOOL ? random.nextInt(2) : random.nextInt(256)));
        }
        return t;
    }

    private static String header(String type, String shape, long begin, long end) {
        return "{\"a\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[" + begin + "," + end
                + "]}}";
    }

    private Path file(String name, String json, byte[] data) {
        byte[] text = json.getBytes(StandardCharsets.UTF_8);
        return write(
                name,
                ByteBuffer.allocate(8 + text.length + data.length)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(text.length)
                        .put(text)
                        .put(data)
                        .array());
    }

    private Path write(String name, byte[] content) {
        try {
            return Files.write(folder.resolve(name), content);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] readAll(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static List<String> names(Path folder) {
        try (var files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
