package hesse.bench;

import hesse.cli.Command;
import hesse.cli.TextTable;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.run.Console;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code hesse bench compare}. */
@CommandLine.Command(
        name = "compare",
        description = {
            "Prints what several programs measured side by side: milliseconds of each step or product, how many times faster the",
            "first program is than each other one, and memory. FILES are hesse.json of hesse conformance, and those that the",
            "scripts in bench/peers write."
        },
        footer = {"", "Example:", "  hesse bench compare proof/hesse.json proof/torch.json proof/jax.json"})
public final class CompareCommand implements Command {
    @Parameters(paramLabel = "FILES", arity = "1..*", description = "JSON files; the first program is compared with.")
    List<Path> files = List.of();

    /** What is measured; the same text in all files. */
    private record Case(String network, int batch, String precision, String quantity) {}

    /** What one program took for it; {@code bytes} is 0 where it does not say. */
    private record Cost(double milliseconds, double bytes) {}

    private final Map<Case, Map<String, Cost>> table = new LinkedHashMap<>();
    private final LinkedHashSet<String> programs = new LinkedHashSet<>();
    private final List<String> devices = new ArrayList<>();
    private final List<String> errors = new ArrayList<>();

    @Override
    public int run(Console console) {
        for (var file : files) read(file);
        devices.forEach(console::print);
        console.print("");
        rows().lines().forEach(console::print);
        if (!errors.isEmpty()) console.print("");
        errors.forEach(console::print);
        return 0;
    }

    private void read(Path file) {
        JsonNode root;
        try {
            root = JsonMapper.shared().readTree(Files.readString(file));
        } catch (java.io.IOException | JacksonException e) {
            throw new UserException(
                    Kind.USAGE,
                    file.toString(),
                    "cannot be read: "
                            + String.valueOf(e.getMessage()).lines().findFirst().orElse(""),
                    "",
                    e);
        }
        if (!root.path("rows").isArray()) {
            throw new UserException(
                    Kind.USAGE, file.toString(), "has no 'rows'", "Give files of hesse conformance or bench/peers");
        }
        var program = root.path("program").asString("?");
        devices.add(program + " " + root.path("version").asString("") + ": "
                + root.path("device").asString("") + ", " + root.path("date").asString(""));
        for (var row : root.path("rows")) {
            var name = row.path("program").asString(program);
            programs.add(name);
            var of = new Case(
                    row.path("network").asString("?"),
                    row.path("batch").asInt(0),
                    row.path("precision").asString("?"),
                    row.path("quantity").asString("?"));
            if (row.has("error")) {
                errors.add(name + ", " + words(of) + ": " + row.path("error").asString("?"));
                continue;
            }
            double bytes = Math.max(
                    row.path("bytes").asDouble(0), row.path("device_bytes").asDouble(0));
            table.computeIfAbsent(of, c -> new LinkedHashMap<>())
                    .put(name, new Cost(row.path("milliseconds").asDouble(Double.NaN), bytes));
        }
    }

    private static String words(Case c) {
        return c.network + " at batch " + c.batch + ", " + c.precision + ", " + c.quantity;
    }

    private TextTable rows() {
        var header = new ArrayList<>(List.of("network", "batch", "precision", "quantity"));
        var others = programs.stream().skip(1).toList();
        programs.forEach(p -> header.add(p + " ms"));
        others.forEach(p -> header.add("faster than " + p));
        programs.forEach(p -> header.add(p + " GiB"));
        var text = new TextTable(header.toArray(String[]::new));
        table.forEach((of, costs) -> {
            var cells = new ArrayList<Object>(List.of(of.network, of.batch, of.precision, of.quantity));
            for (var p : programs)
                cells.add(
                        cell(costs, p).map(c -> number("%.2f", c.milliseconds)).orElse("-"));
            var own = cell(costs, programs.getFirst());
            for (var p : others) {
                var other = cell(costs, p);
                cells.add(
                        own.isPresent() && other.isPresent()
                                ? number("%.2f", other.get().milliseconds / own.get().milliseconds)
                                : "-");
            }
            for (var p : programs) {
                cells.add(cell(costs, p)
                        .filter(c -> c.bytes > 0)
                        .map(c -> number("%.2f", c.bytes / (1 << 30)))
                        .orElse("-"));
            }
            text.row(cells.toArray());
        });
        return text;
    }

    private static Optional<Cost> cell(Map<String, Cost> costs, String program) {
        return Optional.ofNullable(costs.get(program));
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
