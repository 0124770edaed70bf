package hesse.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Safetensors files put together from the form's own parts: sound ones, of which then a shape, a place, a name, a count, a length is wrong. */
final class OddHeaders {
    private static final List<String> TYPES =
            List.of("F64", "F32", "F16", "BF16", "I64", "U32", "I32", "I16", "U16", "I8", "U8", "BOOL");
    private static final List<String> ODD_TYPES = List.of(
            "\"F8_E4M3\"", "\"f32\"", "\"\"", "null", "32", "[\"F32\"]", "\"U64\"", "\"F32\\u0000\"", "\"C64\"");
    private static final List<String> NAMES = List.of(
            "x",
            "y",
            "t",
            "layers.0.weight",
            "",
            "\\u0078",
            "\\ud800",
            "..\\/..\\/etc",
            "\\n\\u001b[31m",
            "é漢",
            "__metadata__",
            "n".repeat(3000));
    private static final List<String> ODD_NUMBERS = List.of(
            "-1",
            "-0",
            "0",
            "00",
            "1",
            "2147483647",
            "2147483648",
            "4294967295",
            "4294967296",
            "4611686018427387904",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "9".repeat(400),
            "9".repeat(1500),
            "1e3",
            "1e999",
            "1E-400",
            "0.5",
            "NaN",
            "\"3\"",
            "null",
            "true",
            "[1]",
            "{}",
            "+1",
            "0x10");

    /** A tensor as its keys and their values in JSON. */
    private static final class Entry {
        private String name;
        private final List<String> keys = new ArrayList<>(List.of("dtype", "shape", "data_offsets"));
        private final List<String> values = new ArrayList<>();

        Entry(String name, String type, List<String> shape, long from, long to) {
            this.name = name;
            values.add("\"" + type + "\"");
            values.add(list(shape));
            values.add("[" + from + "," + to + "]");
        }

        void set(String key, String value) {
            int at = keys.indexOf(key);
            if (at >= 0) values.set(at, value);
        }

        String json() {
            return "\"" + name + "\":"
                    + IntStream.range(0, keys.size())
                            .mapToObj(i -> "\"" + keys.get(i) + "\":" + values.get(i))
                            .collect(Collectors.joining(",", "{", "}"));
        }
    }

    private final Random random;
    private final List<Entry> entries = new ArrayList<>();
    private final List<String> more = new ArrayList<>();
    private long data;
    private long lengthOff;
    private String before = "";
    private String after = "";

    private OddHeaders(Random random) {
        this.random = random;
    }

    static byte[] next(Random random) {
        var file = new OddHeaders(random);
        file.sound();
        for (int i = random.nextInt(4); i > 0; i--) file.change();
        return file.bytes();
    }

    private void sound() {
        int n = random.nextInt(5) == 0 ? random.nextInt(200) : random.nextInt(5);
        for (int i = 0; i < n; i++) {
            var name = i < 2 && random.nextInt(4) > 0 ? NAMES.get(i) : "t" + i;
            add(name, TYPES.get(random.nextInt(TYPES.size())), random.nextInt(4));
        }
        if (random.nextInt(3) == 0) more.add("\"__metadata__\":{\"format\":\"pt\"}");
        if (random.nextInt(4) == 0) Collections.shuffle(entries, random);
    }

    private void add(String name, String type, int rank) {
        var shape = new ArrayList<String>();
        long size = bytes(type);
        for (int d = 0; d < rank; d++) {
            int extent = random.nextInt(8) == 0 ? 0 : 1 + random.nextInt(4);
            shape.add(Integer.toString(extent));
            size *= extent;
        }
        entries.add(new Entry(name, type, shape, data, data + size));
        data += size;
    }

    private static int bytes(String type) {
        return switch (type) {
            case "F64", "I64" -> 8;
            case "F32", "I32", "U32" -> 4;
            case "U8", "I8", "BOOL" -> 1;
            default -> 2;
        };
    }

    private static String list(List<String> values) {
        return "[" + String.join(",", values) + "]";
    }

    private String odd() {
        return ODD_NUMBERS.get(random.nextInt(ODD_NUMBERS.size()));
    }

