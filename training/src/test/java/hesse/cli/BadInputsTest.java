package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the command says to bad inputs: one paragraph, the right exit code, no trace of a run. The page {@code docs/bad-inputs.md} is
 * written by this test, with {@code -Dhesse.catalogue=write}, and has to agree with it.
 */
class BadInputsTest {
    private static final Path PAGE = Path.of("..", "docs", "bad-inputs.md");

    @TempDir
    Path folder;

    private final List<String> lines = new ArrayList<>();
    private boolean leavesRun;

    private void title(String text) {
        lines.addAll(List.of("", "## " + text, "", "| input | exit | message |", "| --- | --- | --- |"));
    }

    private void says(int code, String what, String... arguments) {
        var message = CommandLineRun.of(arguments).failed(code).strip();
        assertFalse(message.contains("a defect of Hesse"), what + ": " + message);
        assertEquals(leavesRun, Files.exists(folder.resolve("run")), what + " left a run");
        var shown = message.replace(folder.toString(), "FOLDER")
                .replace("\n", "<br>")
                .replace("|", "\\|");
        lines.add("| " + what + " | " + code + " | " + shown.replaceAll(" {2,}", " ") + " |");
    }

    private void train(int code, String what, String... more) {
        var all = new ArrayList<>(List.of(
                "train", "digits-mlp", "--quiet", "--out", folder.resolve("run").toString()));
        all.addAll(List.of("--data-dir", folder.toString()));
        all.addAll(List.of(more));
        says(code, what, all.toArray(String[]::new));
    }

    private void setting(String what, String... settings) {
        train(
                2,
                what,
                Arrays.stream(settings)
                        .flatMap(s -> List.of("--set", s).stream())
                        .toArray(String[]::new));
    }

    private void file(String what, String yaml) throws IOException {
        var file = folder.resolve("run.yaml");
        Files.writeString(file, yaml);
        says(
                2,
                what,
                "train",
                file.toString(),
                "--quiet",
                "--out",
                folder.resolve("run").toString());
    }

    private void weights(int code, String what, byte[] content) throws IOException {
        var file = folder.resolve("weights.safetensors");
        Files.write(file, content);
        says(code, what, "evaluate", "--backend", "cpu", "--config", "digits-mlp", "--weights", file.toString());
    }

    private void data(int code, String what, String data) {
        train(code, what, "--set", "data=" + data.replace("FOLDER", folder.toString()));
    }

