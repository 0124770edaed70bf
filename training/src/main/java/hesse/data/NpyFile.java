package hesse.data;

import hesse.data.NumberArray.Element;
import hesse.tensor.RegularFile;
import hesse.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;

/**
 * Reads NumPy's {@code .npy} (versions 1 to 3, in C order) and {@code .npz}. Files, and entries that are stored as they are, are mapped;
 * compressed entries are unpacked into memory. Nothing in a header is believed before it is compared with the file's size.
 */
final class NpyFile {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int MOST_HEADER = 1 << 16;
    private static final int MOST_UNPACKED = Integer.MAX_VALUE - 16;
    private static final Pattern TYPE = Pattern.compile("'descr'\\s*:\\s*'([<>|=])([a-z])(\\d+)'");
    private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
    private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([\\d,\\s]*)\\)");

    private NpyFile() {}

    /** @throws DataException if it is missing, truncated, corrupt or of another form */
    static NumberArray array(Path file) {
        try (var channel = FileChannel.open(RegularFile.require(file), StandardOpenOption.READ)) {
            var bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
            return parse(file.toString(), bytes);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /** The arrays of an archive by name. */
    static Map<String, NumberArray> archive(Path file) {
        var arrays = new LinkedHashMap<String, NumberArray>();
        try (var zip = ZipFile.builder().setPath(RegularFile.require(file)).get();
                var channel = FileChannel.open(RegularFile.require(file), StandardOpenOption.READ)) {
            for (var entries = zip.getEntries(); entries.hasMoreElements(); ) {
                var entry = entries.nextElement();
                if (!entry.getName().endsWith(".npy")) continue;
                var where = file + ", " + entry.getName();
                MemorySegment bytes;
                if (entry.getMethod() == ZipEntry.STORED) {
                    long from = entry.getDataOffset();
                    if (from < 0 || entry.getSize() > channel.size() - from) throw broken(where, "is truncated");
                    bytes = channel.map(FileChannel.MapMode.READ_ONLY, from, entry.getSize(), Arena.ofAuto());
                } else {
                    try (var in = zip.getInputStream(entry)) {
                        byte[] unpacked = in.readNBytes(MOST_UNPACKED);
                        if (in.read() >= 0) throw broken(where, "is too large to be unpacked; save it uncompressed");
                        bytes = MemorySegment.ofArray(unpacked);
                    }
                }
                var name = entry.getName();
                arrays.put(name.substring(0, name.length() - ".npy".length()), parse(where, bytes));
            }
            return arrays;
        } catch (IOException | IllegalArgumentException e) {
            throw unreadable(file, e);
        }
    }

    private static DataException unreadable(Path file, Exception e) {
        if (e instanceof NoSuchFileException) {
            return DataException.broken(file.toString(), "does not exist", "Check the path", e);
        }
        return DataException.broken(
                file.toString(),
                "cannot be read (" + DataException.reason(e) + ")",
                "Check the file and its permissions",
                e);
    }

    private static DataException broken(String where, String what) {
        return DataException.broken(where, what, "Write it again with numpy.save or numpy.savez");
    }

    private static NumberArray parse(String where, MemorySegment file) {
        long size = file.byteSize();
        if (size < 10) throw broken(where, "is truncated: it has " + size + " bytes");
        for (int i = 0; i < MAGIC.length; i++) {
            if (file.get(ValueLayout.JAVA_BYTE, i) != MAGIC[i]) throw broken(where, "is no NumPy array");
        }
        int version = file.get(ValueLayout.JAVA_BYTE, 6);
        long start = version == 1 ? 10 : 12;
        if (version < 1 || version > 3) throw broken(where, "is of version " + version + ", 1 to 3 are known");
        if (size < start) throw broken(where, "is truncated: it has " + size + " bytes");
        long length = version == 1
                ? file.get(ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 8) & 0xFFFF
                : file.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 8) & 0xFFFFFFFFL;
        if (length > MOST_HEADER) throw broken(where, "claims a header of " + length + " bytes");
        if (length > size - start) throw broken(where, "is truncated within its header");
        byte[] text = file.asSlice(start, length).toArray(ValueLayout.JAVA_BYTE);
        return parse(where, new String(text, StandardCharsets.ISO_8859_1), file.asSlice(start + length));
    }

    private static NumberArray parse(String where, String header, MemorySegment data) {
        var type = TYPE.matcher(header);
        var order = ORDER.matcher(header);
        var shape = SHAPE.matcher(header);
        if (!type.find() || !order.find() || !shape.find()) {
            throw broken(where, "has a header that is not understood: " + header.strip());
        }
        if (order.group(1).equals("True")) {
            throw broken(where, "is in Fortran's order; numpy.ascontiguousarray gives C's");
        }
        var element = switch (type.group(2) + type.group(3)) {
            case "u1", "b1" -> Element.U8;
            case "i1" -> Element.I8;
            case "u2" -> Element.U16;
            case "i2" -> Element.I16;
            case "u4" -> Element.U32;
            case "i4" -> Element.I32;
            case "i8" -> Element.I64;
            case "f4" -> Element.F32;
            case "f8" -> Element.F64;
            default -> throw broken(where, "holds elements of type " + type.group(2) + type.group(3));
        };
        var dims = shape.group(1).isBlank()
                ? new String[0]
                : shape.group(1).strip().split("\\s*,\\s*");
        int[] sizes = new int[dims.length];
        long bytes = element.bytes();
        try {
            for (int i = 0; i < dims.length; i++) {
                sizes[i] = Integer.parseInt(dims[i]);
                bytes = Math.multiplyExact(bytes, sizes[i]);
            }
        } catch (NumberFormatException | ArithmeticException e) {
            throw broken(where, "claims the shape (" + shape.group(1) + ")");
        }
        if (bytes != data.byteSize()) {
            throw broken(
                    where,
                    "claims the shape (" + shape.group(1) + ") of " + bytes + " bytes, but holds " + data.byteSize());
        }
        var byteOrder = type.group(1).equals(">") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        return new NumberArray(Shape.of(sizes), element, byteOrder, data);
    }
}
