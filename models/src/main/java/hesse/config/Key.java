package hesse.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** One key of a section while it is read: its type, what is allowed, and what it is when it is missing. Made by {@link ConfigNode}. */
public final class Key<T> {
    /** Turns a value into its Java type; null when it has another type. */
    @FunctionalInterface
    interface Conversion<T> {
        @Nullable
        T convert(ConfigValue value);
    }

    /** One condition on each number of the value. */
    private record Condition(String text, Test test) {
        interface Test {
            boolean holds(double value);
        }
    }

    private final ConfigNode section;
    private final String name;
    private final String wanted;
    private final Conversion<T> conversion;
    private final List<Condition> conditions = new ArrayList<>();
    private T standIn;

    Key(ConfigNode section, String name, String wanted, Conversion<T> conversion, T standIn) {
        this.section = section;
        this.name = name;
        this.wanted = wanted;
        this.conversion = conversion;
        this.standIn = standIn;
    }

    static <E> Key<E> choice(ConfigNode section, String name, List<E> options, Function<E, String> spelling) {
        var names = options.stream().map(spelling).toList();
        return new Key<>(
                section,
                name,
                "one of " + String.join(", ", names),
                value -> value instanceof ConfigValue.Scalar s
                        ? IntStream.range(0, options.size())
                                .filter(i -> Names.equal(names.get(i), s.text()))
                                .mapToObj(options::get)
                                .findFirst()
                                .orElse(null)
                        : null,
                options.getFirst());
    }

    static <E> Key<List<E>> list(ConfigNode section, String name, String wanted, Conversion<E> item) {
        return new Key<>(
                section,
                name,
                wanted,
                value -> {
                    if (!(value instanceof ConfigValue.Items list)) return null;
                    var converted = new ArrayList<E>();
                    for (var v : list.items()) {
                        var e = item.convert(v);
                        if (e == null) return null;
                        converted.add(e);
                    }
                    return List.copyOf(converted);
                },
                List.of());
    }

    // ---- what is allowed ----

    /** Each number must be ≥ {@code least}. */
    public Key<T> atLeast(double least) {
        return condition("at least " + plain(least), v -> v >= least);
    }

    /** Each number must be > {@code bound}. */
    public Key<T> above(double bound) {
        return condition("above " + plain(bound), v -> v > bound);
    }

    /** Each number must be ≤ {@code most}. */
    public Key<T> atMost(double most) {
        return condition("at most " + plain(most), v -> v <= most);
    }

    /** Each number must be {@code < bound}. */
    public Key<T> below(double bound) {
        return condition("below " + plain(bound), v -> v < bound);
    }

    /** Each number must be one of these. */
    public Key<T> oneOf(int... values) {
        var text = IntStream.of(values).mapToObj(Integer::toString).collect(Collectors.joining(", "));
        return condition("one of " + text, v -> IntStream.of(values).anyMatch(w -> w == v));
    }

    private Key<T> condition(String text, Condition.Test test) {
        conditions.add(new Condition(text, test));
        return this;
    }

    // ---- the value ----

    /** The value; when it is missing that is a problem. */
    public T required() {
        var value = optional();
        if (value.isPresent()) return value.get();
        if (!section.has(name)) section.missing(name, allowed());
        return standIn;
    }

    /** The value, or {@code fallback} when it is missing. */
    public T or(T fallback) {
        standIn = fallback;
        var value = optional();
        if (!section.has(name)) section.record(name, ConfigValue.ofDefault(fallback));
        return value.orElse(fallback);
    }

    /** The value, if it is there and fits. */
    public Optional<T> optional() {
        var given = section.ask(name);
        if (given.isEmpty()) return Optional.empty();
        var value = given.get();
        T converted = conversion.convert(value);
        if (converted == null || !holds(value)) {
            section.wrong(name, value, allowed(), suggestion(value));
            return Optional.empty();
        }
        section.record(name, spelled(value, converted));
        return Optional.of(converted);
    }

    /**
     * The value turned into something else; where that throws {@link IllegalArgumentException} its message becomes the problem.
     *
     * @param standIn what is returned when the value is missing or does not parse, so that reading can go on
     */
    public <U> U parsed(Function<T, U> parser, U standIn) {
        if (!section.has(name)) {
            required();
            return standIn;
        }
        return optional()
                .map(value -> {
                    try {
                        return parser.apply(value);
                    } catch (IllegalArgumentException e) {
                        section.problem(name, "cannot be used: " + e.getMessage());
                        return standIn;
                    }
                })
                .orElse(standIn);
    }

    private boolean holds(ConfigValue value) {
        return switch (value) {
            case ConfigValue.Items list -> list.items().stream().allMatch(this::holds);
            case ConfigValue.Scalar s ->
                !(s.value() instanceof Number n) || conditions.stream().allMatch(c -> c.test.holds(n.doubleValue()));
            case ConfigValue.Table t -> true;
        };
    }

    private String allowed() {
        if (conditions.isEmpty()) return wanted;
        return wanted + ", " + conditions.stream().map(Condition::text).collect(Collectors.joining(" and "));
    }

    private String suggestion(ConfigValue value) {
        if (!wanted.startsWith("one of ") || !(value instanceof ConfigValue.Scalar s)) return "";
        return Names.didYouMean(
                s.text(), List.of(wanted.substring("one of ".length()).split(", ")));
    }

    /** A chosen name is resolved in the spelling of its list, a file with its whole path. */
    private static ConfigValue spelled(ConfigValue given, Object converted) {
        String text;
        switch (converted) {
            case Enum<?> e -> text = Names.of(e);
            case String s -> text = s;
            case Path p -> text = p.toString();
            case List<?> list -> {
                return spelled(given, list);
            }
            default -> {
                return given;
            }
        }
        return new ConfigValue.Scalar(text, text, given.origin());
    }

    private static ConfigValue spelled(ConfigValue given, List<?> converted) {
        if (!(given instanceof ConfigValue.Items items) || converted.stream().noneMatch(e -> e instanceof Path))
            return given;
        var spelled = new ArrayList<ConfigValue>();
        for (int i = 0; i < converted.size(); i++) {
            spelled.add(spelled(items.items().get(i), converted.get(i)));
        }
        return new ConfigValue.Items(spelled, items.origin());
    }

    // ---- conversions ----

    static @Nullable Integer asInt(ConfigValue value) {
        Long whole = asLong(value);
        return whole == null || whole != whole.intValue() ? null : Integer.valueOf(whole.intValue());
    }

    /** Also reads {@code 1e5}, when it is whole. */
    static @Nullable Long asLong(ConfigValue value) {
        if (!(value instanceof ConfigValue.Scalar s)) return null;
        if (s.value() instanceof Double d) {
            boolean whole = d == Math.rint(d) && Math.abs(d) <= 1L << 53;
            return whole ? Long.valueOf(d.longValue()) : null;
        }
        return s.value() instanceof Long l ? l : null;
    }

    static @Nullable Double asDouble(ConfigValue value) {
        return value instanceof ConfigValue.Scalar s
                        && s.value() instanceof Number n
                        && Double.isFinite(n.doubleValue())
                ? Double.valueOf(n.doubleValue())
                : null;
    }

    static @Nullable Boolean asBoolean(ConfigValue value) {
        return value instanceof ConfigValue.Scalar s && s.value() instanceof Boolean b ? b : null;
    }

    /** Also numbers, as written: a file may be called 2024. */
    static @Nullable String asText(ConfigValue value) {
        return value instanceof ConfigValue.Scalar s && s.value() != null ? s.text() : null;
    }

    private static String plain(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }
}