    private Path put(String name, byte[] content) throws IOException {
        var file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.write(file, content);
        return file;
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void everyBadInputIsRefusedInOneParagraph() throws Exception {
        configurations();
        weightFiles();
        publishedSets();
        arrays();
        photographs();
        runFolders();
        var page =
                "# Bad inputs and what is said to them\n\nWritten by `BadInputsTest`: do not edit. `FOLDER` stands for"
                        + " the folder of the files. Exit codes: 2 for what the command line and the configuration\nare to blame"
                        + " for, 1 for files that are missing or damaged. `reliability.md` tells what else is done about inputs.\n"
                        + String.join("\n", lines) + "\n";
        if (System.getProperty("hesse.catalogue", "").equals("write")) Files.writeString(PAGE, page);
        assertEquals(page, Files.readString(PAGE), "write the page anew with -Dhesse.catalogue=write");
        assertTrue(lines.size() > 60);
    }

    private void configurations() throws IOException {
        title("Command lines and configurations");
        says(2, "a preset that does not exist", "train", "digits-mpl");
        says(2, "an option that does not exist", "train", "digits-mlp", "--outt", "x");
        says(2, "going on without a folder", "train", "digits-mlp", "--resume");
        says(2, "the empty text for a folder", "train", "digits-mlp", "--out", "");
        setting("a key that does not exist", "optimizer.lrr=0.1");
        setting("a value of another type", "train.epochs=many");
        setting("a value out of range", "data.batch=0");
        setting("several at once", "data.batch=0", "method={kind: psam, rho: -1}", "model.depth=3");
        setting("an activation that does not exist", "model.activation=gelo");
        setting("a formula that breaks off", "model.activation=\"x * tanh(\"");
        setting("a function that does not exist", "model.activation=\"x * tanq(x)\"");
        setting("a method's key on another method", "method={kind: sgd, nme: full}");
        setting("labels drawn under squared error", "method={kind: gn_trace, sigma2: 1}", "loss={kind: mse}");
        setting("half precision on a CPU", "device={backend: cpu, precision: bf16}");
        setting("a batch larger than the set", "data.limit=10", "data.batch=64");
        file("a file that is no YAML", "model: {kind: mlp, hidden: [10\ntrain: 3\n");
        file("a key that stands twice", "model: {kind: mlp, hidden: [10]}\nmodel: {kind: mlp}\n");
        file("a tag that would make an object", "model: !!java.net.URL [\"http://example.org\"]\n");
        file("a tag before what it does not fit", "model: {kind: mlp, hidden: [10], norm_eps: !!float tiny}\n");
        file("a key that is a list", "? [model, data]\n: {kind: mlp}\n");
        file("an alias of what is not there", "model: *before\n");
        file("two documents", "model: mlp\n---\nmodel: cnn\n");
        says(2, "a file without end", "train", "/dev/zero");
        says(2, "a sweep that does not exist", "sweep", "rho.yaml");
        says(
                2,
                "a sweep without end",
                "sweep",
                put("long.yaml", new byte[1_000_001]).toString());
        file("one value", "42\n");
        file("nothing", "");
        var laughs = new StringBuilder("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
        for (char c = 'b'; c < 'i'; c++) {
            laughs.append(c).append(": &").append(c).append(" [");
            for (int i = 0; i < 10; i++) laughs.append(i > 0 ? ", *" : "*").append((char) (c - 1));
            laughs.append("]\n");
        }
        file("anchors that would grow to ten million values", laughs.toString());
        file("lists within lists", "model: " + "[".repeat(60) + "]".repeat(60) + "\n");
    }

    private void weightFiles() throws Exception {
        title("Weights (safetensors)");
        says(
                1,
                "no file",
                "evaluate",
                "--backend",
                "cpu",
                "--config",
                "digits-mlp",
                "--weights",
                folder.resolve("none").toString());
        weights(1, "an empty file", new byte[0]);
        weights(1, "a header longer than any", "not a safetensors file".getBytes(StandardCharsets.US_ASCII));
        weights(1, "a header longer than the file", header(500, "{}", 0));
        weights(1, "a header that is no JSON", header("{\"w\":", 0));
        weights(1, "a header of something else", header("[1, 2]", 0));
        weights(1, "an element type that does not exist", header(tensor("F33", "[1]", 0, 4), 4));
        weights(1, "data that break off", header(tensor("F32", "[100]", 0, 400), 399));
        weights(1, "data beyond the last tensor", header(tensor("F32", "[1]", 0, 4), 5));
        weights(1, "a tensor that lies elsewhere", header(tensor("F32", "[1]", 4, 8), 8));
        weights(1, "a shape that does not fit its place", header(tensor("F32", "[3]", 0, 4), 4));
        weights(1, "a shape beyond all memory", header(tensor("F32", "[2147483647, 2147483647, 9]", 0, 4), 4));
        weights(1, "a negative size", header(tensor("F32", "[-1]", 0, 4), 4));
        weights(1, "a tensor that stands twice", header("{\"w\":0,\"w\":0}".replace("0", inner()), 4));
        weights(1, "more numbers than a shape has", header(tensor("F32", "[" + "1,".repeat(40) + "1]", 0, 4), 4));
        pipe("pipe.safetensors");
        says(
                1,
                "a pipe in the place of a file",
                "evaluate",
                "--backend",
                "cpu",
                "--config",
                "digits-mlp",
                "--weights",
                folder.resolve("pipe.safetensors").toString());
        var nan = folder.resolve("nan.safetensors");
        var shapes = new LinkedHashMap<String, Tensor>();
        shapes.put("layers.0.weight", Tensor.allocate(DType.F32, Shape.of(10, 64)));
        shapes.put("layers.0.bias", Tensor.allocate(DType.F32, Shape.of(10)));
        shapes.get("layers.0.weight").set(5, Double.NaN);
        Safetensors.write(nan, shapes);
        leavesRun = true;
        train(
                1,
                "weights that are no numbers",
                "--set",
                "model={kind: mlp, hidden: [], activation: relu, weights: " + nan + "}",
                "--set",
                "train.steps=2",
                "--backend",
                "reference");
        delete(folder.resolve("run"));
        leavesRun = false;
        var other = folder.resolve("other.safetensors");
        Safetensors.write(other, Map.of("layers.0.weight", Tensor.allocate(DType.F32, Shape.of(2, 3))));
        weights(2, "weights of another network", Files.readAllBytes(other));
    }

    private static String inner() {
        return "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";
    }

    /** A pipe that nobody writes to: who opens it waits forever. */
    private void pipe(String name) throws Exception {
        var made = new ProcessBuilder("mkfifo", folder.resolve(name).toString()).start();
        assertEquals(0, made.waitFor());
    }

    private static byte[] header(String json, int data) {
        return header(json.length(), json, data);
    }

    private static byte[] header(long length, String json, int data) {
        return ByteBuffer.allocate(8 + json.length() + data)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .put(json.getBytes(StandardCharsets.US_ASCII))
                .array();
    }

    private static String tensor(String type, String shape, int from, int to) {
        return "{\"w\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[" + from + "," + to
                + "]}}";
    }

    private void publishedSets() throws IOException {
        title("Published data sets");
        String set = "{name: mnist, batch: 4}";
        data(1, "a set of which a part is there", partly());
        put("mnist/train-labels-idx1-ubyte", labels(2, 1, 7));
        put("mnist/t10k-images-idx3-ubyte", images(0x803, 1, 28, 784));
        put("mnist/t10k-labels-idx1-ubyte", labels(1, 3));
        data(1, "images that break off", set);
        put("mnist/train-images-idx3-ubyte", images(0x803, 3, 28, 3 * 784));
        data(1, "more images than labels", set);
        put("mnist/train-images-idx3-ubyte", images(0x803, 2, 28, 2 * 784 + 1));
        data(1, "bytes behind the last image", set);
        put("mnist/train-images-idx3-ubyte", images(0x803, 2, 29, 2 * 784));
        data(1, "images of another size", set);
        put("mnist/train-images-idx3-ubyte", images(0x801, 2, 28, 2 * 784));
        data(1, "another file in the place of the images", set);
        put("mnist/train-images-idx3-ubyte", images(0x803, 2, 28, 2 * 784));
        put("mnist/train-labels-idx1-ubyte", labels(2, 1, 17));
        data(1, "a label that is no class", set);
        put("mnist/train-labels-idx1-ubyte", labels(2_000_000_000, 1, 7));
        data(1, "two thousand million labels in a small file", set);
        Files.delete(folder.resolve("mnist/train-labels-idx1-ubyte"));
        put("mnist/train-labels-idx1-ubyte.gz", "no gzip".getBytes(StandardCharsets.US_ASCII));
        data(1, "a file that only is called gzipped", set);
        for (int i = 1; i <= 5; i++) put("cifar-10/data_batch_" + i + ".bin", new byte[3073]);
        put("cifar-10/test_batch.bin", new byte[3072]);
        data(1, "a record that breaks off", "{name: cifar-10, batch: 1}");
    }

    private String partly() throws IOException {
        put("mnist/train-images-idx3-ubyte", images(0x803, 2, 28, 2 * 784 - 1));
        return "{name: mnist, batch: 4}";
    }

    private static byte[] images(int magic, int count, int side, int bytes) {
        return ByteBuffer.allocate(16 + bytes)
                .putInt(magic)
                .putInt(count)
                .putInt(side)
                .putInt(28)
                .array();
    }

    private static byte[] labels(int count, int... classes) {
        var bytes = ByteBuffer.allocate(8 + classes.length).putInt(0x801).putInt(count);
        for (int c : classes) bytes.put((byte) c);
        return bytes.array();
    }

    private void arrays() throws Exception {
        title("Arrays of one's own (npy, npz, idx, safetensors)");
        String npy = "{name: npy, train: FOLDER/x.npy, train_labels: FOLDER/y.npy, batch: 1}";
        data(1, "no file", npy);
        put("y.npy", npy("<i8", "(2,)", 16));
        pipe("pipe.npy");
        data(1, "a pipe", npy.replace("x.npy", "pipe.npy"));
        put("x.npy", "something".getBytes(StandardCharsets.US_ASCII));
        data(1, "a file too short", npy);
        put("x.npy", "something else".getBytes(StandardCharsets.US_ASCII));
        data(1, "something else", npy);
        put("x.npy", npy("<f4", "(2, 3)", 23));
        data(1, "data that break off", npy);
        put("x.npy", npy("<f4", "(2, 99999999999)", 24));
        data(1, "a shape beyond all memory", npy);
        put("x.npy", npy("|O", "(2,)", 16));
        data(1, "Python objects", npy);
        put("x.npy", npy("<f4", "()", 4));
        data(2, "a single number", npy);
        put("x.npy", npy("<f4", "(3, 2)", 24));
        data(2, "more inputs than labels", npy);
        put("x.npy", npy("<f4", "(0, 2)", 0));
        put("y.npy", npy("<i8", "(0,)", 0));
        data(2, "no examples", npy);
        put("z.npz", zip("a.npy", npy("<f4", "(1,)", 4)));
        data(2, "an archive without x and y", "{name: npy, train: FOLDER/z.npz, batch: 1}");
        put("z.npz", Arrays.copyOf(zip("x.npy", npy("<f4", "(1,)", 4)), 60));
        data(1, "an archive that breaks off", "{name: npy, train: FOLDER/z.npz, batch: 1}");
        put(
                "x.idx",
                ByteBuffer.allocate(12)
                        .putInt(0x0803)
                        .putInt(1 << 30)
                        .putInt(1 << 30)
                        .array());
        put("y.idx", labels(1, 0));
        data(
                1,
                "an idx file with less than its header",
                "{name: idx, train: FOLDER/x.idx, train_labels: FOLDER/y.idx, batch: 1}");
        put("own.safetensors", header(tensor("F32", "[1]", 0, 4), 4));
        data(2, "a safetensors file without x and y", "{name: file, train: FOLDER/own.safetensors, batch: 1}");
    }

    private static byte[] npy(String type, String shape, int bytes) {
        var text = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
        return ByteBuffer.allocate(10 + text.length() + bytes)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .put((byte) 0x93)
                .put("NUMPY\1\0".getBytes(StandardCharsets.US_ASCII))
                .putShort((short) text.length())
                .put(text.getBytes(StandardCharsets.US_ASCII))
                .array();
    }

    private static byte[] zip(String name, byte[] content) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            zip.putNextEntry(new ZipEntry(name));
            zip.write(content);
            zip.closeEntry();
        }
        return bytes.toByteArray();
    }