    private void change() {
        switch (random.nextInt(entries.isEmpty() ? 5 : 16)) {
            case 0 ->
                lengthOff = List.of(
                                1L, -1L, 8L, -8L, 64L, 1L << 31, 1L << 40, Long.MAX_VALUE, Long.MIN_VALUE, -1L << 40)
                        .get(random.nextInt(10));
            case 1 -> data = Math.max(0, data + List.of(1, -1, 4, -4, 4096).get(random.nextInt(5)));
            case 2 ->
                after = List.of(" ".repeat(1 + random.nextInt(100)), "\0\0", "{}", ",", "}", "//", "\n\t", "x")
                        .get(random.nextInt(8));
            case 3 ->
                before =
                        List.of(" ", "\ufeff", "[", "{", "/**/", "\0", "\"a\":").get(random.nextInt(7));
            case 4 -> more.add(metadata());
            case 5, 6, 7 -> entry().set("shape", oddShape());
            case 8, 9, 10 -> entry().set("data_offsets", oddPlace());
            case 11 -> entry().set("dtype", ODD_TYPES.get(random.nextInt(ODD_TYPES.size())));
            case 12 -> entry().name = NAMES.get(random.nextInt(NAMES.size()));
            case 13 -> entries.add(entry());
            case 14 -> keys(entry());
            default -> {
                var other = entry();
                int key = random.nextInt(other.values.size());
                entry().set(other.keys.get(key), other.values.get(key));
            }
        }
    }

    private Entry entry() {
        return entries.get(random.nextInt(entries.size()));
    }

    private void keys(Entry e) {
        int at = random.nextInt(e.keys.size());
        switch (random.nextInt(4)) {
            case 0 -> {
                if (e.keys.size() > 1) {
                    e.keys.remove(at);
                    e.values.remove(at);
                }
            }
            case 1 -> {
                e.keys.add(e.keys.get(at));
                e.values.add(e.values.get(at));
            }
            case 2 -> {
                e.keys.add(random.nextBoolean() ? "strides" : "\\u0073hape");
                e.values.add(random.nextBoolean() ? "[1]" : "{\"a\":".repeat(200) + "1" + "}".repeat(200));
            }
            default -> Collections.swap(e.keys, at, random.nextInt(e.keys.size()));
        }
    }

    private String oddShape() {
        return switch (random.nextInt(5)) {
            case 0 -> list(Collections.nCopies(random.nextInt(40), "1"));
            // no elements, and yet a product that no long holds
            case 1 -> list(List.of("0", "2147483647", "2147483647", "2147483647", "2147483647"));
            case 2 -> list(List.of("65536", "65536", "65536", "65536"));
            case 3 -> random.nextBoolean() ? odd() : "[".repeat(1500) + "]".repeat(1500);
            default -> {
                var dims = new ArrayList<String>();
                for (int i = random.nextInt(4); i >= 0; i--) dims.add(random.nextInt(3) == 0 ? "1" : odd());
                yield list(dims);
            }
        };
    }

    private String oddPlace() {
        long a = random.nextInt((int) data + 2);
        long b = random.nextInt((int) data + 2);
        return switch (random.nextInt(5)) {
            case 0 -> "[" + a + "," + b + "]";
            case 1 -> "[" + odd() + "," + odd() + "]";
            case 2 -> "[" + a + "]";
            case 3 -> "[" + a + "," + b + "," + b + "]";
            default -> odd();
        };
    }

    private String metadata() {
        return switch (random.nextInt(6)) {
            case 0 -> "\"__metadata__\":{\"a\":1}";
            case 1 -> "\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}";
            case 2 -> "\"__metadata__\":{\"a\":{\"b\":\"c\"}}";
            case 3 -> "\"__metadata__\":null";
            case 4 -> "\"__metadata__\":{\"a\":\"" + "m".repeat(random.nextInt(20_000)) + "\"}";
            default -> "\"__metadata__\":{\"\\ud800\":\"\\u0000\"}";
        };
    }

    private byte[] bytes() {
        var all = new ArrayList<String>();
        for (var e : entries) all.add(e.json());
        for (var m : more) all.add(random.nextInt(all.size() + 1), m);
        byte[] json = (before + "{" + String.join(",", all) + "}" + after).getBytes(StandardCharsets.UTF_8);
        var out = ByteBuffer.allocate(8 + json.length + (int) data).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(json.length + lengthOff).put(json);
        for (int i = random.nextInt(2); i < data; i += 1 + random.nextInt(8))
            out.put(8 + json.length + i, (byte) random.nextInt());
        return out.array();
    }
}
