package hesse.tensor;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Reads and writes safetensors files: a little-endian length, a JSON header of that length, the data. Nothing in a file is believed:
 * every length is checked against the file's size before memory is taken for it.
 *
 * <p>F64, F32, I64, I32 and BOOL are read as they are; F16 and BF16 become F32, U8, I8, I16 and U16 become I32, U32 becomes I64, all exactly.
 */
public final class Safetensors {
    private static final int CHUNK = 1 << 20;

    /** Tensors in the order of the file's header, and the header's free text. Both maps are immutable. */
    public record Contents(Map<String, Tensor> tensors, Map<String, String> metadata) {
        public Contents {
            tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
            metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
        }
    }

    private Safetensors() {}

    /** Reads a whole file into memory kept by the garbage collector; see {@link #read(Path, Arena)}. */
    public static Contents read(Path file) {
        return read(file, Arena.ofAuto());
    }

    /**
     * Reads a whole file into {@code arena}.
     *
     * @throws TensorFileException if the file is missing, truncated, corrupt, or holds an element type that cannot be read
     */
    public static Contents read(Path file, Arena arena) {
        return read(file, arena, false);
    }

    /**
     * As {@link #read(Path)}, but what is stored as it lies in memory is mapped, not read, so that a file may be larger than memory. The
     * tensors are read-only; the file must not change while they are used.
     *
     * @throws TensorFileException if the file is missing, truncated, corrupt, or holds an element type that cannot be read
     */
    public static Contents map(Path file) {
        return read(file, Arena.ofAuto(), true);
    }

    private static Contents read(Path file, Arena arena, boolean mapped) {
        try (var channel = FileChannel.open(RegularFile.require(file), StandardOpenOption.READ)) {
            if (Files.isDirectory(file))
                throw new TensorFileException(file, "is a folder, not a file", "Name a safetensors file");
            var header = readHeader(file, channel);
            long dataStart = channel.position();
            var tensors = new LinkedHashMap<String, Tensor>();
            for (var e : header.entries.entrySet()) {
                var entry = e.getValue();
                boolean asItLies = entry.type().isRaw() && entry.type() != StoredType.BOOL;
                tensors.put(
                        e.getKey(),
                        mapped && asItLies
                                ? mapTensor(channel, dataStart, entry, arena)
                                : readTensor(file, channel, dataStart, entry, arena));
            }
            return new Contents(tensors, header.metadata);
        } catch (NoSuchFileException e) {
            throw new TensorFileException(file, "no such file", "Check the path", e);
        } catch (AccessDeniedException e) {
            throw new TensorFileException(file, "may not be read", "Check its permissions", e);
        } catch (IOException e) {
            throw new TensorFileException(
                    file, "cannot be read (" + e.getMessage() + ")", "Check the path and the disk", e);
        }
    }

    /** Writes a file without metadata; see {@link #write(Path, Map, Map)}. */
    public static void write(Path file, Map<String, Tensor> tensors) {
        write(file, tensors, Map.of());
    }

