package hesse.run;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A reader of TensorBoard event files that shares nothing with the writer: TFRecords, their checksums bit by bit, the wire format. */
final class EventRecords {
    /** An event: when it was written, in seconds since 1970, and either the file's version or a step's scalars. */
    record Event(double wallTime, long step, String version, Map<String, Float> scalars) {}

    private EventRecords() {}

    /** All events of a file; throws where a byte does not fit. */
    static List<Event> read(Path file) throws IOException {
        var in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        var all = new ArrayList<Event>();
        while (in.hasRemaining()) {
            byte[] header = bytes(in, 8);
            require(in.getInt() == mask(crc32c(header)), "checksum of a length");
            byte[] body = bytes(in, (int)
                    ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).getLong());
            require(in.getInt() == mask(crc32c(body)), "checksum of an event");
            all.add(event(ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN)));
        }
        return all;
    }

    private static Event event(ByteBuffer in) {
        double time = Double.NaN;
        long step = 0;
        String version = "";
        var scalars = new LinkedHashMap<String, Float>();
        while (in.hasRemaining()) {
            switch ((int) varint(in)) {
                case 1 << 3 | 1 -> time = in.getDouble();
                case 2 << 3 -> step = varint(in);
                case 3 << 3 | 2 -> version = new String(delimited(in).array(), StandardCharsets.UTF_8);
                case 5 << 3 | 2 -> {
                    var summary = delimited(in);
                    while (summary.hasRemaining()) {
                        require(varint(summary) == (1 << 3 | 2), "a value of a summary");
                        value(delimited(summary), scalars);
                    }
                }
                default -> require(false, "a field of an event");
            }
        }
        return new Event(time, step, version, scalars);
    }

    private static void value(ByteBuffer in, Map<String, Float> into) {
        require(varint(in) == (1 << 3 | 2), "the tag of a value");
        var tag = new String(delimited(in).array(), StandardCharsets.UTF_8);
        require(varint(in) == (2 << 3 | 5), "the number of a value");
        require(into.put(tag, in.getFloat()) == null, "one value a tag, not two of " + tag);
        require(!in.hasRemaining(), "the end of a value");
    }

    private static long varint(ByteBuffer in) {
        long v = 0;
        for (int shift = 0; ; shift += 7) {
            byte b = in.get();
            v |= (long) (b & 0x7f) << shift;
            if (b >= 0) return v;
        }
    }

    private static ByteBuffer delimited(ByteBuffer in) {
        return ByteBuffer.wrap(bytes(in, (int) varint(in))).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] bytes(ByteBuffer in, int n) {
        var b = new byte[n];
        in.get(b);
        return b;
    }

    /** Castagnoli's polynomial, reflected. */
    private static int crc32c(byte[] bytes) {
        int crc = -1;
        for (byte b : bytes) {
            crc ^= b & 0xff;
            for (int i = 0; i < 8; i++) crc = crc >>> 1 ^ ((crc & 1) == 0 ? 0 : 0x82f63b78);
        }
        return ~crc;
    }

    private static int mask(int crc) {
        return (crc >>> 15 | crc << 17) + 0xa282ead8;
    }

    private static void require(boolean holds, String what) {
        if (!holds) throw new IllegalArgumentException("not as TensorBoard has it: " + what);
    }
}
