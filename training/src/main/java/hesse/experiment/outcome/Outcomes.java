package hesse.experiment.outcome;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Predicate;

/** All outcomes of an experiment, or of a part of it. */
public record Outcomes(List<Outcome> all) {
    public Outcomes {
        all = List.copyOf(all);
    }

    private Outcomes where(Predicate<Outcome> p) {
        return new Outcomes(all.stream().filter(p).toList());
    }

    /** The panels, in order. */
    public List<String> panels() {
        return List.copyOf(new LinkedHashSet<>(all.stream().map(Outcome::panel).toList()));
    }

    public Outcomes panel(String name) {
        return where(o -> o.panel().equals(name));
    }

    /** The arms, in order. */
    public List<String> arms() {
        return List.copyOf(new LinkedHashSet<>(all.stream().map(Outcome::arm).toList()));
    }

    public Outcomes arm(String name) {
        return where(o -> o.arm().equals(name));
    }

    /** The values that a key takes, rising. */
    public List<Double> values(String key) {
        var values = new TreeSet<Double>();
        for (var o : all) {
            var v = o.at().get(key);
            if (v != null) values.add(v);
        }
        return List.copyOf(values);
    }

    /** The different places, in order of appearance. */
    public List<Map<String, Double>> places() {
        return List.copyOf(new LinkedHashSet<>(all.stream().map(Outcome::at).toList()));
    }

    /** A place in words, for example {@code rho = 0.1}; empty for the empty one. */
    public static String describe(Map<String, Double> place) {
        var text = new StringBuilder();
        place.forEach((key, v) -> text.append(text.isEmpty() ? "" : ", ")
                .append(key.substring(key.lastIndexOf('.') + 1))
                .append(" = ")
                .append(v == Math.rint(v) && Math.abs(v) < 1e6 ? Long.toString(v.longValue()) : v.toString()));
        return text.toString();
    }

    /** Those at a place: at least these keys have these values. */
    public Outcomes at(Map<String, Double> place) {
        return where(o -> o.at().entrySet().containsAll(place.entrySet()));
    }

    /** A measure over these. */
    public Mean mean(String measure) {
        return Mean.of(all.stream().mapToDouble(o -> o.value(measure)).toArray());
    }

    /** The seeds, rising. */
    public List<Long> seeds() {
        return List.copyOf(new TreeSet<>(all.stream().map(Outcome::seed).toList()));
    }

    /** How many diverged. */
    public long diverged() {
        return all.stream().filter(Outcome::diverged).count();
    }
}
