package hesse.tensor;

import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * The JSON header of a safetensors file: names, element types, shapes and places of its tensors, and free text. A header that exists
 * has been checked against the size of its file: places lie inside, neither overlap nor leave holes, and fit type and shape.
 */
final class SafetensorsHeader {
    /** One tensor: {@code begin} and {@code end} are bytes after the header. */
    record Entry(StoredType type, Shape shape, long begin, long end) {}

    static final int MAX_BYTES = 100_000_000;
    private static final int MAX_RANK = 32;
    private static final String METADATA = "__metadata__";
    private static final JsonFactory JSON = new JsonFactory();
    private static final String DAMAGED =
            "The file is damaged or was written by something else; write or copy it again";

    final Map<String, Entry> entries;
    final Map<String, String> metadata;

    private SafetensorsHeader(Map<String, Entry> entries, Map<String, String> metadata) {
        this.entries = Collections.unmodifiableMap(entries);
        this.metadata = Collections.unmodifiableMap(metadata);
    }

    /**
     * Reads and checks a header.
     *
     * @param dataBytes bytes of the file that follow the header
     * @throws TensorFileException naming the tensor at fault
     */
    static SafetensorsHeader parse(Path file, byte[] json, long dataBytes) {
        if (json.length == 0 || json[0] != '{')
            throw new TensorFileException(file, "not a safetensors file (its header is no JSON object)", DAMAGED);
        try (var parser = JSON.createParser(ObjectReadContext.empty(), json)) {
            var header = new Reader(file, parser).read();
            checkPlaces(file, header.entries, dataBytes);
            return header;
        } catch (JacksonException e) {
            throw new TensorFileException(file, "the header is not valid JSON: " + e.getOriginalMessage(), DAMAGED, e);
        }
    }

    /** Lays tensors out, larger element types first so that each stays aligned; the header keeps the order given. */
    static SafetensorsHeader layout(Map<String, Tensor> tensors, Map<String, String> metadata) {
        var entries = new LinkedHashMap<String, Entry>();
        tensors.forEach((name, t) ->
                entries.put(name, new Entry(StoredType.valueOf(t.dtype().name()), t.shape(), 0, 0)));
        var order = new ArrayList<>(entries.entrySet());
        order.sort(Comparator.comparing(e -> -e.getValue().type.bytes));
        long end = 0;
        for (var e : order) {
            var entry = e.getValue();
            long begin = end;
            end = Math.addExact(begin, Math.multiplyExact(entry.shape.size(), (long) entry.type.bytes));
            e.setValue(new Entry(entry.type, entry.shape, begin, end));
        }
        return new SafetensorsHeader(entries, new LinkedHashMap<>(metadata));
    }

    /** The header as JSON, padded with spaces so that the data begin on a multiple of 64 bytes. */
    byte[] toJson() {
        var bytes = new ByteArrayOutputStream();
        try (var out = JSON.createGenerator(ObjectWriteContext.empty(), bytes)) {
            out.writeStartObject();
            if (!metadata.isEmpty()) {
                out.writeObjectPropertyStart(METADATA);
                metadata.forEach(out::writeStringProperty);
                out.writeEndObject();
            }
            entries.forEach((name, e) -> {
                out.writeObjectPropertyStart(name);
                out.writeStringProperty("dtype", e.type.name());
                out.writeName("shape");
                out.writeArray(e.shape.dims(), 0, e.shape.rank());
                out.writeName("data_offsets");
                out.writeArray(new long[] {e.begin, e.end}, 0, 2);
                out.writeEndObject();
            });
            out.writeEndObject();
        }
        byte[] json = bytes.toByteArray();
        byte[] padded = Arrays.copyOf(json, (json.length + 8 + 63) / 64 * 64 - 8);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        return padded;
    }

    private static void checkPlaces(Path file, Map<String, Entry> entries, long dataBytes) {
        var order = new ArrayList<>(entries.entrySet());
        order.sort(Comparator.comparing((Map.Entry<String, Entry> e) -> e.getValue().begin)
                .thenComparing(e -> e.getValue().end));
        long expected = 0;
        for (var e : order) {
            long begin = e.getValue().begin;
            if (begin != expected) {
                throw new TensorFileException(
                        file,
                        quoted(e.getKey()) + " begins at byte " + begin + " of the data, where "
                                + (begin < expected ? "another tensor lies" : "byte " + expected + " was due (a hole)"),
                        DAMAGED);
            }
            expected = e.getValue().end;
            if (expected > dataBytes) {
                throw new TensorFileException(
                        file,
                        "truncated: " + quoted(e.getKey()) + " ends at byte " + expected
                                + " of the data, the file holds " + dataBytes,
                        "Copy or write it again");
            }
        }
        if (expected != dataBytes) {
            throw new TensorFileException(file, (dataBytes - expected) + " bytes follow the last tensor", DAMAGED);
        }
    }

