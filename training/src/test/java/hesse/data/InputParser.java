package hesse.data;

import hesse.bindings.jpeg.TurboJpeg;
import hesse.config.ConfigNode;
import hesse.error.UserException;
import hesse.run.Config;
import hesse.scalar.Formula;
import hesse.scalar.FormulaException;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Whatever reads bytes from outside: what it takes, good inputs to start from, and the words of its form. */
enum InputParser {
    SAFETENSORS(
            "safetensors",
            "\"dtype\":",
            "\"shape\":[",
            "\"data_offsets\":[",
            "F32",
            "I64",
            "BOOL",
            "__metadata__",
            "{",
            "}",
            "[",
            "9223372036854775807",
            "-1",
            "1e9") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            var all = new ArrayList<byte[]>();
            var file = folder.resolve("seed.safetensors");
            Safetensors.write(file, Map.of("x", tensor(2, 3), "y", Tensor.of(DType.I64, Shape.of(2), 0, 1)));
            all.add(Files.readAllBytes(file));
            Safetensors.write(file, Map.of("layers.0.weight", tensor(1)), Map.of("format", "pt"));
            all.add(Files.readAllBytes(file));
            for (var type : List.of("F16", "BF16", "U8", "I16", "U32", "BOOL", "F64")) {
                int size = type.equals("F64") ? 8 : type.equals("U32") ? 4 : type.matches("U8|BOOL") ? 1 : 2;
                var json = "{\"t\":{\"dtype\":\"" + type + "\",\"shape\":[3],\"data_offsets\":[0," + 3 * size + "]}}";
                var bytes = ByteBuffer.allocate(8 + json.length() + 3 * size)
                        .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                        .putLong(json.length())
                        .put(json.getBytes(StandardCharsets.US_ASCII));
                all.add(bytes.array());
            }
            return all;
        }

        @Override
        Optional<byte[]> made(Random random) {
            return Optional.of(OddHeaders.next(random));
        }

        @Override
        void feed(byte[] input, Path file) throws IOException {
            Files.write(file, input);
            var contents = Safetensors.read(file);
            for (var t : contents.tensors().values()) bounded(t.data().byteSize(), 8L * input.length);
            Safetensors.map(file);
            refused(() -> TensorExamples.read(file));
        }
    },
    IDX("idx") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            var random = new Random(1);
            var all = new ArrayList<byte[]>();
            all.add(MadeFiles.idxImages(2, 28, 28, MadeFiles.bytes(random, 2 * 784)));
            all.add(MadeFiles.idxLabels(MadeFiles.labels(random, 2)));
            for (int type : new int[] {0x09, 0x0B, 0x0C, 0x0D, 0x0E}) {
                int size = type == 0x09 ? 1 : type == 0x0B ? 2 : type == 0x0E ? 8 : 4;
                all.add(ByteBuffer.allocate(12 + 6 * size)
                        .putInt(type << 8 | 2)
                        .putInt(2)
                        .putInt(3)
                        .array());
            }
            return all;
        }

        @Override
        void feed(byte[] input, Path file) throws IOException {
            Files.write(file, input);
            refused(() -> use(IdxFilesSource.array(file)));
            var labels = file.resolveSibling("labels");
            if (!Files.exists(labels)) Files.write(labels, MadeFiles.idxLabels(new byte[] {1, 2}));
            var images = file.resolveSibling("images");
            if (!Files.exists(images)) Files.write(images, MadeFiles.idxImages(2, 28, 28, new byte[2 * 784]));
            boolean ofImages = input.length > 3 && input[3] == 3;
            if (ofImages) IdxSource.part(file, labels, false);
            else IdxSource.part(images, file, false);
        }
    },
    CIFAR("bin") {
        @Override
        List<byte[]> seeds(Path folder) {
            return List.of(
                    MadeFiles.cifarRecords(new Random(1), 1), MadeFiles.cifarRecords(new Random(2), 2), new byte[3074]);
        }

        @Override
        void feed(byte[] input, Path file) throws IOException {
            Files.write(file, input);
            var ten = CifarSource.ten(DataSources.published("cifar-10").orElseThrow());
            var hundred = CifarSource.hundred(DataSources.published("cifar-100").orElseThrow());
            if (input.length % 3074 == 0) hundred.part(List.of(file), false);
            else ten.part(List.of(file, file), input.length % 2 == 0);
        }
    },
    GZIP("idx.gz") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            var all = new ArrayList<byte[]>();
            for (var seed : IDX.seeds(folder)) all.add(MadeFiles.gzip(seed));
            all.add(MadeFiles.gzip(new byte[1 << 20]));
            return all;
        }

        @Override
        void feed(byte[] input, Path file) throws IOException {
            Files.write(file, input);
            use(IdxFilesSource.array(file));
        }
    },
    NPY(
            "npy",
            "'descr': '<f4'",
            "'>i8'",
            "'|b1'",
            "'fortran_order': False",
            "'shape': (",
            "True",
            ",",
            ")",
            "99999999999",
            "-1",
            "\u0093NUMPY") {
        @Override
        List<byte[]> seeds(Path folder) {
            return List.of(
                    npy("<f4", "(2, 3)", 24, 1),
                    npy(">i8", "(2,)", 16, 1),
                    npy("|u1", "()", 1, 2),
                    npy("<f8", "(0, 5)", 0, 3));
        }

        @Override
        void feed(byte[] input, Path file) throws IOException {
            Files.write(file, input);
            use(NpyFile.array(file));
        }
    },
    NPZ("npz", "PK\u0003\u0004", "PK\u0001\u0002", "PK\u0005\u0006", "x.npy", "../", "\u0093NUMPY", "'shape': (") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            var all = new ArrayList<byte[]>();
            for (boolean stored : new boolean[] {true, false}) {
                all.add(zip(stored, npy("<f4", "(2, 3)", 24, 1), npy("<i8", "(2,)", 16, 1)));
            }
            return all;
        }

        @Override
        byte[] mended(byte[] input, Random random) throws IOException {
            // as the entry of a sound archive, every other time
            return random.nextBoolean() ? input : zip(random.nextBoolean(), input, npy("<i8", "(2,)", 16, 1));
        }

        @Override
        void feed(byte[] input, Path file) throws IOException {
            Files.write(file, input);
            for (var array : NpyFile.archive(file).values()) use(array);
        }
    },
    TAR(
            "tar",
            "ustar\u000000",
            "../",
            "/etc/passwd",
            "0000001",
            ".jpg",
            ".cls",
            "{\"cls\": 3}",
            "77777777777",
            "\u0080\u0000\u0000\u0000",
            "30 path=../../x\n",
            "22 size=99999999999\n") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            var entries = new LinkedHashMap<String, byte[]>();
            entries.put("a.jpg", new byte[] {(byte) 0xFF, (byte) 0xD8});
            entries.put("a.cls", "3".getBytes(StandardCharsets.US_ASCII));
            entries.put("b.png", new byte[5]);
            entries.put("b.json", "{\"label\": 1}".getBytes(StandardCharsets.US_ASCII));
            var longNames = new LinkedHashMap<String, byte[]>();
            longNames.put("n".repeat(150) + ".jpg", new byte[3]);
            longNames.put("n".repeat(150) + ".cls", new byte[] {'1'});
            return List.of(MadePhotos.tar(entries), MadePhotos.tar(longNames));
        }

        @Override
        byte[] mended(byte[] input, Random random) {
            if (random.nextInt(4) == 0) return input;
            for (int at = 0; at + 512 <= input.length; at += 512) {
                if (input[at] == 0) continue;
                int sum = 8 * ' ';
                for (int i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += input[at + i] & 0xFF;
                byte[] text = "%06o\0 ".formatted(sum).getBytes(StandardCharsets.US_ASCII);
                System.arraycopy(text, 0, input, at + 148, 8);
            }
            return input;
        }

        @Override
        void feed(byte[] input, Path file) throws IOException {
            Files.write(file, input);
            var store = ShardStore.of(List.of(file), OptionalInt.empty());
            for (int i = 0; i < store.size(); i++) bounded(store.read(i).length, input.length);
        }
    },
    YAML(
            "yaml",
            "{",
            "}",
            "[",
            "]",
            ": ",
            "- ",
            "&a",
            "*a",
            "<<: ",
            "!!java",
            "|",
            ">",
            "'",
            "\"",
            "\n",
            "  ",
            "kind: ",
            "activation: ",
            "\"x * tanh(x)\"",
            "1e999",
            "0x7fffffffffffffff",
            ".nan",
            "~",
            "---\n",
            "%TAG",
            "\t",
            "\u0000",
            "train: ",
            "model: ",
            "\u00e9") {
        @Override
        List<byte[]> seeds(Path folder) {
            return List.of(
                    text("""
                            model: {kind: mlp, hidden: [10, 10], activation: gelu}
                            data:  {name: digits, batch: 32, augment: [flip, {kind: crop, padding: 1}]}
                            method: {kind: psam, rho: 0.1}
                            optimizer: {kind: sgd, lr: 0.1, momentum: 0.9, schedule: cosine}
                            train: {epochs: 2, seed: 1}
                            """),
                    text("""
                            model:
                              kind: cnn
                              activation: {kind: relu, second_derivative: {kind: gaussian, beta: 100}}
                              blocks:
                                - {channels: 8, kernel: 3, norm: batch, pool: max2}
                                - &b {channels: 8, kernel: 3}
                            probes: [{kind: top_eigenvalues, k: 3, every: 100}]
                            device: {backend: cpu, precision: f64, threads: 2}
                            """),
                    text(
                            "model: {kind: transformer, vocab: 16, context: 8, layers: 1, heads: 2, key_size: 4, width: 8}\n"));
        }

        @Override
        Optional<byte[]> made(Random random) {
            return Optional.of(text(OddYaml.next(random)));
        }

        @Override
        void feed(byte[] input, Path file) {
            var text = new String(input, StandardCharsets.UTF_8);
            Config.read(ConfigNode.parse("input.yaml", file.toAbsolutePath().getParent(), text, List.of()));
        }
    },
    FORMULA(
            "formula",
            "x",
            "exp(",
            "log1p(",
            "where(",
            "max(",
            "^",
            "-",
            "(",
            ")",
            ",",
            "<=",
            "1e308",
            "pi",
            "tanh(x)",
            "erf(",
            ".5",
            "softplus(") {
        @Override
        List<byte[]> seeds(Path folder) {
            return List.of(
                    text("x * tanh(softplus(x))"),
                    text("where(x < 0, -1, max(x, 2)) ^ 3 / (1 + abs(x))"),
                    text("0.5 * x * (1 + erf(x / sqrt(2)))"),
                    text("-x^2^-x + sin(x) * cos(pi * x) - log1p(exp(-e * x))"));
        }

        @Override
        Optional<byte[]> made(Random random) {
            return Optional.of(OddFormulas.next(random).getBytes(StandardCharsets.ISO_8859_1));
        }

        @Override
        void feed(byte[] input, Path file) {
            try {
                // as a step of the third order uses an activation
                Formula.parse(new String(input, StandardCharsets.ISO_8859_1))
                        .derivative(3)
                        .apply(0.3);
            } catch (FormulaException e) {
                // the configuration's reader makes one of its messages of it
                throw DataException.misfit("formula", e.getMessage(), "");
            }
        }
    },
    JPEG(
            "jpg",
            "\u00ff\u00d8",
            "\u00ff\u00c0",
            "\u00ff\u00c2",
            "\u00ff\u00c4",
            "\u00ff\u00da",
            "\u00ff\u00db",
            "\u00ff\u00d9",
            "\u00ff\u00ee",
            "Adobe",
            "JFIF",
            "\u00ff\u00dd") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            return List.of(
                    MadePhotos.jpeg(1, 8, 8),
                    MadePhotos.jpeg(2, 17, 9),
                    MadePhotos.encoded(MadePhotos.picture(3, 9, 8, BufferedImage.TYPE_BYTE_GRAY), "jpeg"),
                    MadePhotos.plainColours(MadePhotos.picture(4, 8, 8, BufferedImage.TYPE_INT_RGB)),
                    MadePhotos.inks(8, 8, 1, 2, 3, 4));
        }

        @Override
        void feed(byte[] input, Path file) {
            decode(input);
        }
    },
    PICTURE("png", "IHDR", "IDAT", "PLTE", "tRNS", "GIF89a", "BM", "II*\u0000", "MM\u0000*") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            var all = new ArrayList<byte[]>();
            for (var form : List.of("png", "bmp", "gif", "tiff")) {
                all.add(MadePhotos.encoded(MadePhotos.picture(1, 6, 5, BufferedImage.TYPE_INT_RGB), form));
                all.add(MadePhotos.encoded(MadePhotos.picture(2, 5, 4, BufferedImage.TYPE_BYTE_GRAY), form));
            }
            return all;
        }

        @Override
        byte[] mended(byte[] input, Random random) {
            if (input.length < 20 || input[0] != (byte) 0x89 || random.nextInt(4) == 0) return input;
            var crc = new CRC32();
            for (long at = 8; at + 12 <= input.length; ) {
                var chunk = ByteBuffer.wrap(input);
                long length = chunk.getInt((int) at) & 0xFFFFFFFFL;
                if (at + 12 + length > input.length) break;
                crc.reset();
                crc.update(input, (int) at + 4, (int) length + 4);
                chunk.putInt((int) (at + 8 + length), (int) crc.getValue());
                at += 12 + length;
            }
            return input;
        }

        @Override
        void feed(byte[] input, Path file) {
            decode(input);
        }
    };

    private static final Optional<TurboJpeg> TURBO = TurboJpeg.find();
    private static final ThreadLocal<PhotoDecoder> DECODER = ThreadLocal.withInitial(() -> new PhotoDecoder(TURBO));

    final String ending;
    final List<String> words;

    InputParser(String ending, String... words) {
        this.ending = ending;
        this.words = List.of(words);
    }

    /** Good inputs. */
    abstract List<byte[]> seeds(Path folder) throws IOException;

    /** An input put together from the form's own parts, where there is a maker of such. */
    Optional<byte[]> made(Random random) {
        return Optional.empty();
    }

    /** Repairs checksums and the like, so that damage gets behind them. */
    byte[] mended(byte[] input, Random random) throws IOException {
        return input;
    }

    /**
     * Reads an input to its end.
     *
     * @param file where it may be written, the same each time
     * @throws UserException if it is refused; anything else thrown is a finding
     */
    abstract void feed(byte[] input, Path file) throws IOException;

    /** Decoding may take memory for the pixels that so many bytes could hold. */
    long mostMemory(int inputBytes) {
        boolean picture = this == JPEG || this == PICTURE;
        return (64L << 20) + (picture ? (inputBytes + 1000) * 4000L * 24 : 3000L * inputBytes);
    }

    private static void refused(Runnable reading) {
        try {
            reading.run();
        } catch (UserException e) {
            // the next reader may take it
        }
    }

    /** As inputs and as labels. */
    private static void use(NumberArray array) {
        var two = new NumberArray(
                Shape.of(2),
                NumberArray.Element.U8,
                java.nio.ByteOrder.BIG_ENDIAN,
                java.lang.foreign.MemorySegment.ofArray(new byte[] {0, 1}));
        refused(() -> {
            var examples = new ArrayExamples("x", array, "y", two, OptionalInt.empty(), false);
            examples.input(1, new double[array.row()]);
        });
        var x = new NumberArray(Shape.of(2, 1), two.element(), two.order(), two.data());
        new ArrayExamples("x", x, "y", array, OptionalInt.empty(), true);
    }

    private static void bounded(long taken, long most) {
        if (taken > most) throw new IllegalStateException(taken + " bytes made of " + most);
    }

    private static void decode(byte[] input) {
        try {
            DECODER.get().decode(input, Framing.WHOLE, 3);
        } catch (PhotoDecoder.Unusable e) {
            throw DataException.unreadable("image", String.valueOf(e.getMessage()), e);
        }
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Tensor tensor(int... dims) {
        return Tensor.allocate(DType.F32, Shape.of(dims));
    }

    private static byte[] npy(String type, String shape, int bytes, int version) {
        var header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
        int start = version == 1 ? 10 : 12;
        var out = ByteBuffer.allocate(start + header.length() + bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        out.put((byte) 0x93)
                .put("NUMPY".getBytes(StandardCharsets.US_ASCII))
                .put((byte) version)
                .put((byte) 0);
        if (version == 1) out.putShort((short) header.length());
        else out.putInt(header.length());
        out.put(header.getBytes(StandardCharsets.US_ASCII));
        return out.array();
    }

    private static byte[] zip(boolean stored, byte[] x, byte[] y) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            for (var name : List.of("x.npy", "y.npy")) {
                byte[] content = name.startsWith("x") ? x : y;
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
        return bytes.toByteArray();
    }
}