    private void photographs() throws Exception {
        title("Photographs (class folders, WebDataset shards)");
        String folders = "{name: image-folder, train: FOLDER/photos, size: 8, batch: 1}";
        data(1, "no folder", folders);
        Files.createDirectories(folder.resolve("photos"));
        data(1, "a folder without classes", folders);
        Files.createDirectories(folder.resolve("photos/cat"));
        data(1, "a class without images", folders);
        put("photos/cat/1.jpg", new byte[] {(byte) 0xFF, (byte) 0xD8, (byte) 0xFF});
        var outside = Files.createDirectories(folder.resolve("outside"));
        Files.createSymbolicLink(folder.resolve("photos/dog"), outside);
        data(1, "a class that is a link out of the folder", folders);
        Files.delete(folder.resolve("photos/dog"));
        pipe("photos/cat/2.jpg");
        Files.delete(folder.resolve("photos/cat/1.jpg"));
        data(1, "a pipe among photographs", folders);
        Files.delete(folder.resolve("photos/cat/2.jpg"));
        var secret = put("outside/secret.jpg", new byte[] {1});
        var link = folder.resolve("photos/cat/\u001b[2J1\n.jpg");
        Files.createSymbolicLink(link, secret);
        data(1, "a photograph that is a link out of the folder, by a name that would clear the screen", folders);
        Files.delete(link);
        String shards = "{name: webdataset, train: FOLDER/a.tar, size: 8, batch: 1}";
        data(1, "no shard", shards);
        put("a.tar", "no tar file at all".repeat(60).getBytes(StandardCharsets.US_ASCII));
        data(1, "something else", shards);
        put("a.tar", tar(Map.of("../../etc/x.jpg", new byte[1])));
        data(1, "a name that leads out of the folder", shards);
        put("a.tar", tar(Map.of("x.jpg", new byte[1])));
        data(1, "an image without a class", shards);
        put("a.tar", tar(Map.of("x.cls", new byte[] {'1'})));
        data(1, "a class without an image", shards);
        var odd = new LinkedHashMap<String, byte[]>();
        odd.put("x.jpg", new byte[1]);
        odd.put("x.cls", "cat".getBytes(StandardCharsets.US_ASCII));
        put("a.tar", tar(odd));
        data(1, "a class that is no number", shards);
        put("a.tar", new byte[] {0x1F, (byte) 0x8B, 8, 0});
        data(1, "a compressed shard", shards);
    }

