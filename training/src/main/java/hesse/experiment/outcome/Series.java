package hesse.experiment.outcome;

import hesse.config.ConfigNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A quantity over a run's steps, from the lines of {@code metrics.jsonl}.
 *
 * @param lines the name of a probe, or a split ({@code train}, {@code test})
 * @param value path within a line, such as {@code lambda_1}, {@code hessian.estimate} or {@code values.0}
 * @param over what it is divided by: a path or a number
 * @param minus what is subtracted from it, before it is divided; likewise
 */
public record Series(String lines, String value, Optional<String> over, Optional<String> minus) {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /** A value after a step. */
    public record Point(long step, double value) {}

    /** Reads {@code {lines, value, over, minus}}. */
    public static Series read(ConfigNode n) {
        return new Series(
                n.text("lines").required(),
                n.text("value").required(),
                n.text("over").optional(),
                n.text("minus").optional());
    }

    /** All points of a run, in order; without those lines that lack the value. */
    public List<Point> of(Path run) {
        var points = new ArrayList<Point>();
        for (var line : lines(run.resolve("metrics.jsonl"))) {
            boolean own = line.path("probe").asString("").equals(lines)
                    || line.path("split").asString("").equals(lines);
            if (!own) continue;
            double v = number(line, value);
            if (minus.isPresent()) v -= number(line, minus.get());
            if (over.isPresent()) v /= number(line, over.get());
            if (!Double.isNaN(v)) points.add(new Point(line.path("step").asLong(), v));
        }
        return points;
    }

    /** The lines of a file of JSON; none where there is no file. */
    static List<JsonNode> lines(Path file) {
        if (!Files.exists(file)) return List.of();
        var all = new ArrayList<JsonNode>();
        try {
            for (var line : Files.readAllLines(file)) all.add(JSON.readTree(line));
        } catch (JacksonException e) {
            // a last line that was being written when the process was killed
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return all;
    }

    private static double number(JsonNode line, String path) {
        var constant = constant(path);
        return constant != null ? constant : number(at(line, path));
    }

    private static @Nullable Double constant(String text) {
        try {
            return Double.valueOf(text);
        } catch (NumberFormatException e) {
            return null;
        }
    }

    /** What stands at a path of keys and indices. */
    static JsonNode at(JsonNode n, String path) {
        for (var key : path.split("\\.")) n = n.isArray() ? n.path(Integer.parseInt(key)) : n.path(key);
        return n;
    }

    /** A number, or one of the texts that stand for what JSON has no number for. */
    static double number(JsonNode n) {
        if (n.isNumber()) return n.asDouble();
        var text = n.isString() ? constant(n.asString()) : null;
        return text == null ? Double.NaN : text;
    }

    /** A list of numbers in the last line of a probe; empty without it. */
    public static double[] lastArray(Path run, String probe, String path) {
        JsonNode last = null;
        for (var line : lines(run.resolve("metrics.jsonl"))) {
            if (line.path("probe").asString("").equals(probe)) last = at(line, path);
        }
        if (last == null) return new double[0];
        double[] v = new double[last.size()];
        for (int i = 0; i < v.length; i++) v[i] = number(last.get(i));
        return v;
    }

    /** Seconds of training after each step that has a line in {@code timings.jsonl}. */
    public static List<Point> seconds(Path run) {
        var points = new ArrayList<Point>();
        double total = 0;
        long before = 0;
        for (var line : lines(run.resolve("timings.jsonl"))) {
            long step = line.path("step").asLong();
            if (step <= before) continue;
            total += line.path("seconds").asDouble() * (step - before);
            points.add(new Point(step, total));
            before = step;
        }
        return points;
    }
}