    /**
     * Writes tensors in the order of the map, under a temporary name that is renamed when all is on the disk.
     *
     * @throws TensorFileException if that fails; a file of that name is then as it was
     */
    public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
        if (tensors.containsKey("__metadata__")) {
            throw new IllegalArgumentException("no tensor can be named __metadata__ in a safetensors file");
        }
        var header = SafetensorsHeader.layout(tensors, metadata);
        byte[] json = header.toJson();
        if (json.length > SafetensorsHeader.MAX_BYTES) {
            throw new TensorFileException(
                    file,
                    "the header would take " + json.length + " bytes, the format allows " + SafetensorsHeader.MAX_BYTES,
                    "Write fewer tensors or shorter metadata");
        }
        try {
            AtomicFile.write(file, channel -> {
                var length = ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(json.length)
                        .flip();
                writeFully(channel, length);
                writeFully(channel, ByteBuffer.wrap(json));
                long dataStart = channel.position();
                for (var tensor : tensors.entrySet()) {
                    var place = Objects.requireNonNull(header.entries.get(tensor.getKey()));
                    channel.position(dataStart + place.begin());
                    writeData(channel, tensor.getValue().data());
                }
            });
        } catch (IOException e) {
            throw new TensorFileException(
                    file,
                    "cannot be written (" + e.getMessage() + ")",
                    "Check that its folder exists, may be written and has room",
                    e);
        }
    }

    private static SafetensorsHeader readHeader(Path file, FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < 8) {
            throw new TensorFileException(
                    file,
                    "is only " + size + " bytes long, too short for a safetensors file",
                    "Copy or write it again");
        }
        var length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        readFully(file, channel, length);
        long bytes = length.flip().getLong();
        if (bytes < 0 || bytes > SafetensorsHeader.MAX_BYTES) {
            throw new TensorFileException(
                    file,
                    "its first 8 bytes promise a header of " + Long.toUnsignedString(bytes) + " bytes (at most "
                            + SafetensorsHeader.MAX_BYTES + " are allowed)",
                    "It is probably not a safetensors file");
        }
        if (bytes > size - 8) {
            throw new TensorFileException(
                    file, "truncated: a header of " + bytes + " bytes in a file of " + size, "Copy or write it again");
        }
        var json = ByteBuffer.allocate((int) bytes);
        readFully(file, channel, json);
        return SafetensorsHeader.parse(file, json.array(), size - 8 - bytes);
    }

    private static Tensor mapTensor(FileChannel channel, long dataStart, SafetensorsHeader.Entry entry, Arena arena)
            throws IOException {
        long bytes = entry.end() - entry.begin();
        var data = channel.map(FileChannel.MapMode.READ_ONLY, dataStart + entry.begin(), bytes, arena);
        return new Tensor(entry.type().memory, entry.shape(), data);
    }

    private static Tensor readTensor(
            Path file, FileChannel channel, long dataStart, SafetensorsHeader.Entry entry, Arena arena)
            throws IOException {
        var type = entry.type();
        var tensor = Tensor.allocate(type.memory, entry.shape(), arena);
        channel.position(dataStart + entry.begin());
        if (type.isRaw()) {
            for (long at = 0, n = tensor.data().byteSize(); at < n; at += CHUNK) {
                readFully(
                        file,
                        channel,
                        tensor.data().asSlice(at, Math.min(CHUNK, n - at)).asByteBuffer());
            }
        } else {
            var chunk = ByteBuffer.allocate((int) Math.min(CHUNK, entry.end() - entry.begin()));
            int capacity = Math.max(1, chunk.capacity() / type.bytes);
            for (long at = 0, n = tensor.size(); at < n; at += capacity) {
                int count = (int) Math.min(capacity, n - at);
                readFully(file, channel, chunk.clear().limit(count * type.bytes));
                type.widen(MemorySegment.ofArray(chunk.array()), count, tensor, at);
            }
        }
        if (type == StoredType.BOOL) normalise(tensor.data());
        return tensor;
    }

    /** Any byte but 0 is true; in memory true is 1. */
    private static void normalise(MemorySegment booleans) {
        for (long i = 0, n = booleans.byteSize(); i < n; i++) {
            if (booleans.get(ValueLayout.JAVA_BYTE, i) != 0) booleans.set(ValueLayout.JAVA_BYTE, i, (byte) 1);
        }
    }

    private static void readFully(Path file, FileChannel channel, ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            if (channel.read(into) < 0) {
                throw new TensorFileException(file, "became shorter while it was read", "Do not write to it meanwhile");
            }
        }
    }

    private static void writeData(FileChannel channel, MemorySegment data) throws IOException {
        for (long at = 0, n = data.byteSize(); at < n; at += CHUNK) {
            writeFully(channel, data.asSlice(at, Math.min(CHUNK, n - at)).asByteBuffer());
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer from) throws IOException {
        while (from.hasRemaining()) channel.write(from);
    }
}
