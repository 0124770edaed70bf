package hesse.config;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.common.Anchor;
import org.snakeyaml.engine.v2.composer.Composer;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.parser.Parser;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/** YAML 1.2 (core schema) as configuration values that keep their lines. One document; no tags, anchors expanded within limits. */
final class Yaml {
    private static final int MAX_VALUES = 100_000;
    private static final int MAX_DEPTH = 50;

    private final IntFunction<Origin> originOfLine;
    private int values;

    private Yaml(IntFunction<Origin> originOfLine) {
        this.originOfLine = originOfLine;
    }

    /**
     * Parses one document; an empty one is an empty table.
     *
     * @param originOfLine the origin of what stands on a line, counted from 1
     * @throws ConfigException naming the line
     */
    static ConfigValue parse(String text, IntFunction<Origin> originOfLine) {
        var yaml = new Yaml(originOfLine);
        try {
            // Duplicate keys are found here, where both lines can be named and a-b equals a_b.
            var settings = LoadSettings.builder()
                    .setSchema(new CoreSchema())
                    .setAllowDuplicateKeys(true)
                    .build();
            var events = new ParserImpl(settings, new StreamReader(settings, text));
            var root = new Composer(settings, yaml.new Acyclic(events)).getSingleNode();
            return root.isEmpty()
                    ? new ConfigValue.Table(Map.of(), originOfLine.apply(1))
                    : yaml.convert(root.get(), 0);
        } catch (MarkedYamlEngineException e) {
            int line =
                    e.getProblemMark().or(e::getContextMark).map(Mark::getLine).orElse(0) + 1;
            throw new ConfigException(originOfLine.apply(line) + ": not valid YAML: " + e.getProblem());
        } catch (YamlEngineException | IllegalArgumentException e) {
            // the scanner takes the digits of an escape for a number without a look at them
            throw new ConfigException(originOfLine.apply(1) + ": not valid YAML: " + e.getMessage());
        }
    }

    /** Refuses aliases of what they stand in: no value has them, and a table merged into itself would keep the composer busy forever. */
    private final class Acyclic implements Parser {
        private final Parser events;
        private final Deque<Optional<Anchor>> open = new ArrayDeque<>();

        Acyclic(Parser events) {
            this.events = events;
        }

        @Override
        public Event next() {
            var event = events.next();
            switch (event) {
                case CollectionStartEvent start -> open.push(start.getAnchor());
                case CollectionEndEvent end -> open.pop();
                case AliasEvent alias -> {
                    if (open.contains(Optional.of(alias.getAlias()))) {
                        int line = event.getStartMark().map(Mark::getLine).orElse(0) + 1;
                        throw new ConfigException(
                                originOfLine.apply(line) + ": " + alias.getAlias() + " stands within itself");
                    }
                }
                default -> {}
            }
            return event;
        }

        @Override
        public boolean checkEvent(Event.ID id) {
            return events.checkEvent(id);
        }

        @Override
        public Event peekEvent() {
            return events.peekEvent();
        }

        @Override
        public boolean hasNext() {
            return events.hasNext();
        }
    }

    private ConfigValue convert(Node node, int depth) {
        var origin = origin(node);
        if (++values > MAX_VALUES) throw new ConfigException(origin + ": more than " + MAX_VALUES + " values");
        if (depth > MAX_DEPTH) throw new ConfigException(origin + ": nested more than " + MAX_DEPTH + " deep");
        boolean plain = node instanceof ScalarNode
                || node.getTag().equals(Tag.SEQ)
                || node.getTag().equals(Tag.MAP);
        if (!plain) throw tagged(node, origin);
        return switch (node) {
            case ScalarNode s -> scalar(s, origin);
            case SequenceNode s -> {
                List<ConfigValue> items = new ArrayList<>();
                for (var item : s.getValue()) items.add(convert(item, depth + 1));
                yield new ConfigValue.Items(items, origin);
            }
            case MappingNode m -> {
                Map<String, ConfigValue.Entry> entries = new LinkedHashMap<>();
                for (var tuple : m.getValue()) {
                    if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
                        throw new ConfigException(origin(tuple.getKeyNode()) + ": a key must be a plain name");
                    }
                    // An entry stands where its key stands, whatever line its value begins on.
                    var value = at(convert(tuple.getValueNode(), depth + 1), origin(key));
                    var entry = new ConfigValue.Entry(key.getValue(), value, false);
                    var before = entries.put(Names.canonical(key.getValue()), entry);
                    if (before != null) {
                        throw new ConfigException(
                                origin(key) + ": key '" + key.getValue() + "' stands there twice, first at "
                                        + before.value().origin());
                    }
                }
                yield new ConfigValue.Table(entries, origin);
            }
            default -> throw new ConfigException(origin + ": only values, lists and tables are allowed");
        };
    }

    private static ConfigValue at(ConfigValue value, Origin origin) {
        return switch (value) {
            case ConfigValue.Scalar s -> new ConfigValue.Scalar(s.value(), s.text(), origin);
            case ConfigValue.Items i -> new ConfigValue.Items(i.items(), origin);
            case ConfigValue.Table t -> new ConfigValue.Table(t.entries(), origin);
        };
    }

    private static ConfigValue scalar(ScalarNode node, Origin origin) {
        String text = node.getValue();
        // half of a pair is in no file's name and in no other text that is meant
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new ConfigException(origin + ": a character of this text does not exist");
        }
        var tag = node.getTag();
        if (tag.equals(Tag.NULL)) return new ConfigValue.Scalar(null, text, origin);
        if (tag.equals(Tag.BOOL)) return new ConfigValue.Scalar(truth(text, origin), text, origin);
        if (tag.equals(Tag.INT)) return new ConfigValue.Scalar(whole(text, origin), text, origin);
        if (tag.equals(Tag.FLOAT)) return new ConfigValue.Scalar(real(text, origin), text, origin);
        if (tag.equals(Tag.STR)) return new ConfigValue.Scalar(text, text, origin);
        throw tagged(node, origin);
    }

    private static ConfigException tagged(Node node, Origin origin) {
        return new ConfigException(
                origin + ": the tag " + node.getTag().getValue() + " has no meaning here; leave it out");
    }

    private static long whole(String text, Origin origin) {
        try {
            if (text.startsWith("0x")) return Long.parseLong(text.substring(2), 16);
            if (text.startsWith("0o")) return Long.parseLong(text.substring(2), 8);
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new ConfigException(origin + ": " + text + " is no whole number of at most 63 bits");
        }
    }

    // The schema finds values by their form, but a tag (!!float, !!bool) may stand before anything.

    private static boolean truth(String text, Origin origin) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new ConfigException(origin + ": " + text + " is neither true nor false");
        };
    }

    private static double real(String text, Origin origin) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case ".inf", "+.inf" -> Double.POSITIVE_INFINITY;
            case "-.inf" -> Double.NEGATIVE_INFINITY;
            case ".nan" -> Double.NaN;
            default -> {
                try {
                    yield Double.parseDouble(text);
                } catch (NumberFormatException e) {
                    throw new ConfigException(origin + ": " + text + " is no number");
                }
            }
        };
    }

    private Origin origin(Node node) {
        return originOfLine.apply(node.getStartMark().map(Mark::getLine).orElse(0) + 1);
    }
}
