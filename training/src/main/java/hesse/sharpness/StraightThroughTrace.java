package hesse.sharpness;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.List;
import java.util.Map;

/**
 * The Gauss-Newton trace by sampled labels with the gradient passed straight through the sampling, ŷ = p + stop(onehot − p): the update
 * is g + 2σ² s N_ŷ g_ŷ (section 5.2 of Dauphin, Agarwala, Mobahi 2024). 4.3 × SGD.
 */
public record StraightThroughTrace(Strength sigma2, boolean literal) implements Method {
    @Override
    public List<Node> first(Objective o) {
        return o.secondPass(o.sampledLabels()).gradient();
    }

    @Override
    public boolean firstIsGradient() {
        return false;
    }

    @Override
    public List<Node> second(Objective o, List<Node> sampled) {
        var n = o.secondPass(o.sampledLabels()).nmevp(sampled);
        return Method.plus(o.gradient(), Ops.scale(2 * scale(o), o.strength("sigma2")), n);
    }

    private double scale(Objective o) {
        return literal ? 1 : o.labels();
    }

    @Override
    public Map<String, Node> diagnostics(Objective o, List<Node> sampled, List<Node> second) {
        return Map.of(
                "penalty", Ops.mul(Ops.scale(scale(o), o.strength("sigma2")), Ops.dot(sampled, sampled)),
                "label_entropy", o.labelEntropy());
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("sigma2", sigma2);
    }
}
