package hesse.sharpness;

import hesse.graph.Node;
import java.util.List;
import java.util.Map;

/**
 * The penalty form of SAM: minimises L + ρ‖∇L‖; the update is g + ρ H ĝ with ĝ = g/‖g‖ (eq. 11, 13 of Dauphin, Agarwala, Mobahi
 * 2024), or with another operator in H's place. 2.75 … 2.99 × SGD.
 */
public record Psam(Strength rho, MethodConfig.Nme nme) implements Method {
    @Override
    public List<Node> first(Objective o) {
        return o.gradient();
    }

    @Override
    public List<Node> second(Objective o, List<Node> g) {
        return SecondOrder.product(o.secondPass(), Method.unit(g), nme);
    }

    @Override
    public List<Node> update(Objective o, List<Node> g, List<Node> hg) {
        return Method.plus(g, o.strength("rho"), hg);
    }

    @Override
    public Map<String, Node> diagnostics(Objective o, List<Node> g, List<Node> hg) {
        Node norm = hesse.graph.Ops.norm(g);
        return Map.of(
                "penalty", hesse.graph.Ops.mul(o.strength("rho"), norm),
                "hessian_gradient_ratio", hesse.graph.Ops.norm(hg));
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("rho", rho);
    }
}
