package hesse.sharpness;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.List;
import java.util.Map;

/**
 * The gradient penalty by a finite difference of radius r: g + (ρ/r)(∇L(θ + r ĝ) − g) (Zhao et al. 2022); r = ρ is SAM, r → 0 is
 * PSAM. The only method that differs finitely. 2.00 × SGD.
 */
public record FiniteDifferencePenalty(Strength rho, double radius) implements Method {
    @Override
    public List<Node> first(Objective o) {
        return o.gradient();
    }

    @Override
    public List<Node> second(Objective o, List<Node> g) {
        Node r = o.graph().constant(radius, o.strength("rho").type());
        return o.gradientAt(Method.plus(o.parameters(), r, Method.unit(g)));
    }

    @Override
    public List<Node> update(Objective o, List<Node> g, List<Node> there) {
        return Method.plus(g, Ops.scale(1 / radius, o.strength("rho")), Method.zip(there, g, Ops::sub));
    }

    @Override
    public Map<String, Node> diagnostics(Objective o, List<Node> g, List<Node> there) {
        return Map.of("penalty", Ops.mul(o.strength("rho"), Ops.norm(g)));
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("rho", rho);
    }
}
