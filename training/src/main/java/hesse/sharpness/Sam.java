package hesse.sharpness;

import hesse.graph.Node;
import java.util.List;
import java.util.Map;

/**
 * Sharpness-aware minimisation: minimises max over ‖ε‖ ≤ ρ of L(θ + ε) to first order; the update is ∇L(θ + ρ g/‖g‖), the
 * perturbation held constant (Foret et al. 2021; eq. 8 of Dauphin, Agarwala, Mobahi 2024). 2.00 × SGD.
 */
public record Sam(Strength rho) implements Method {
    @Override
    public List<Node> first(Objective o) {
        return o.gradient();
    }

    @Override
    public List<Node> second(Objective o, List<Node> g) {
        return o.gradientAt(Method.plus(o.parameters(), o.strength("rho"), Method.unit(g)));
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("rho", rho);
    }
}
