package hesse.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Writes configuration values as YAML that reads back as the same values. */
public final class ConfigYaml {
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z_./][\\w./ ()*+^-]*");
    private static final Pattern NUMBER_LIKE =
            Pattern.compile("[-+]?(0[xo])?[.\\d].*|(?i:true|false|null|~|yes|no|on|off|[-+]?\\.(inf|nan))");
    private static final int COMMENT_COLUMN = 44;

    private ConfigYaml() {}

    /** One value a line, without origins. */
    public static String print(ConfigValue value) {
        return new Printer(false).print(value);
    }

    /** One value a line, each with its origin as a comment. */
    public static String printWithOrigins(ConfigValue value) {
        return new Printer(true).print(value);
    }

    /** On one line, in flow style: what an override's value may be. */
    public static String inline(ConfigValue value) {
        return flow(value);
    }

    private record Printer(boolean origins) {
        String print(ConfigValue value) {
            var lines = new ArrayList<String>();
            block(value, "", lines);
            return lines.stream().map(l -> l + "\n").collect(Collectors.joining());
        }

        /** Writes a table or list in block style below its key. */
        private void block(ConfigValue value, String indent, List<String> lines) {
            switch (value) {
                case ConfigValue.Table t ->
                    t.entries().values().forEach(e -> entry(e.key() + ":", e.value(), indent, indent, lines));
                case ConfigValue.Items items -> items.items().forEach(item -> item(item, indent, lines));
                case ConfigValue.Scalar s -> line(indent + flow(s), s, lines);
            }
        }

        private void entry(String key, ConfigValue value, String lead, String indent, List<String> lines) {
            boolean inline = switch (value) {
                case ConfigValue.Scalar s -> true;
                case ConfigValue.Table t -> t.entries().isEmpty();
                case ConfigValue.Items i -> i.items().stream().noneMatch(v -> v instanceof ConfigValue.Table);
            };
            if (inline) {
                line(lead + key + " " + flow(value), value, lines);
            } else {
                lines.add(lead + key);
                block(value, indent + "  ", lines);
            }
        }

        private void item(ConfigValue item, String indent, List<String> lines) {
            if (!(item instanceof ConfigValue.Table t) || t.entries().isEmpty()) {
                line(indent + "- " + flow(item), item, lines);
                return;
            }
            boolean first = true;
            for (Map.Entry<String, ConfigValue.Entry> e : t.entries().entrySet()) {
                entry(
                        e.getValue().key() + ":",
                        e.getValue().value(),
                        indent + (first ? "- " : "  "),
                        indent + "  ",
                        lines);
                first = false;
            }
        }

        private void line(String text, ConfigValue value, List<String> lines) {
            lines.add(
                    origins
                            ? text + " ".repeat(Math.max(2, COMMENT_COLUMN - text.length())) + "# " + value.origin()
                            : text);
        }
    }

    private static String flow(ConfigValue value) {
        return switch (value) {
            case ConfigValue.Scalar s -> scalar(s);
            case ConfigValue.Items i ->
                i.items().stream().map(ConfigYaml::flow).collect(Collectors.joining(", ", "[", "]"));
            case ConfigValue.Table t ->
                t.entries().values().stream()
                        .map(e -> e.key() + ": " + flow(e.value()))
                        .collect(Collectors.joining(", ", "{", "}"));
        };
    }

    private static String scalar(ConfigValue.Scalar s) {
        if (s.value() == null) return "null";
        if (!(s.value() instanceof String text)) return s.text();
        return PLAIN.matcher(text).matches() && !NUMBER_LIKE.matcher(text).matches() && !text.endsWith(" ")
                ? text
                : quoted(text);
    }

    private static String quoted(String text) {
        var out = new StringBuilder("\"");
        text.codePoints().forEach(c -> {
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c < 0x20 || c >= 0x7f && c < 0xa0) out.append(String.format(Locale.ROOT, "\\x%02x", c));
                    else out.appendCodePoint(c);
                }
            }
        });
        return out.append('"').toString();
    }
}
