package hesse.run;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A run's TensorBoard event file: what stands in {@code metrics.jsonl} and {@code timings.jsonl} as scalars, one event a line, in order of
 * steps. Records are framed as TFRecords; an event carries the time at which it was written, so that two equal runs' files differ there.
 *
 * <p>Schema: <a href="https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto">event.proto</a> and
 * summary.proto beside it; framing: tensorflow/core/lib/io/record_writer.h.
 */
final class EventFile implements AutoCloseable {
    /** TensorBoard takes every file whose name holds {@code tfevents}. */
    static final String NAME = "events.out.tfevents.hesse";
    /** Longer lists of numbers (densities, say) are no curves. */
    private static final int LONGEST_LIST = 32;

    private static final String VERSION = "brain.Event:2";
    private static final int MASK = 0xa282ead8;

    /** Field numbers of {@code Event}, {@code Summary} and {@code Summary.Value}. */
    private static final int WALL_TIME = 1;

    private static final int STEP = 2;
    private static final int FILE_VERSION = 3;
    private static final int SUMMARY = 5;
    private static final int VALUE = 1;
    private static final int TAG = 1;
    private static final int SIMPLE_VALUE = 2;

    /** Of a record: length, its checksum; behind the event the event's checksum. */
    private static final int HEADER = 12;

    private static final int FOOTER = 4;

    private final FileChannel channel;

    private EventFile(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Opens a folder's event file behind the last whole record, and begins one where there is none.
     *
     * @throws IOException if it cannot be written
     */
    static EventFile open(Path folder) throws IOException {
        var channel = FileChannel.open(
                folder.resolve(NAME), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        var file = new EventFile(channel);
        try {
            file.forgetBeyond(Long.MAX_VALUE);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        return file;
    }

    /** Forgets events of later steps than a checkpoint's, and whatever follows a record that is torn or damaged. */
    void forgetBeyond(long step) throws IOException {
        long end = 0;
        for (long next = after(0, step); next > 0; next = after(end, step)) end = next;
        channel.truncate(end);
        channel.position(end);
        if (end == 0) append(event(out -> out.writeString(FILE_VERSION, VERSION)));
    }

    /** Where the record that begins at {@code from} ends; 0 if there is none, none that is whole, or one of a later step. */
    private long after(long from, long lastStep) throws IOException {
        var header = read(from, HEADER);
        if (header.remaining() < HEADER || header.getInt(8) != masked(header.array(), 8)) return 0;
        long length = header.getLong(0);
        if (length < 0 || length > channel.size() - from - HEADER - FOOTER) return 0;
        var body = read(from + HEADER, (int) length + FOOTER);
        if (body.remaining() < length + FOOTER || body.getInt((int) length) != masked(body.array(), (int) length)) {
            return 0;
        }
        return step(body.array(), (int) length) > lastStep ? 0 : from + HEADER + length + FOOTER;
    }

    private ByteBuffer read(long from, int bytes) throws IOException {
        var buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining() && channel.read(buffer, from + buffer.position()) >= 0) {}
        return buffer.flip();
    }

    private static long step(byte[] event, int length) throws IOException {
        var in = CodedInputStream.newInstance(event, 0, length);
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (WireFormat.getTagFieldNumber(tag) == STEP) return in.readInt64();
            in.skipField(tag);
        }
        return 0;
    }

    /**
     * Writes the numbers of a line of {@code metrics.jsonl} or {@code timings.jsonl} as one event. Tags are those of {@link #scalars}.
     *
     * @param room what comes before the keys of a line that names neither split nor probe
     */
    void line(String room, Map<String, ?> line) throws IOException {
        long step = line.get("step") instanceof Number n ? n.longValue() : 0;
        var values = scalars(room, line);
        if (values.isEmpty()) return;
        var summary = message(out -> {
            for (var v : values.entrySet()) {
                out.writeByteArray(VALUE, message(value -> {
                    value.writeString(TAG, v.getKey());
                    value.writeFloat(SIMPLE_VALUE, v.getValue().floatValue());
                }));
            }
        });
        append(event(out -> {
            out.writeInt64(STEP, step);
            out.writeByteArray(SUMMARY, summary);
        }));
    }

    /**
     * The numbers of a line by their tags: the split's or probe's name and the path of the keys, {@code train/loss},
     * {@code top_eigenvalues/values/0}, {@code trace/hessian/estimate}.
     */
    static Map<String, Double> scalars(String room, Map<String, ?> line) {
        Object named = line.containsKey("split") ? line.get("split") : line.get("probe");
        var into = new LinkedHashMap<String, Double>();
        line.forEach((key, value) -> {
            if (!key.equals("step")) collect((named == null ? room : named) + "/" + key, value, into);
        });
        return into;
    }

    private static void collect(String tag, Object value, Map<String, Double> into) {
        switch (value) {
            case Number n -> into.put(tag, n.doubleValue());
            case Map<?, ?> m -> m.forEach((key, v) -> collect(tag + "/" + key, v, into));
            case double[] a -> {
                for (int i = 0; i < a.length && a.length <= LONGEST_LIST; i++) into.put(tag + "/" + i, a[i]);
            }
            case List<?> items -> {
                for (int i = 0; i < items.size() && items.size() <= LONGEST_LIST; i++)
                    collect(tag + "/" + i, items.get(i), into);
            }
            default -> {}
        }
    }

    /** Writes the fields of a message. */
    private interface Fields {
        void write(CodedOutputStream out) throws IOException;
    }

    private static byte[] message(Fields fields) throws IOException {
        var bytes = new ByteArrayOutputStream();
        var out = CodedOutputStream.newInstance((OutputStream) bytes);
        fields.write(out);
        out.flush();
        return bytes.toByteArray();
    }

    private static byte[] event(Fields fields) throws IOException {
        double now = System.currentTimeMillis() / 1e3;
        return message(out -> {
            out.writeDouble(WALL_TIME, now);
            fields.write(out);
        });
    }

    private void append(byte[] event) throws IOException {
        var record = ByteBuffer.allocate(HEADER + event.length + FOOTER).order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(event.length);
        record.putInt(masked(record.array(), 8));
        record.put(event).putInt(masked(event, event.length)).flip();
        while (record.hasRemaining()) channel.write(record);
    }

    /** The checksum of the first bytes, masked as TFRecords have it: checksums of checksums are weak. */
    private static int masked(byte[] bytes, int count) {
        var crc = new CRC32C();
        crc.update(bytes, 0, count);
        return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
