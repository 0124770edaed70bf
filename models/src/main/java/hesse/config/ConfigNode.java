package hesse.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A section of a configuration while it is read. Each key is read by one expression that is its whole description:
 *
 * <pre>{@code
 * int depth = model.integer("depth").oneOf(18, 34, 50, 101).or(18);
 * double rho = method.number("rho").atLeast(0).required();
 * }</pre>
 *
 * <p>A bad value is noted, not thrown, and a value that fits stands in for it, so that all problems are found together. {@link #finish}
 * on the root, after everything was read, adds the keys nobody asked for and throws if there was any problem. What was read, with
 * defaults, is {@link #resolved()}. Not for use by several threads.
 */
public final class ConfigNode {
    /** What all sections of one configuration share. */
    private static final class Reading {
        final Set<String> problems = new LinkedHashSet<>();
        final List<ConfigNode> sections = new ArrayList<>();
        final Path folder;

        Reading(Path folder) {
            this.folder = folder;
        }
    }

    private final Reading reading;
    private final String path;
    private final ConfigValue.Table table;
    private final Map<String, String> asked = new LinkedHashMap<>();
    private final Map<String, Supplier<ConfigValue>> resolved = new LinkedHashMap<>();
    private final Map<String, ConfigNode> sections = new LinkedHashMap<>();
    private final Map<String, List<ConfigNode>> children = new LinkedHashMap<>();
    /** Written as a bare text, which is its kind. */
    private final boolean shorthand;
    /** Its kind is unknown, so nothing can be said about its other keys. */
    private boolean undecided;

    private ConfigNode(Reading reading, String path, ConfigValue.Table table, boolean shorthand) {
        this.reading = reading;
        this.path = path;
        this.table = table;
        this.shorthand = shorthand;
        reading.sections.add(this);
    }

    /**
     * The root of a configuration text with assignments laid over it.
     *
     * @param name names the text in origins, for example {@code run.yaml} or {@code preset digits-mlp}
     * @param folder what relative file names in the text are relative to; those in overrides are relative to the current folder
     * @param overrides {@code a.b.c=value}, each value YAML; {@code -} and {@code _} are equal in names
     * @throws ConfigException if the text is no YAML table or an assignment does not parse
     */
    public static ConfigNode parse(String name, Path folder, String yaml, List<String> overrides) {
        var value = Yaml.parse(yaml, line -> Origin.file(name, line));
        if (!(value instanceof ConfigValue.Table root)) {
            throw new ConfigException(
                    value.origin() + ": should be a table (model: …, data: …), is " + value.describe());
        }
        for (var assignment : overrides) root = Overrides.apply(root, assignment);
        return new ConfigNode(new Reading(folder), "", root, false);
    }

    /** A text of the current folder without overrides; see {@link #parse(String, Path, String, List)}. */
    public static ConfigNode parse(String name, String yaml) {
        return parse(name, Path.of(""), yaml, List.of());
    }

    /** Whether a key decides which other keys its table may have. */
    static boolean isDiscriminator(String canonicalKey) {
        return canonicalKey.equals("kind") || canonicalKey.equals("name");
    }

    // ---- keys ----

    /** A whole number of 32 bits. */
    public Key<Integer> integer(String key) {
        return new Key<>(this, key, "a whole number", Key::asInt, 0);
    }

    /** A whole number of 64 bits. */
    public Key<Long> whole(String key) {
        return new Key<>(this, key, "a whole number", Key::asLong, 0L);
    }

    /** A finite number. */
    public Key<Double> number(String key) {
        return new Key<>(this, key, "a number", Key::asDouble, 0.0);
    }

    /** True or false. */
    public Key<Boolean> flag(String key) {
        return new Key<>(this, key, "true or false", Key::asBoolean, false);
    }

    /** Any text. */
    public Key<String> text(String key) {
        return new Key<>(this, key, "a text", Key::asText, "");
    }

    /** A file or folder, absolute: relative ones lie beside the configuration that names them or, if not there, in the current folder. */
    public Key<Path> file(String key) {
        return new Key<>(this, key, "a file name", this::asFile, Path.of(""));
    }

    /** A list of files or folders, absolute as in {@link #file}. */
    public Key<List<Path>> files(String key) {
        return Key.list(this, key, "a list of file names", this::asFile);
    }

    /** One of several names; the value has the spelling given here. */
    public Key<String> choice(String key, String... names) {
        return choice(key, Arrays.asList(names));
    }

    /** One of several names; the value has the spelling given here. */
    public Key<String> choice(String key, List<String> names) {
        return Key.choice(this, key, names, n -> n);
    }

    /** One of an enum's constants, written in small letters. */
    public <E extends Enum<E>> Key<E> choice(String key, Class<E> type) {
        return Key.choice(this, key, Arrays.asList(type.getEnumConstants()), Names::of);
    }

    /** A list of whole numbers. */
    public Key<List<Integer>> integers(String key) {
        return Key.list(this, key, "a list of whole numbers", Key::asInt);
    }

    /** A list of numbers. */
    public Key<List<Double>> numbers(String key) {
        return Key.list(this, key, "a list of numbers", Key::asDouble);
    }

    // ---- sections ----

    /** A table; where it is missing, an empty one whose keys then have their defaults. */
    public ConfigNode child(String key) {
        return optionalChild(key).orElseGet(() -> absent(key));
    }

    /** A table, if it is there. */
    public Optional<ConfigNode> optionalChild(String key) {
        return section(key, false);
    }

    /** A table, or a bare text that stands for {@code {kind: text}}; where it is missing, {@code fallbackKind} with its defaults. */
    public ConfigNode variant(String key, String fallbackKind) {
        return optionalVariant(key).orElseGet(() -> {
            var kind = new ConfigValue.Entry("kind", ConfigValue.ofDefault(fallbackKind), false);
            return record(
                    key,
                    new ConfigNode(
                            reading, join(key), new ConfigValue.Table(Map.of("kind", kind), Origin.DEFAULT), true));
        });
    }

    /** A table, or a bare text that stands for {@code {kind: text}}, if it is there. */
    public Optional<ConfigNode> optionalVariant(String key) {
        return section(key, true);
    }

    /** A list of tables, each perhaps a bare text as in {@link #variant}; empty where it is missing. */
    public List<ConfigNode> children(String key) {
        var known = children.get(Names.canonical(key));
        if (known != null) return known;
        var value = ask(key);
        if (value.isEmpty()) return List.of();
        if (!(value.get() instanceof ConfigValue.Items list)) {
            wrong(key, value.get(), "a list of tables", "");
            return List.of();
        }
        var nodes = new ArrayList<ConfigNode>();
        for (int i = 0; i < list.items().size(); i++) {
            node(join(key) + "." + i, list.items().get(i), true).ifPresent(nodes::add);
        }
        resolved.put(
                Names.canonical(key),
                () -> new ConfigValue.Items(
                        nodes.stream().map(ConfigNode::resolved).toList(), list.origin()));
        children.put(Names.canonical(key), nodes);
        return nodes;
    }

    /**
     * Which of two keys that exclude each other is there. Of both, the one an override sets wins over the other; set in the same place,
     * they are a problem.
     */
    public Optional<String> either(String a, String b) {
        asked.putIfAbsent(Names.canonical(a), a);
        asked.putIfAbsent(Names.canonical(b), b);
        if (!has(a) || !has(b)) return has(a) ? Optional.of(a) : has(b) ? Optional.of(b) : Optional.empty();
        int order = originOf(a).source().compareTo(originOf(b).source());
        if (order == 0) problem(b, "stands beside " + a + "; keep one of them");
        return Optional.of(order < 0 ? b : a);
    }

    /** A table whose keys are free, by key as written, in order; empty where it is missing. */
    public Map<String, ConfigValue> free(String key) {
        var value = ask(key);
        if (value.isEmpty()) return Map.of();
        if (!(value.get() instanceof ConfigValue.Table free)) {
            wrong(key, value.get(), "a table", "");
            return Map.of();
        }
        record(key, free);
        var entries = new LinkedHashMap<String, ConfigValue>();
        free.entries().values().forEach(e -> entries.put(e.key(), e.value()));
        return entries;
    }

    /** A table whose keys are free and whose values are sections, each perhaps a bare text as in {@link #variant}; in order. */
    public Map<String, ConfigNode> sections(String key) {
        var section = optionalChild(key);
        if (section.isEmpty()) return Map.of();
        var of = section.get();
        var all = new LinkedHashMap<String, ConfigNode>();
        of.table.entries().values().forEach(e -> of.section(e.key(), true).ifPresent(n -> all.put(e.key(), n)));
        return all;
    }

    /** A list of anything; empty where it is missing. */
    public List<ConfigValue> items(String key) {
        var value = ask(key);
        if (value.isEmpty()) return List.of();
        if (!(value.get() instanceof ConfigValue.Items list)) {
            wrong(key, value.get(), "a list", "");
            return List.of();
        }
        record(key, list);
        return list.items();
    }

    /** Whether the key is there (with a value that is not null); does not count as asking for it. */
    public boolean has(String key) {
        return find(key).isPresent();
    }

    /** Whether the key is there and holds a table; does not count as asking for it. */
    public boolean hasTable(String key) {
        return find(key).filter(v -> v instanceof ConfigValue.Table).isPresent();
    }

    /** Whether the key is there and holds a list; does not count as asking for it. */
    public boolean hasList(String key) {
        return find(key).filter(v -> v instanceof ConfigValue.Items).isPresent();
    }

    /** Every number of this section that no key has asked for and that is not excepted, by name, for functions that know their own parameters. */
    public Map<String, Double> otherNumbers(String... except) {
        var numbers = new LinkedHashMap<String, Double>();
        table.entries().forEach((key, entry) -> {
            boolean other = !asked.containsKey(key) && Arrays.stream(except).noneMatch(e -> Names.equal(e, key));
            if (other && !entry.inherited()) {
                number(entry.key()).optional().ifPresent(v -> numbers.put(entry.key(), v));
            }
        });
        return numbers;
    }

    // ---- problems ----

    /** Notes a problem with one key's value, for rules that no single key can state. */
    public void problem(String key, String what) {
        if (!undecided) note(originOf(key) + ": " + join(key) + " " + what);
    }

    /** Notes a problem with this section. */
    public void problem(String what) {
        if (!undecided) note(table.origin() + ": " + (path.isEmpty() ? "" : path + " ") + what);
    }

    /**
     * Ends the reading of a whole configuration, on its root.
     *
     * @throws ConfigException with all problems, keys that nobody asked for among them
     */
    public void finish() {
        for (var section : reading.sections) section.noteUnknownKeys();
        if (!reading.problems.isEmpty()) throw new ConfigException(List.copyOf(reading.problems));
    }

    private void noteUnknownKeys() {
        if (undecided) return;
        table.entries().forEach((key, entry) -> {
            if (asked.containsKey(key) || entry.inherited() || entry.value().origin() == Origin.DEFAULT) return;
            note(entry.value().origin() + ": unknown key '" + entry.key() + "' in "
                    + (path.isEmpty() ? "the configuration" : path)
                    + Names.didYouMean(entry.key(), asked.values()) + "; allowed" + givenKind() + ": "
                    + String.join(", ", asked.values()));
        });
    }

    /** {@code " for kind psam"}, since the kind decides what is allowed. */
    private String givenKind() {
        return table.entries().entrySet().stream()
                .filter(e -> isDiscriminator(e.getKey()) && e.getValue().value() instanceof ConfigValue.Scalar)
                .map(e -> " for " + e.getKey() + " "
                        + ((ConfigValue.Scalar) e.getValue().value()).text())
                .collect(Collectors.joining());
    }

    // ---- places and results ----

    /** The dotted path from the root, for example {@code model.blocks.0}. */
    public String path() {
        return path;
    }

    /** Where this section stands, for example {@code run.yaml:3}. */
    public Origin origin() {
        return table.origin();
    }

    /** Where a key's value stands; where it is missing, the section's place. */
    public Origin originOf(String key) {
        return find(key).map(ConfigValue::origin).orElse(table.origin());
    }

    /** Everything that was read here, in the order it was asked for, with defaults and origins. */
    public ConfigValue resolved() {
        var entries = new LinkedHashMap<String, ConfigValue.Entry>();
        resolved.forEach((key, value) ->
                entries.put(key, new ConfigValue.Entry(asked.getOrDefault(key, key), value.get(), false)));
        // A bare text is written back as one while nothing but its kind is known of it.
        return shorthand && entries.size() == 1 && entries.containsKey("kind")
                ? entries.values().iterator().next().value()
                : new ConfigValue.Table(entries, table.origin());
    }

    // ---- for keys ----

    Optional<ConfigValue> ask(String key) {
        asked.putIfAbsent(Names.canonical(key), key);
        return find(key);
    }

    void record(String key, ConfigValue value) {
        resolved.put(Names.canonical(key), () -> value);
    }

    void wrong(String key, ConfigValue value, String wanted, String suggestion) {
        problem(key, "should be " + wanted + ", is " + value.describe() + suggestion);
        if (isDiscriminator(Names.canonical(key))) undecided = true;
    }

    void missing(String key, String wanted) {
        problem("lacks '" + key + "', " + wanted);
        if (isDiscriminator(Names.canonical(key))) undecided = true;
    }

    String join(String key) {
        return path.isEmpty() ? key : path + "." + key;
    }

    // ---- inside ----

    private @Nullable Path asFile(ConfigValue value) {
        var text = Key.asText(value);
        if (text == null || text.isEmpty() || text.indexOf('\0') >= 0) return null;
        var here = Path.of(text).toAbsolutePath().normalize();
        if (value.origin().source() != Origin.Source.FILE) return here;
        var beside = reading.folder.resolve(text).toAbsolutePath().normalize();
        return Files.exists(beside) || !Files.exists(here) ? beside : here;
    }

    private Optional<ConfigValue> find(String key) {
        return Optional.ofNullable(table.entries().get(Names.canonical(key)))
                .map(ConfigValue.Entry::value)
                .filter(v -> !(v instanceof ConfigValue.Scalar s && s.value() == null));
    }

    private ConfigNode absent(String key) {
        return record(key, new ConfigNode(reading, join(key), new ConfigValue.Table(Map.of(), table.origin()), false));
    }

    /** The section of a key; asked for again, the same one, so that what was read of it is remembered in one place. */
    private Optional<ConfigNode> section(String key, boolean textIsKind) {
        var known = sections.get(Names.canonical(key));
        if (known != null) return Optional.of(known);
        return ask(key).flatMap(v -> node(join(key), v, textIsKind)).map(n -> record(key, n));
    }

    private Optional<ConfigNode> node(String at, ConfigValue value, boolean textIsKind) {
        if (value instanceof ConfigValue.Table t) return Optional.of(new ConfigNode(reading, at, t, false));
        if (textIsKind && value instanceof ConfigValue.Scalar s && s.value() instanceof String) {
            var kind = Map.of("kind", new ConfigValue.Entry("kind", s, false));
            return Optional.of(new ConfigNode(reading, at, new ConfigValue.Table(kind, s.origin()), true));
        }
        if (!undecided) {
            note(value.origin() + ": " + at + " should be a table" + (textIsKind ? " or a name" : "") + ", is "
                    + value.describe());
        }
        return Optional.empty();
    }

    private ConfigNode record(String key, ConfigNode section) {
        asked.putIfAbsent(Names.canonical(key), key);
        resolved.put(Names.canonical(key), section::resolved);
        sections.put(Names.canonical(key), section);
        section.undecided |= undecided;
        return section;
    }

    private void note(String problem) {
        reading.problems.add(problem);
    }
}
