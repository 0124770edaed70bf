package hesse.report;

import hesse.report.RunFolder.Points;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/**
 * Runs that differ in their seed alone.
 *
 * @param label by what the group differs from the others
 * @param settings without the seed
 */
record RunGroup(String label, Map<String, String> settings, List<RunFolder> runs) {
    private static final String SEED = "train.seed";
    /** Keys that say how a run is computed or watched, not what it is: they part no runs. */
    private static final List<String> ASIDE =
            List.of("device.threads", "data.cache", "data.workers", "train.keep", "train.checkpoint_every");

    private static final int LONGEST_LABEL = 60;

    /** Groups in the order of their first runs. */
    static List<RunGroup> of(List<RunFolder> runs) {
        var bySettings = new LinkedHashMap<Map<String, String>, List<RunFolder>>();
        for (var run : runs) {
            var settings = new TreeMap<>(run.settings());
            settings.remove(SEED);
            ASIDE.forEach(settings::remove);
            bySettings.computeIfAbsent(settings, s -> new ArrayList<>()).add(run);
        }
        var keys = differing(bySettings.keySet().stream().toList());
        var groups = new ArrayList<RunGroup>();
        bySettings.forEach((settings, members) -> {
            var label = label(settings, keys, members.getFirst());
            boolean taken = groups.stream().anyMatch(g -> g.label.equals(label));
            groups.add(new RunGroup(taken ? label + " (" + members.getFirst().name() + ")" : label, settings, members));
        });
        return groups;
    }

    /** Keys whose values are not alike in all; a key that is missing counts as a value. */
    static List<String> differing(List<Map<String, String>> all) {
        var keys = new TreeSet<String>();
        all.forEach(s -> keys.addAll(s.keySet()));
        keys.removeIf(
                k -> all.stream().map(s -> s.getOrDefault(k, "")).distinct().count() < 2);
        return List.copyOf(keys);
    }

    /** The method's kind first, then model, then the others: {@code psam, gelu, rho 0.1}. */
    private static String label(Map<String, String> settings, List<String> keys, RunFolder first) {
        var parts = new ArrayList<String>();
        if (keys.contains("method.kind")) parts.add(settings.getOrDefault("method.kind", ""));
        var modelFirst = keys.stream()
                .sorted(Comparator.comparing((String k) -> !k.startsWith("model.")))
                .toList();
        for (var key : modelFirst) {
            var value = settings.get(key);
            if (value == null || key.equals("method.kind")) continue;
            // what a method has anyway is no distinction once its kind is named
            boolean alone = keys.contains("method.kind") && key.startsWith("method.") && isDefault(key, value);
            var name = key.substring(key.lastIndexOf('.') + 1);
            boolean telling = key.startsWith("model.") && !value.matches("[-\\d.e\\[].*") || name.equals("kind");
            if (!alone) parts.add(telling ? value : name.replace('_', ' ') + " " + value);
        }
        if (parts.isEmpty()) return settings.getOrDefault("method.kind", first.name());
        var label = String.join(", ", parts);
        return label.length() <= LONGEST_LABEL ? label : label.substring(0, LONGEST_LABEL - 1) + "…";
    }

    private static boolean isDefault(String key, String value) {
        return switch (key) {
            case "method.nme" -> value.equals("full");
            case "method.norm_statistics" -> value.equals("batch");
            case "method.interval" -> value.equals("1");
            default -> false;
        };
    }

    /** Mean and standard error of a number over the runs that have it. */
    Mean mean(ToDoubleFunction<RunFolder> number) {
        return Mean.of(
                runs.stream().mapToDouble(number).filter(Double::isFinite).toArray());
    }

    /** The status of all its runs: {@code done}, or {@code 2 done, 1 failed}. */
    String status() {
        var counts = new TreeMap<String, Integer>();
        runs.forEach(r -> counts.merge(r.status(), 1, Integer::sum));
        if (counts.size() == 1) return counts.firstKey();
        return String.join(
                ", ",
                counts.entrySet().stream()
                        .map(e -> e.getValue() + " " + e.getKey())
                        .toList());
    }

    /** A quantity's mean over the runs that have it, at the steps at which all of these do. */
    Curve curve(String quantity) {
        var with =
                runs.stream().filter(r -> r.quantities().containsKey(quantity)).toList();
        if (with.isEmpty()) return Curve.NONE;
        var values = new ArrayList<Map<Long, Double>>();
        for (var run : with) {
            var points = run.quantities().getOrDefault(quantity, new Points(List.of(), List.of()));
            var byStep = new LinkedHashMap<Long, Double>();
            for (int i = 0; i < points.steps().size(); i++)
                byStep.put(points.steps().get(i), points.values().get(i));
            values.add(byStep);
        }
        var steps = new ArrayList<>(values.getFirst().keySet());
        steps.removeIf(s -> values.stream().anyMatch(v -> !v.containsKey(s)));
        steps.sort(null);
        var curve = new Curve.Builder();
        for (long step : steps) {
            var y = Mean.of(values.stream()
                    .mapToDouble(v -> v.getOrDefault(step, Double.NaN))
                    .toArray());
            double seconds = with.stream()
                    .mapToDouble(r -> r.clock().secondsAt(step))
                    .average()
                    .orElse(Double.NaN);
            double work = with.stream()
                    .mapToDouble(r -> r.clock().multiplyAddsAt(step))
                    .average()
                    .orElse(Double.NaN);
            curve.add(step, work, seconds, y);
        }
        return curve.build();
    }
}
