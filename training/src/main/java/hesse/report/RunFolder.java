package hesse.report;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A run as its folder has it, finished or not.
 *
 * @param settings the configuration, flat: {@code method.rho} and its value as text
 * @param configuration the text of {@code config.yaml}
 * @param summary {@code summary.json}; an empty object before the run ended
 * @param status as the summary says; {@code not finished} without one
 * @param quantities the curves of {@code metrics.jsonl} by split or probe and key: {@code test/loss}, {@code trace/hessian/estimate}
 */
record RunFolder(
        Path folder,
        Map<String, String> settings,
        String configuration,
        JsonNode summary,
        String status,
        Map<String, Points> quantities,
        RunClock clock) {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    /** Of a line's keys those that are no measurement. */
    private static final Set<String> NO_CURVE = Set.of(
            "step",
            "epoch",
            "split",
            "probe",
            "on",
            "examples",
            "products",
            "contractions",
            "budget",
            "residual",
            "residuals",
            "converged",
            "tolerance",
            "probes",
            "iterations");
    /** Longer lists (densities) are no curves. */
    private static final int LONGEST_LIST = 16;

    /** A quantity by step; steps ascend. */
    record Points(List<Long> steps, List<Double> values) {
        void add(long step, double value) {
            if (!Double.isFinite(value)) return;
            if (!steps.isEmpty() && steps.getLast() == step) {
                values.set(values.size() - 1, value);
                return;
            }
            steps.add(step);
            values.add(value);
        }
    }

    /** Whether a folder is one of a run. */
    static boolean isOne(Path folder) {
        return Files.isRegularFile(folder.resolve("config.yaml"));
    }

    /**
     * Reads it.
     *
     * @throws UserException (runtime) if a file of it is damaged
     */
    static RunFolder read(Path folder) {
        var text = text(folder.resolve("config.yaml"));
        var settings = new TreeMap<String, String>();
        try {
            flatten("", new Load(LoadSettings.builder().build()).loadFromString(text), settings);
        } catch (YamlEngineException e) {
            throw damaged(folder.resolve("config.yaml"), "is no YAML (" + e.getMessage() + ")");
        }
        var summary = Files.exists(folder.resolve("summary.json"))
                ? json(folder.resolve("summary.json"))
                : JSON.createObjectNode();
        var quantities = new LinkedHashMap<String, Points>();
        for (var line : lines(folder.resolve("metrics.jsonl"))) {
            var room = line.path("split").asString(line.path("probe").asString(""));
            collect(room, line, line.path("step").asLong(0), quantities);
        }
        return new RunFolder(
                folder,
                settings,
                text,
                summary,
                status(folder, summary),
                quantities,
                new RunClock(lines(folder.resolve("timings.jsonl"))));
    }

    private static String status(Path folder, JsonNode summary) {
        if (Files.exists(folder.resolve("failure.json")) && summary.isEmpty()) return "failed";
        return summary.path("status").asString("not finished");
    }

    /** The folder's own name. */
    String name() {
        return folder.toAbsolutePath().normalize().getFileName().toString();
    }

    private static void flatten(String path, @Nullable Object value, Map<String, String> into) {
        switch (value) {
            case null -> into.put(path, "null");
            case Map<?, ?> table ->
                table.forEach((key, v) -> flatten(path.isEmpty() ? key.toString() : path + "." + key, v, into));
            case List<?> items -> {
                boolean plain = items.stream().noneMatch(i -> i instanceof Map || i instanceof List);
                if (plain) into.put(path, items.toString());
                else for (int i = 0; i < items.size(); i++) flatten(path + "." + i, items.get(i), into);
            }
            default -> into.put(path, value.toString());
        }
    }

    private static void collect(String path, JsonNode node, long step, Map<String, Points> into) {
        if (node.isNumber()) {
            into.computeIfAbsent(path, p -> new Points(new ArrayList<>(), new ArrayList<>()))
                    .add(step, node.asDouble());
        } else if (node.isObject()) {
            for (var e : node.properties()) {
                if (!NO_CURVE.contains(e.getKey())) collect(path + "/" + e.getKey(), e.getValue(), step, into);
            }
        } else if (node.isArray() && node.size() <= LONGEST_LIST) {
            for (int i = 0; i < node.size(); i++) collect(path + "/" + i, node.get(i), step, into);
        }
    }

    /** A JSON file. */
    static JsonNode json(Path file) {
        try {
            return JSON.readTree(text(file));
        } catch (JacksonException e) {
            throw damaged(file, "is no JSON (" + e.getOriginalMessage() + ")");
        }
    }

    /** The lines of a file; none where it is missing, and a torn last line does not count: the run may be under way. */
    private static List<JsonNode> lines(Path file) {
        if (!Files.exists(file)) return List.of();
        var text = text(file);
        var all = text.split("\n", -1);
        var nodes = new ArrayList<JsonNode>();
        // what follows the last line's end is empty, or torn
        for (int i = 0; i < all.length - 1; i++) {
            try {
                nodes.add(JSON.readTree(all[i]));
            } catch (JacksonException e) {
                throw damaged(file, "line " + (i + 1) + " is no JSON (" + e.getOriginalMessage() + ")");
            }
        }
        return nodes;
    }

    static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw damaged(file, "cannot be read (" + e + ")");
        }
    }

    static UserException damaged(Path file, String what) {
        return new UserException(Kind.RUNTIME, file.toString(), what, "Name only runs whose files are whole");
    }
}
