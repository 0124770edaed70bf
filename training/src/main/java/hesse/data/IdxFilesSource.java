package hesse.data;

import hesse.data.NumberArray.Element;
import hesse.tensor.RegularFile;
import hesse.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/** IDX files of the user's own, of any rank and element: images or features, and labels. Plain ones are mapped, gzipped ones unpacked. */
final class IdxFilesSource implements DataSource {
    private static final int MOST_RANK = 8;

    @Override
    public String name() {
        return "idx";
    }

    @Override
    public String description() {
        return "your own IDX files (data.train, data.train_labels, data.test, data.test_labels)";
    }

    @Override
    public boolean configured() {
        return true;
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var train = config.train()
                .orElseThrow(() -> DataException.misfit("data.train", "is missing", "Name an IDX file of images"));
        return Dataset.of(
                name(),
                part(config, train, config.trainLabels(), "data.train_labels"),
                config.test().map(t -> part(config, t, config.testLabels(), "data.test_labels")));
    }

    private static ArrayExamples part(DataConfig config, Path file, Optional<Path> labels, String key) {
        var second = labels.orElseThrow(
                () -> DataException.misfit(key, "is missing, the labels of " + file, "Name an IDX file of labels"));
        return new ArrayExamples(
                file.toString(),
                array(file),
                second.toString(),
                array(second),
                config.classes().map(OptionalInt::of).orElse(OptionalInt.empty()),
                config.unreadable() == DataConfig.OnUnreadable.SKIP);
    }

    /** @throws DataException if it is truncated, corrupt or of another form */
    static NumberArray array(Path file) {
        if (file.toString().endsWith(".gz")) {
            try (var in = DataFolders.open(file)) {
                return parse(file, MemorySegment.ofArray(in.rest(Integer.MAX_VALUE - 16)));
            }
        }
        try (var channel = FileChannel.open(RegularFile.require(file), StandardOpenOption.READ)) {
            return parse(file, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto()));
        } catch (IOException e) {
            throw DataException.broken(
                    file.toString(),
                    "cannot be read (" + DataException.reason(e) + ")",
                    "Check the file and its permissions",
                    e);
        }
    }

    private static NumberArray parse(Path file, MemorySegment bytes) {
        if (bytes.byteSize() < 4) throw broken(file, "is truncated: it has " + bytes.byteSize() + " bytes");
        var head =
                bytes.asSlice(0, Math.min(bytes.byteSize(), 4 + 4 * MOST_RANK)).asByteBuffer();
        int magic = head.getInt();
        int rank = magic & 0xFF;
        if (magic >>> 16 != 0 || rank < 1 || rank > MOST_RANK) {
            throw broken(file, String.format(Locale.ROOT, "is no IDX file: it begins with 0x%08x", magic));
        }
        var element = switch (magic >> 8) {
            case 0x08 -> Element.U8;
            case 0x09 -> Element.I8;
            case 0x0B -> Element.I16;
            case 0x0C -> Element.I32;
            case 0x0D -> Element.F32;
            case 0x0E -> Element.F64;
            default ->
                throw broken(file, String.format(Locale.ROOT, "holds elements of the unknown type 0x%02x", magic >> 8));
        };
        long start = 4 + 4L * rank;
        if (bytes.byteSize() < start) throw broken(file, "is truncated within its header");
        return numbers(file, head, rank, element, bytes.asSlice(start));
    }

    private static NumberArray numbers(Path file, ByteBuffer head, int rank, Element element, MemorySegment data) {
        int[] dims = new int[rank];
        long size = element.bytes();
        for (int i = 0; i < rank; i++) {
            dims[i] = head.getInt();
            if (dims[i] < 0) throw broken(file, "claims " + Integer.toUnsignedString(dims[i]) + " along an axis");
            size = Math.multiplyHigh(size, dims[i]) != 0 ? Long.MAX_VALUE : size * dims[i];
        }
        if (size != data.byteSize()) {
            throw broken(
                    file,
                    (size > data.byteSize() ? "truncated: it claims " : "goes on after its ") + size
                            + " bytes of data, and has " + data.byteSize());
        }
        return new NumberArray(Shape.of(dims), element, ByteOrder.BIG_ENDIAN, data);
    }

    private static DataException broken(Path file, String what) {
        return DataException.broken(file.toString(), what, "Copy or write it again");
    }
}
