package hesse.experiment;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * {@code table.csv}: a row for each run that ended, ordered by hash: hash, status, swept keys, seed, and what its summary holds but time and
 * device. A function of what was computed alone: equal bytes whether or not the sweep was stopped on the way.
 */
public final class RunTable {
    private static final Set<String> LEFT_OUT = Set.of("status", "seed", "timing", "device");

    private RunTable() {}

    /** The table's text. Runs still open have no row. */
    public static String of(Collection<PlannedRun> runs, Collection<String> keys, Path folder) {
        var rows = new ArrayList<Map<String, String>>();
        var found = new LinkedHashSet<String>();
        var ordered =
                runs.stream().sorted(Comparator.comparing(PlannedRun::hash)).toList();
        for (var run : ordered) {
            var row = row(run, keys, folder.resolve(run.hash()));
            if (row.isEmpty()) continue;
            rows.add(row);
            found.addAll(row.keySet());
        }
        var columns = new LinkedHashSet<String>(List.of("hash", "status"));
        columns.addAll(keys);
        columns.add("seed");
        found.stream().filter(c -> !columns.contains(c)).sorted().forEachOrdered(columns::add);
        var text = new StringBuilder(line(columns));
        for (var row : rows)
            text.append(line(columns.stream().map(c -> row.getOrDefault(c, "")).toList()));
        return text.toString();
    }

    private static Map<String, String> row(PlannedRun run, Collection<String> keys, Path folder) {
        var status = RunRecord.status(folder);
        var row = new LinkedHashMap<String, String>();
        if (status == RunRecord.Status.OPEN) return row;
        row.put("hash", run.hash());
        row.put("status", status.name().toLowerCase(Locale.ROOT));
        for (var key : keys) run.value(key).ifPresent(v -> row.put(key, v));
        row.put("seed", Long.toString(run.seed()));
        if (status != RunRecord.Status.FAILED) RunRecord.summary(folder).ifPresent(s -> flatten("", s, row));
        return row;
    }

    private static void flatten(String path, JsonNode n, Map<String, String> into) {
        if (n.isObject()) {
            n.properties().forEach(e -> {
                if (path.isEmpty() && LEFT_OUT.contains(e.getKey())) return;
                flatten(path.isEmpty() ? e.getKey() : path + "." + e.getKey(), e.getValue(), into);
            });
        } else if (n.isArray()) {
            for (int i = 0; i < n.size(); i++) flatten(path + "." + i, n.get(i), into);
        } else {
            into.put(path, n.asString());
        }
    }

    /** One line of comma-separated values; texts with commas, quotes or line ends are quoted. */
    public static String line(Collection<String> cells) {
        return cells.stream().map(RunTable::cell).collect(Collectors.joining(",")) + "\n";
    }

    private static String cell(String text) {
        boolean plain = text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return plain ? text : '"' + text.replace("\"", "\"\"") + '"';
    }
}
