package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Values computed by an independent implementation, and how far ours are from them. */
final class Golden {
    /** A tensor counts with at least this share of the whole vector's norm: some derivatives are exactly zero. */
    private static final double FLOOR = 1e-3;

    private Golden() {}

    /** The folders of cases below a folder of the test resources. */
    static List<Path> cases(String folder) {
        try (var all = Files.list(Path.of("src/test/resources", folder))) {
            return all.filter(p -> Files.exists(p.resolve("config.yaml")))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The largest error of each quantity. Errors of vectors over all parameters are relative to the vector's norm, as a whole and tensor
     * by tensor; those of quadratic forms vᵀA v to ‖v‖‖A v‖; parts of N v to N v where they are small.
     *
     * @param vectorNorm ‖v‖
     */
    static Map<String, Double> errors(Map<String, Tensor> expected, Map<String, Tensor> actual, double vectorNorm) {
        var groups = new LinkedHashMap<String, List<String>>();
        for (var name : expected.keySet()) {
            assertTrue(actual.containsKey(name), () -> "lacks " + name + ", has " + actual.keySet());
            groups.computeIfAbsent(group(name), k -> new java.util.ArrayList<>())
                    .add(name);
        }
        var norms = new LinkedHashMap<String, Double>();
        groups.forEach((g, names) ->
                norms.put(g, norm(names.stream().map(expected::get).toList())));
        var errors = new TreeMap<String, Double>();
        groups.forEach((g, names) -> {
            double whole = scale(g, norms, vectorNorm);
            double squares = 0;
            double worst = 0;
            for (var name : names) {
                var e = expected.get(name);
                var a = actual.get(name);
                assertEquals(e.shape(), a.shape(), name);
                double d = distance(e, a);
                squares += d * d;
                worst = Math.max(worst, ratio(d, Math.max(norm(List.of(e)), FLOOR * whole)));
            }
            errors.put(g, Math.max(worst, ratio(Math.sqrt(squares), whole)));
        });
        return errors;
    }

    private static double scale(String group, Map<String, Double> norms, double vectorNorm) {
        return switch (group) {
            case "vhv" -> vectorNorm * norms.getOrDefault("hvp", 0.0);
            case "vgv" -> vectorNorm * norms.getOrDefault("gnvp", 0.0);
            case "vnv" -> vectorNorm * norms.getOrDefault("nmevp", 0.0);
            case "nme_act_vp", "nme_rest_vp" -> Math.max(norms.get(group), FLOOR * norms.getOrDefault("nmevp", 0.0));
            default -> norms.get(group);
        };
    }

    /** An error against zero counts as it is. */
    private static double ratio(double error, double scale) {
        return scale > 0 ? error / scale : error;
    }

    private static String group(String name) {
        int dot = name.indexOf('.');
        return dot < 0 ? name : name.substring(0, dot);
    }

    static double norm(List<Tensor> tensors) {
        double s = 0;
        for (Tensor t : tensors) for (long i = 0; i < t.size(); i++) s += t.get(i) * t.get(i);
        return Math.sqrt(s);
    }

    static double distance(Tensor a, Tensor b) {
        double s = 0;
        for (long i = 0; i < a.size(); i++) {
            double d = a.get(i) - b.get(i);
            s += d * d;
        }
        return Math.sqrt(s);
    }
}
