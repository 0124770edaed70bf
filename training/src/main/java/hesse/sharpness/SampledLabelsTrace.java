package hesse.sharpness;

import hesse.autodiff.Dual;
import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The Gauss-Newton trace by labels ŷ drawn from the model: minimises L + σ² s ‖∇L(θ, ŷ)‖², ŷ constant (section 5.2, eq. 4 of Dauphin,
 * Agarwala, Mobahi 2024); with s = number of labels its mean is L + σ² tr G, with s = 1 it is the formula as printed. The update
 * g + 2σ² s H_ŷ g_ŷ is one reverse sweep over the tangent pass along 2σ² s g_ŷ, which carries the loss gradient too. 3.0 … 3.35 × SGD.
 */
public record SampledLabelsTrace(Strength sigma2, boolean literal) implements Method {
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
        var c = o.secondPass(o.sampledLabels());
        Node factor = Ops.scale(2 * scale(o), o.strength("sigma2"));
        var along = new LinkedHashMap<Node, Node>();
        for (int i = 0; i < sampled.size(); i++) {
            along.put(c.parameters().get(i), Ops.stopGradient(Ops.mul(factor, sampled.get(i))));
        }
        return Penalties.gradient(o, Dual.tangent(c.loss(), along));
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
