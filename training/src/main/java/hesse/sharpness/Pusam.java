package hesse.sharpness;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.List;
import java.util.Map;

/**
 * The penalty form of unnormalised SAM: minimises L + ρ‖∇L‖²; the update is g + 2ρ H g (eq. 42 of Dauphin, Agarwala, Mobahi 2024),
 * or with another operator in H's place. 2.75 … 2.99 × SGD.
 */
public record Pusam(Strength rho, MethodConfig.Nme nme) implements Method {
    @Override
    public List<Node> first(Objective o) {
        return o.gradient();
    }

    @Override
    public List<Node> second(Objective o, List<Node> g) {
        return SecondOrder.product(o.secondPass(), g, nme);
    }

    @Override
    public List<Node> update(Objective o, List<Node> g, List<Node> hg) {
        return Method.plus(g, Ops.scale(2, o.strength("rho")), hg);
    }

    @Override
    public Map<String, Node> diagnostics(Objective o, List<Node> g, List<Node> hg) {
        return Map.of(
                "penalty", Ops.mul(o.strength("rho"), Ops.dot(g, g)),
                "hessian_gradient_ratio", Ops.mul(Ops.norm(hg), Method.inverseOrZero(Ops.norm(g))));
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("rho", rho);
    }
}
