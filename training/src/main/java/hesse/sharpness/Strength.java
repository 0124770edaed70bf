package hesse.sharpness;

import hesse.config.ConfigNode;
import java.util.Optional;

/**
 * A coefficient ρ or σ² over optimizer steps t: a number, or {@code {kind, from, to, steps}}.
 *
 * @param from the value at the beginning
 * @param to the value after {@code steps}, and from then on
 * @param steps the length of the change; the whole run when empty
 */
public record Strength(Kind kind, double from, double to, Optional<Integer> steps) {
    /** How the coefficient goes from {@code from} to {@code to}, with s = min(1, t / steps). */
    public enum Kind {
        /** {@code to}, always. */
        CONSTANT,
        /** from + (to − from)·min(1, (t + 1) / steps), as a learning rate warms up. */
        WARMUP,
        /** from + (to − from)·½(1 − cos πs). */
        COSINE,
        /** from + (to − from)·s. */
        LINEAR
    }

    /** The value at optimizer step t of a run of {@code total} steps. */
    public double at(long t, long total) {
        double length = steps.isPresent() ? steps.get() : Math.max(1, total);
        double s = Math.min(1, t / length);
        return switch (kind) {
            case CONSTANT -> to;
            case WARMUP -> from + (to - from) * Math.min(1, (t + 1) / length);
            case COSINE -> from + (to - from) * 0.5 * (1 - Math.cos(Math.PI * s));
            case LINEAR -> from + (to - from) * s;
        };
    }

    /** A coefficient that does not change. */
    public static Strength constant(double value) {
        return new Strength(Kind.CONSTANT, value, value, Optional.empty());
    }

    /** Reads a required key of a method. */
    static Strength read(ConfigNode method, String key) {
        if (!method.hasTable(key)) return constant(method.number(key).atLeast(0).required());
        var n = method.child(key);
        var kind = n.choice("kind", Kind.class).required();
        double to = n.number("to").atLeast(0).required();
        if (kind == Kind.CONSTANT) return constant(to);
        return new Strength(
                kind,
                n.number("from").atLeast(0).or(0.0),
                to,
                n.integer("steps").atLeast(1).optional());
    }
}
