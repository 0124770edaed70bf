package hesse.sharpness;

import hesse.graph.Node;
import java.util.List;
import java.util.Map;

/** SAM without normalisation: ∇L(θ + ρ g) (eq. 41 of Dauphin, Agarwala, Mobahi 2024). 2.00 × SGD. */
public record Usam(Strength rho) implements Method {
    @Override
    public List<Node> first(Objective o) {
        return o.gradient();
    }

    @Override
    public List<Node> second(Objective o, List<Node> g) {
        return o.gradientAt(Method.plus(o.parameters(), o.strength("rho"), g));
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("rho", rho);
    }
}
