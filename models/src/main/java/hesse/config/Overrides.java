package hesse.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Assignments {@code a.b.c=value} laid over a configuration. The value is YAML; a number in the path picks an item of a list; a text on
 * the way becomes the {@code kind} of a table, so that {@code model.activation.second_derivative=zero} works on
 * {@code activation: gelu}. A new {@code kind} marks what its table held before as inherited: the new kind drops what it does not know.
 */
final class Overrides {
    private final String assignment;
    private final Origin origin;

    private Overrides(String assignment) {
        this.assignment = assignment;
        this.origin = Origin.override(assignment);
    }

    /** @throws ConfigException if the assignment does not parse or leads through something that is no table */
    static ConfigValue.Table apply(ConfigValue.Table root, String assignment) {
        var override = new Overrides(assignment);
        int equals = assignment.indexOf('=');
        if (equals <= 0) throw override.fault("should be key=value, for example method.rho=0.1");
        var path = List.of(assignment.substring(0, equals).strip().split("\\.", -1));
        if (path.stream().anyMatch(String::isBlank)) throw override.fault("has an empty name in its key");
        var value = Yaml.parse(assignment.substring(equals + 1), line -> override.origin);
        // An empty text after '=' is YAML's nothing, not an empty document.
        if (value instanceof ConfigValue.Table t && t.entries().isEmpty() && assignment.endsWith("=")) {
            value = new ConfigValue.Scalar(null, "", override.origin);
        }
        return override.intoTable(root, path, value);
    }

    private ConfigValue set(@Nullable ConfigValue old, List<String> path, ConfigValue value) {
        if (path.isEmpty()) return value;
        return switch (old) {
            case null -> intoTable(new ConfigValue.Table(Map.of(), origin), path, value);
            case ConfigValue.Table t -> intoTable(t, path, value);
            case ConfigValue.Items items -> intoList(items, path, value);
            case ConfigValue.Scalar s -> intoTable(promoted(s, path), path, value);
        };
    }

    /** The table that a scalar stands for when one of its keys is set. */
    private ConfigValue.Table promoted(ConfigValue.Scalar s, List<String> path) {
        if (s.value() == null) return new ConfigValue.Table(Map.of(), origin);
        if (!(s.value() instanceof String)) {
            throw fault("leads to '" + path.getFirst() + "' inside " + s.describe() + " (" + s.origin() + ")");
        }
        return new ConfigValue.Table(Map.of("kind", new ConfigValue.Entry("kind", s, false)), s.origin());
    }

    private ConfigValue.Table intoTable(ConfigValue.Table table, List<String> path, ConfigValue value) {
        String key = Names.canonical(path.getFirst());
        var entries = new LinkedHashMap<>(table.entries());
        var old = entries.get(key);
        var changed = set(old == null ? null : old.value(), path.subList(1, path.size()), value);
        boolean newKind = ConfigNode.isDiscriminator(key)
                && old != null
                && old.value() instanceof ConfigValue.Scalar before
                && changed instanceof ConfigValue.Scalar after
                && !Names.equal(before.text(), after.text());
        if (newKind) entries.replaceAll((k, e) -> new ConfigValue.Entry(e.key(), e.value(), true));
        entries.put(key, new ConfigValue.Entry(old == null ? path.getFirst() : old.key(), changed, false));
        return new ConfigValue.Table(entries, table.origin());
    }

    private ConfigValue intoList(ConfigValue.Items list, List<String> path, ConfigValue value) {
        List<ConfigValue> items = new ArrayList<>(list.items());
        int index;
        try {
            index = Integer.parseInt(path.getFirst());
        } catch (NumberFormatException e) {
            index = -1;
        }
        if (index < 0 || index >= items.size()) {
            throw fault("has '" + path.getFirst() + "' where the place in a list of " + items.size()
                    + " is wanted, counted from 0 (" + list.origin() + ")");
        }
        items.set(index, set(items.get(index), path.subList(1, path.size()), value));
        return new ConfigValue.Items(items, list.origin());
    }

    private ConfigException fault(String what) {
        return new ConfigException("--set " + assignment + ": " + what);
    }
}
