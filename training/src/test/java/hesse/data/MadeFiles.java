package hesse.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.zip.GZIPOutputStream;

/** Small data sets in the official forms, made by the tests. */
final class MadeFiles {
    private MadeFiles() {}

    static byte[] idxImages(int count, int height, int width, byte[] pixels) {
        return ByteBuffer.allocate(16 + pixels.length)
                .putInt(0x803)
                .putInt(count)
                .putInt(height)
                .putInt(width)
                .put(pixels)
                .array();
    }

    static byte[] idxLabels(byte[] labels) {
        return ByteBuffer.allocate(8 + labels.length)
                .putInt(0x801)
                .putInt(labels.length)
                .put(labels)
                .array();
    }

    static byte[] bytes(Random random, int n) {
        byte[] bytes = new byte[n];
        random.nextBytes(bytes);
        return bytes;
    }

    static byte[] labels(Random random, int n) {
        byte[] labels = new byte[n];
        for (int i = 0; i < n; i++) labels[i] = (byte) random.nextInt(10);
        return labels;
    }

    static void mnist(Path folder, Random random, int train, int test) throws IOException {
        Files.createDirectories(folder);
        Files.write(folder.resolve("train-images-idx3-ubyte"), idxImages(train, 28, 28, bytes(random, train * 784)));
        Files.write(folder.resolve("train-labels-idx1-ubyte"), idxLabels(labels(random, train)));
        Files.write(folder.resolve("t10k-images-idx3-ubyte"), idxImages(test, 28, 28, bytes(random, test * 784)));
        Files.write(folder.resolve("t10k-labels-idx1-ubyte"), idxLabels(labels(random, test)));
    }

    static byte[] cifarRecords(Random random, int n) {
        byte[] records = bytes(random, n * 3073);
        for (int i = 0; i < n; i++) records[i * 3073] = (byte) random.nextInt(10);
        return records;
    }

    static void cifar(Path folder, Random random, int perFile) throws IOException {
        Files.createDirectories(folder);
        for (int i = 1; i <= 5; i++)
            Files.write(folder.resolve("data_batch_" + i + ".bin"), cifarRecords(random, perFile));
        Files.write(folder.resolve("test_batch.bin"), cifarRecords(random, perFile));
    }

    static byte[] gzip(byte[] content) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var out = new GZIPOutputStream(bytes)) {
            out.write(content);
        }
        return bytes.toByteArray();
    }

    /** Replaces a file by its gzipped form. */
    static void pack(Path file) throws IOException {
        Files.write(file.resolveSibling(file.getFileName() + ".gz"), gzip(Files.readAllBytes(file)));
        Files.delete(file);
    }
}
