package hesse.experiment;

import hesse.config.ConfigValue;
import hesse.config.ConfigYaml;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One assignment to a configuration's key.
 *
 * @param key dotted, for example {@code method.rho}
 * @param value YAML on one line
 */
public record Setting(String key, String value) {
    /** As {@code --set} takes it. */
    String override() {
        return key + "=" + value;
    }

    /** A value as YAML on one line. */
    static String text(ConfigValue value) {
        return ConfigYaml.inline(value);
    }

    /** All of a table with free keys, in its order. */
    static List<Setting> all(Map<String, ConfigValue> table) {
        var settings = new ArrayList<Setting>();
        table.forEach((key, value) -> settings.add(new Setting(key, text(value))));
        return settings;
    }

    /** One for each of the values of each key. */
    static List<Axis> axes(Map<String, ConfigValue> table) {
        var axes = new ArrayList<Axis>();
        table.forEach((key, value) -> axes.add(new Axis(
                key,
                value instanceof ConfigValue.Items items
                        ? items.items().stream().map(Setting::text).toList()
                        : List.of(text(value)))));
        return axes;
    }

    /** The values that one key takes. */
    record Axis(String key, List<String> values) {}

    /** Every choice of one value on each axis, the last axis fastest; one empty choice where there is no axis. */
    static List<List<Setting>> product(List<Axis> axes) {
        List<List<Setting>> all = List.of(List.of());
        for (var axis : axes) {
            var longer = new ArrayList<List<Setting>>();
            for (var before : all) {
                for (var value : axis.values) {
                    var next = new ArrayList<>(before);
                    next.add(new Setting(axis.key, value));
                    longer.add(next);
                }
            }
            all = longer;
        }
        return all;
    }
}
