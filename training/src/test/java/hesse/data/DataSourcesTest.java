package hesse.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.config.ConfigNode;
import hesse.error.UserException;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import hesse.tensor.TensorFileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sets are read as they were written, and every broken file is refused by name. */
class DataSourcesTest {
    @TempDir
    Path folder;

    static DataConfig config(String keys) {
        var root = ConfigNode.parse("data.yaml", "data: {" + keys + "}");
        var config = DataConfig.read(root.child("data"));
        root.finish();
        return config;
    }

    private Dataset open(String name) {
        return DataSources.named(name).open(config("name: " + name), new DataFolders(Optional.of(folder), Map.of()));
    }

    private String refused(String name, int exitCode) {
        var e = assertThrows(UserException.class, () -> open(name));
        assertEquals(exitCode, e.exitCode(), e.getMessage());
        return e.getMessage();
    }

    @Test
    void digitsAreInTheJarAndTheLast360AreTheTestSet() {
        var digits =
                DataSources.named("digits").open(config("name: digits"), new DataFolders(Optional.empty(), Map.of()));
        assertEquals(1437, digits.train().size());
        assertEquals(360, digits.test().orElseThrow().size());
        assertEquals(10, digits.classes());
        assertEquals(Shape.of(1, 8, 8), digits.train().spec().input());
        var first = new double[64];
        digits.train().input(0, first);
        assertArrayEquals(new double[] {0, 0, 5, 13, 9, 1, 0, 0}, Arrays.copyOf(first, 8));
        var target = new double[1];
        for (int i = 0; i < 10; i++) {
            digits.train().target(i, target);
            assertEquals(i, target[0]);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void idxFilesAreReadPlainAndPacked(boolean packed) throws IOException {
        long seed = System.nanoTime();
        var random = new Random(seed);
        MadeFiles.mnist(folder.resolve("mnist"), random, 12, 5);
        byte[] images = Files.readAllBytes(folder.resolve("mnist/train-images-idx3-ubyte"));
        byte[] labels = Files.readAllBytes(folder.resolve("mnist/t10k-labels-idx1-ubyte"));
        if (packed) {
            for (var file : DataSources.named("mnist").files())
                MadeFiles.pack(folder.resolve("mnist").resolve(file.name()));
        }
        var mnist = open("mnist");
        assertEquals(12, mnist.train().size());
        var image = new double[784];
        mnist.train().input(7, image);
        for (int e = 0; e < 784; e++) assertEquals(images[16 + 7 * 784 + e] & 0xFF, image[e], "seed " + seed);
        var target = new double[1];
        mnist.test().orElseThrow().target(4, target);
        assertEquals(labels[8 + 4], target[0], "seed " + seed);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void cifarRecordsAreReadPlainAndPacked(boolean packed) throws IOException {
        long seed = System.nanoTime();
        MadeFiles.cifar(folder, new Random(seed), 3); // the data folder may be the set's own
        byte[] second = Files.readAllBytes(folder.resolve("data_batch_2.bin"));
        if (packed) MadeFiles.pack(folder.resolve("data_batch_2.bin"));
        var cifar = open("cifar-10");
        assertEquals(15, cifar.train().size());
        assertEquals(3, cifar.test().orElseThrow().size());
        var image = new double[3072];
        var target = new double[1];
        cifar.train().input(4, image);
        cifar.train().target(4, target);
        assertEquals(second[3073], target[0], "seed " + seed);
        for (int e = 0; e < 3072; e++) assertEquals(second[3074 + e] & 0xFF, image[e], "seed " + seed);
    }

    @Test
    void everyTruncationOfPlainAndPackedFilesIsRefused() throws IOException {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var set = folder.resolve("mnist");
        MadeFiles.mnist(set, random, 4, 2);
        for (var name : List.of("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte")) {
            byte[] good = Files.readAllBytes(set.resolve(name));
            byte[] packed = MadeFiles.gzip(good);
            for (int i = 0; i < 40; i++) {
                Files.write(set.resolve(name), Arrays.copyOf(good, random.nextInt(good.length)));
                assertTrue(refused("mnist", 1).contains(name + ": truncated"), "seed " + seed);
            }
            Files.delete(set.resolve(name));
            for (int i = 0; i < 40; i++) {
                Files.write(set.resolve(name + ".gz"), Arrays.copyOf(packed, random.nextInt(packed.length)));
                assertTrue(refused("mnist", 1).contains(name + ".gz: "), "seed " + seed);
            }
            Files.delete(set.resolve(name + ".gz"));
            Files.write(set.resolve(name), good);
        }
    }

    @Test
    void everyBrokenIdxFileIsNamed() throws IOException {
        var random = new Random();
        var set = folder.resolve("mnist");
        MadeFiles.mnist(set, random, 4, 2);
        var images = set.resolve("train-images-idx3-ubyte");
        var labels = set.resolve("train-labels-idx1-ubyte");
        byte[] good = Files.readAllBytes(images);

        Files.write(images, MadeFiles.idxImages(4, 28, 28, new byte[4 * 784 + 1]));
        assertTrue(refused("mnist", 1).contains("goes on after its 3152 bytes"));
        Files.write(images, MadeFiles.idxImages(3, 28, 28, new byte[3 * 784]));
        assertTrue(refused("mnist", 1).contains("holds 3 images"));
        Files.write(images, MadeFiles.idxImages(4, 14, 56, new byte[4 * 784]));
        assertTrue(refused("mnist", 1).contains("images of 14×56"));
        Files.write(images, new byte[2000]);
        assertTrue(refused("mnist", 1).contains("it begins with 0x00000000, not 0x00000803"));
        Files.write(images, good);
        Files.write(labels, MadeFiles.idxLabels(new byte[] {1, 2, 3, 10}));
        assertTrue(refused("mnist", 1).contains("label 3 is 10"));
        Files.write(labels, ByteBuffer.allocate(12).putInt(0x801).putInt(-1).array());
        assertTrue(refused("mnist", 1).contains("claims 4294967295 bytes"));
        Files.write(
                labels,
                ByteBuffer.allocate(12).putInt(0x801).putInt(2_000_000_000).array());
        assertTrue(refused("mnist", 1).contains("truncated: it ends after 12 bytes"));
        Files.delete(labels);
        assertTrue(refused("mnist", 1).contains("missing: train-labels-idx1-ubyte"));
        Files.write(set.resolve("train-labels-idx1-ubyte.gz"), new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
        assertTrue(refused("mnist", 1).contains("is no gzip file"));
    }

    @Test
    void everyBrokenCifarFileIsNamed() throws IOException {
        MadeFiles.cifar(folder, new Random(), 2);
        Files.write(folder.resolve("data_batch_3.bin"), new byte[3073 + 5]);
        assertTrue(refused("cifar-10", 1).contains("data_batch_3.bin: holds 3078 bytes"));
        Files.write(folder.resolve("data_batch_3.bin"), new byte[0]);
        assertTrue(refused("cifar-10", 1).contains("holds 0 bytes"));
        byte[] bad = new byte[3073];
        bad[0] = 11;
        Files.write(folder.resolve("data_batch_3.bin"), bad);
        assertTrue(refused("cifar-10", 1).contains("label 0 is 11"));
        Files.write(folder.resolve("data_batch_3.bin"), new byte[30_730_000 + 3073]);
        assertTrue(refused("cifar-10", 1).contains("goes on after its 30730000 bytes"));
    }

    @Test
    void missingSetsSayWhereTheyWereSearched() {
        var given = refused("mnist", 1);
        assertTrue(
                given.contains(folder.resolve("mnist") + ", " + folder) && given.contains("--data-dir or HESSE_DATA"),
                given);
        var source = DataSources.named("fashion-mnist");
        var environment = new DataFolders(Optional.empty(), Map.of("HESSE_DATA", folder.toString()));
        assertEquals(
                List.of(folder.resolve("fashion-mnist"), folder, Path.of("/usr/share/datasets/fashion-mnist")),
                environment.candidates(source.name()));
        var another = new DataFolders(Optional.of(folder.resolve("mnist")), Map.of()).candidates("fashion-mnist");
        assertEquals(List.of(folder.resolve("mnist/fashion-mnist")), another);
        var cache = new DataFolders(Optional.empty(), Map.of("HOME", "/home/u")).candidates("mnist");
        assertEquals(Path.of("/home/u/.cache/hesse/data/mnist"), cache.getFirst());
        var e = assertThrows(DataException.class, () -> DataSources.named("mnits"));
        assertTrue(e.getMessage().contains("did you mean 'mnist'?") && e.exitCode() == 2, e.getMessage());
    }

    private Path write(String name, Map<String, Tensor> tensors) {
        var file = folder.resolve(name);
        Safetensors.write(file, tensors);
        return file;
    }

    private static Tensor zeros(DType type, int... dims) {
        return Tensor.allocate(type, Shape.of(dims));
    }

    private Dataset file(Map<String, Tensor> train, Map<String, Tensor> test) {
        write("train", train);
        write("test", test);
        return DataSources.named("file")
                .open(
                        config("name: file, train: " + folder.resolve("train") + ", test: " + folder.resolve("test")),
                        DataFolders.of(Optional.empty()));
    }

    @Test
    void filesOfImagesFeaturesAndTokensAreReadAsTheyAre() {
        var images = file(
                Map.of("x", zeros(DType.F64, 3, 2, 4, 5), "y", Tensor.of(DType.I64, Shape.of(3), 0, 4, 2)),
                Map.of("x", zeros(DType.F32, 1, 2, 4, 5), "y", Tensor.of(DType.I64, Shape.of(1), 6)));
        assertEquals(Examples.Kind.IMAGE, images.train().spec().kind());
        assertEquals(7, images.classes());

        var numbers = file(
                Map.of(
                        "x",
                        Tensor.of(DType.F64, Shape.of(2, 3), 1, 2, 3, 4, 5, 6),
                        "y",
                        Tensor.of(DType.F64, Shape.of(2, 2), .1, .2, .3, .4)),
                Map.of("x", zeros(DType.F64, 1, 3), "y", zeros(DType.F64, 1, 2)));
        assertEquals(Examples.Kind.FEATURES, numbers.train().spec().kind());
        assertEquals(2, numbers.classes());
        var target = new double[2];
        numbers.train().target(1, target);
        assertArrayEquals(new double[] {.3, .4}, target);

        var tokens = file(
                Map.of("x", zeros(DType.I64, 2, 5), "y", zeros(DType.I64, 2, 5)),
                Map.of("x", zeros(DType.I32, 2, 5), "y", zeros(DType.I64, 2, 5)));
        assertEquals(Examples.Kind.TOKENS, tokens.train().spec().kind());
        assertEquals(Shape.of(5), tokens.train().spec().target());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "z;3,4 | y;3   | 2 | lacks the tensor 'x'; it holds",
                "x;3,4 | z;3   | 2 | lacks the tensor 'y'",
                "x;3,4 | y;2   | 2 | x has shape [3, 4], y has shape [2]",
                "x;3,4 | y;    | 2 | y has shape []",
                "x;3   | y;3   | 2 | x has shape [3]",
                "x;3,4,5 | y;3 | 2 | x has shape [3, 4, 5]",
                "x;3,5 | y;3   | 2 | the training examples have inputs [5]",
            })
    void filesThatDoNotFitAreRefused(String x, String y, int exitCode, String expected) {
        var tensors = new LinkedHashMap<String, Tensor>();
        for (var text : List.of(x, y)) {
            var parts = text.split(";");
            int[] dims = parts.length < 2
                    ? new int[0]
                    : Arrays.stream(parts[1].split(","))
                            .mapToInt(Integer::parseInt)
                            .toArray();
            tensors.put(parts[0], zeros(parts[0].equals("y") ? DType.I64 : DType.F32, dims));
        }
        var e = assertThrows(
                UserException.class,
                () -> file(tensors, Map.of("x", zeros(DType.F32, 3, 4), "y", zeros(DType.I64, 3))));
        assertEquals(exitCode, e.exitCode(), e.getMessage());
        assertTrue(e.getMessage().contains(expected), e.getMessage());
    }

    @Test
    void classesBelowZeroAndMissingFilesAreRuntimeErrors() {
        var bad = Map.of("x", zeros(DType.F32, 2, 3), "y", Tensor.of(DType.I64, Shape.of(2), 0, -1));
        var e = assertThrows(DataException.class, () -> file(bad, bad));
        assertTrue(e.getMessage().contains("y[1] is -1") && e.exitCode() == 1, e.getMessage());
        var missing = config("name: file, train: " + folder.resolve("nowhere"));
        var m = assertThrows(
                TensorFileException.class,
                () -> DataSources.named("file").open(missing, DataFolders.of(Optional.empty())));
        assertEquals(1, m.exitCode());
    }

    @ParameterizedTest
    @CsvSource({"mnist,60000,10000", "fashion-mnist,60000,10000", "cifar-10,50000,10000"})
    void realSetsHaveTheirSizes(String name, int train, int test) {
        Assumptions.assumeTrue(System.getenv("HESSE_DATA") != null, "HESSE_DATA names no data sets");
        var set = DataSources.named(name).open(config("name: " + name), DataFolders.of(Optional.empty()));
        assertEquals(train, set.train().size());
        assertEquals(test, set.test().orElseThrow().size());
        if (name.equals("cifar-10")) {
            var n = Normalization.fit(DataConfig.Normalize.STANDARD, set.train(), 1);
            var means = new double[] {.4914, .4822, .4465};
            var deviations = new double[] {.2470, .2435, .2616};
            for (int c = 0; c < 3; c++) {
                assertEquals(means[c], n.mean(c), 1e-4);
                assertEquals(deviations[c], n.deviation(c), 1e-4);
            }
        }
    }
}
