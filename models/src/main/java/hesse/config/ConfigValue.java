package hesse.config;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A node of a configuration tree: a scalar, a list or a table, and where it came from. Immutable. */
public sealed interface ConfigValue {
    Origin origin();

    /** For complaints: {@code the number 3}, {@code the text 'gelu'}, {@code a list}. */
    String describe();

    /**
     * A number, text, truth value or nothing.
     *
     * @param value a Long, Double, String, Boolean, or null for YAML's null
     * @param text as written
     */
    record Scalar(@Nullable Object value, String text, Origin origin) implements ConfigValue {
        @Override
        public String describe() {
            return switch (value) {
                case null -> "nothing";
                case String s -> "the text '" + (s.length() > 60 ? s.substring(0, 60) + "…" : s) + "'";
                case Boolean b -> b.toString();
                default -> "the number " + text;
            };
        }
    }

    /** A list. */
    record Items(List<ConfigValue> items, Origin origin) implements ConfigValue {
        public Items {
            items = List.copyOf(items);
        }

        @Override
        public String describe() {
            return "a list";
        }
    }

    /** A table; its entries by canonical key ({@link Names#canonical}), in order. */
    record Table(Map<String, Entry> entries, Origin origin) implements ConfigValue {
        public Table {
            entries = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(entries));
        }

        @Override
        public String describe() {
            return "a table";
        }
    }

    /**
     * One entry of a table.
     *
     * @param key as written
     * @param inherited whether the entry was written for another kind of its table, which an override then replaced
     */
    record Entry(String key, ConfigValue value, boolean inherited) {}

    /** The value a default stands for: a number, text, truth value, enum constant, or a collection of those. */
    static ConfigValue ofDefault(Object value) {
        return switch (value) {
            case Integer i -> new Scalar(i.longValue(), i.toString(), Origin.DEFAULT);
            case Long l -> new Scalar(l, l.toString(), Origin.DEFAULT);
            case Double d -> new Scalar(d, shortest(d), Origin.DEFAULT);
            case Boolean b -> new Scalar(b, b.toString(), Origin.DEFAULT);
            case Collection<?> c ->
                new Items(c.stream().map(ConfigValue::ofDefault).collect(Collectors.toList()), Origin.DEFAULT);
            case Enum<?> e -> new Scalar(Names.of(e), Names.of(e), Origin.DEFAULT);
            default -> new Scalar(value.toString(), value.toString(), Origin.DEFAULT);
        };
    }

    private static String shortest(double d) {
        return d == Math.rint(d) && Math.abs(d) < 1e6
                ? Long.toString((long) d)
                : Double.toString(d).replace("E", "e");
    }
}
