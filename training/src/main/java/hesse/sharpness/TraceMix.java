package hesse.sharpness;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Minimises L + σ² (tr G + c·tr N) by probes: the update is g + σ² · mean of (∇ vᵀGv + c ∇ vᵀNv); c = 1 is the Hessian trace, c = 0 the
 * Gauss-Newton trace. 3.6 … 4.35 × SGD with one probe.
 */
public record TraceMix(Strength sigma2, double c, int probes, MethodConfig.Distribution distribution)
        implements Method {
    @Override
    public List<Node> second(Objective o, List<Node> first) {
        return Penalties.gradient(o, penalty(o));
    }

    private Node penalty(Objective o) {
        var forms = new ArrayList<Node>();
        for (int k = 0; k < probes; k++) {
            var v = o.probe(k, distribution);
            forms.add(Ops.add(o.secondPass().vgv(v), Ops.scale(c, o.secondPass().vnv(v))));
        }
        return Ops.mul(o.strength("sigma2"), SecondOrder.mean(forms));
    }

    @Override
    public Map<String, Node> diagnostics(Objective o, List<Node> first, List<Node> second) {
        return Map.of("penalty", penalty(o));
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("sigma2", sigma2);
    }
}