    private static String quoted(String name) {
        var shown = name.length() > 80 ? name.substring(0, 80) + "…" : name;
        return "'" + shown.replaceAll("\\p{Cntrl}", "?") + "'";
    }

    /** One pass over the JSON. */
    private record Reader(Path file, JsonParser parser) {
        SafetensorsHeader read() {
            var entries = new LinkedHashMap<String, Entry>();
            Map<String, String> metadata = Map.of();
            boolean metadataSeen = false;
            parser.nextToken();
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                var name = parser.currentName();
                parser.nextToken();
                boolean twice;
                if (name.equals(METADATA)) {
                    twice = metadataSeen;
                    metadataSeen = true;
                    metadata = metadata();
                } else {
                    twice = entries.put(name, entry(name)) != null;
                }
                if (twice) throw fault(quoted(name) + " stands twice in the header");
            }
            if (parser.nextToken() != null) throw fault("the header goes on after its JSON object");
            return new SafetensorsHeader(entries, metadata);
        }

        private Map<String, String> metadata() {
            expect(JsonToken.START_OBJECT, METADATA, "an object of texts");
            var texts = new LinkedHashMap<String, String>();
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                var key = parser.currentName();
                parser.nextToken();
                expect(JsonToken.VALUE_STRING, METADATA, "an object of texts");
                if (texts.put(key, parser.getString()) != null)
                    throw fault(quoted(key) + " stands twice in " + METADATA);
            }
            return texts;
        }

        private Entry entry(String name) {
            expect(JsonToken.START_OBJECT, name, "an object with dtype, shape and data_offsets");
            StoredType type = null;
            Shape shape = null;
            long[] offsets = null;
            var seen = new HashSet<String>();
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                var key = parser.currentName();
                if (!seen.add(key)) throw fault(quoted(key) + " stands twice in " + quoted(name));
                parser.nextToken();
                switch (key) {
                    case "dtype" -> type = type(name);
                    case "shape" -> shape = shape(name);
                    case "data_offsets" -> offsets = numbers(name, "data_offsets", 2, Long.MAX_VALUE);
                    default -> throw fault(quoted(name) + " has an unknown key " + quoted(key));
                }
            }
            return entry(name, type, shape, offsets);
        }

        private Entry entry(String name, @Nullable StoredType type, @Nullable Shape shape, long @Nullable [] offsets) {
            if (type == null || shape == null || offsets == null || offsets.length != 2) {
                throw fault(quoted(name) + " lacks its dtype, shape or two data_offsets");
            }
            long bytes;
            try {
                bytes = Math.multiplyExact(shape.size(), (long) type.bytes);
            } catch (ArithmeticException e) {
                throw fault(quoted(name) + " has more elements than any memory: " + type + " " + shape);
            }
            // begin <= end first: the difference of two non-negative longs cannot overflow then
            if (offsets[0] > offsets[1] || offsets[1] - offsets[0] != bytes) {
                throw fault(quoted(name) + " is " + type + " " + shape + ", that is " + bytes
                        + " bytes, but its data_offsets are [" + offsets[0] + ", " + offsets[1] + "]");
            }
            return new Entry(type, shape, offsets[0], offsets[1]);
        }

        private StoredType type(String name) {
            expect(JsonToken.VALUE_STRING, name, "a dtype as text");
            var text = parser.getString();
            for (var type : StoredType.values()) if (type.name().equals(text)) return type;
            throw new TensorFileException(
                    file,
                    quoted(name) + " has element type " + quoted(text) + ", which cannot be read",
                    "Convert it to one of "
                            + Arrays.stream(StoredType.values()).map(Enum::name).collect(Collectors.joining(", ")));
        }

        private Shape shape(String name) {
            long[] extents = numbers(name, "shape", MAX_RANK, Integer.MAX_VALUE);
            return Shape.of(Arrays.stream(extents).mapToInt(Math::toIntExact).toArray());
        }

        private long[] numbers(String name, String key, int atMost, long largest) {
            expect(JsonToken.START_ARRAY, name, key + " as a list of numbers");
            List<Long> values = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                expect(JsonToken.VALUE_NUMBER_INT, name, key + " as a list of whole numbers");
                if (values.size() == atMost)
                    throw fault(quoted(name) + " has more than " + atMost + " numbers in its " + key);
                var number = parser.getBigIntegerValue();
                if (number.signum() < 0 || number.bitLength() > 63 || number.longValue() > largest) {
                    throw fault(quoted(name) + " has " + key + " out of range 0…" + largest);
                }
                values.add(number.longValue());
            }
            return values.stream().mapToLong(Long::longValue).toArray();
        }

        private void expect(JsonToken token, String name, String what) {
            if (parser.currentToken() != token) throw fault(quoted(name) + " should have " + what);
        }

        private TensorFileException fault(String what) {
            return new TensorFileException(file, what, DAMAGED);
        }
    }
}