    private void runFolders() throws Exception {
        title("Folders of runs");
        var run = folder.resolve("old");
        String[] two = {"train", "digits-mlp", "--quiet", "--set", "train.steps=2", "--set", "data.limit=128", "--out"};
        CommandLineRun.of(with(two, run.toString())).done();
        put("file", new byte[1]);
        says(
                2,
                "a file in the place of the folder",
                with(two, folder.resolve("file").toString()));
        Files.createSymbolicLink(folder.resolve("link"), folder.resolve("nowhere"));
        says(2, "a link to nowhere", with(two, folder.resolve("link").toString()));
        says(2, "a folder that holds a run", with(two, run.toString()));
        String[] resume = with(two, run.toString(), "--resume");
        says(2, "another configuration", with(resume, "--set", "optimizer.lr=0.3"));
        var config = run.resolve("config.yaml");
        var sound = Files.readString(config);
        Files.writeString(config, sound.replaceFirst("hidden: [^,}\n]*]", "hidden: [7]"));
        says(2, "a configuration edited meanwhile", resume);
        Files.writeString(config, sound.substring(0, sound.indexOf("kind") + 7) + "[");
        says(2, "a damaged configuration", resume);
        Files.writeString(config, sound);
        var metrics = run.resolve("metrics.jsonl");
        Files.move(metrics, folder.resolve("metrics"));
        Files.createDirectory(metrics);
        says(1, "a folder in the place of the metrics", resume);
        Files.delete(metrics);
        Files.move(folder.resolve("metrics"), metrics);
        Files.move(run.resolve("checkpoints"), folder.resolve("checkpoints"));
        Files.writeString(run.resolve("checkpoints"), "gone");
        says(1, "a file in the place of the checkpoints", resume);
        Files.delete(run.resolve("checkpoints"));
        Files.createSymbolicLink(run.resolve("checkpoints"), folder.resolve("unplugged"));
        says(1, "checkpoints on a disk that is not there", resume);
        says(1, "a run without checkpoints", "evaluate", run.toString());
        Files.delete(run.resolve("checkpoints"));
        Files.move(folder.resolve("checkpoints"), run.resolve("checkpoints"));
        var weights = run.resolve("checkpoints/step-00000002/weights.safetensors");
        var bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 1] ^= 1;
        Files.write(weights, bytes);
        says(1, "a damaged checkpoint", "evaluate", run.toString());
    }

    private static String[] with(String[] some, String... more) {
        var all = new ArrayList<>(List.of(some));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    private static void delete(Path path) throws IOException {
        try (var all = Files.walk(path)) {
            for (var p : all.sorted(java.util.Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }

    private static byte[] tar(Map<String, byte[]> entries) throws IOException {
        var out = new ByteArrayOutputStream();
        try (var tar = new TarArchiveOutputStream(out)) {
            for (var e : entries.entrySet()) {
                var entry = new TarArchiveEntry(e.getKey(), true);
                entry.setSize(e.getValue().length);
                tar.putArchiveEntry(entry);
                ((java.io.OutputStream) tar).write(e.getValue());
                tar.closeArchiveEntry();
            }
        }
        return out.toByteArray();
    }
}
