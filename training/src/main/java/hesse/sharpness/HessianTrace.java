package hesse.sharpness;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Minimises L + σ² · mean over probes of vᵀHv, an unbiased estimate of tr H (eq. 20 of Dauphin, Agarwala, Mobahi 2024): the update
 * is g + σ² · mean of ∇(vᵀHv), in one reverse sweep over the forward second-order pass. 3.6 … 4.35 × SGD with one probe.
 */
public record HessianTrace(Strength sigma2, int probes, MethodConfig.Distribution distribution, MethodConfig.Nme nme)
        implements Method {
    @Override
    public List<Node> second(Objective o, List<Node> first) {
        return Penalties.gradient(o, Ops.mul(o.strength("sigma2"), estimate(o)));
    }

    private Node estimate(Objective o) {
        var forms = new ArrayList<Node>();
        for (int k = 0; k < probes; k++) forms.add(SecondOrder.form(o.secondPass(), o.probe(k, distribution), nme));
        return SecondOrder.mean(forms);
    }

    @Override
    public Map<String, Node> diagnostics(Objective o, List<Node> first, List<Node> second) {
        return Map.of("penalty", Ops.mul(o.strength("sigma2"), estimate(o)));
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("sigma2", sigma2);
    }
}
