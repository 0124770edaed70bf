package hesse.models;

import hesse.config.ConfigNode;
import hesse.nn.Norm;

/** The keys {@code norm} (a name, or {@code {kind: group, groups: 8}}) and {@code norm_eps} of a model or block. */
final class NormConfig {
    private NormConfig() {}

    static Norm read(ConfigNode node, String fallback) {
        return read(node, fallback, Norm.EPS);
    }

    static Norm read(ConfigNode node, String fallback, double eps) {
        var norm = node.variant("norm", fallback);
        var chosen = switch (norm.choice("kind", "none", "batch", "layer", "group", "rms")
                .required()) {
            case "batch" -> Norm.batch();
            case "layer" -> Norm.layer();
            case "group" -> Norm.group(norm.integer("groups").atLeast(1).or(8));
            case "rms" -> Norm.rms();
            default -> Norm.none();
        };
        return chosen.withEps(node.number("norm_eps").above(0).or(eps));
    }
}
