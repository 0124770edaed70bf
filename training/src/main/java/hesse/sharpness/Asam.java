package hesse.sharpness;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.scalar.ScalarFn;
import hesse.scalar.ScalarOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Adaptive SAM: ∇L(θ + ρ T²g/‖T g‖) with T = |θ| + η for tensors named {@code …weight}, 1 for others (Kwon et al. 2021).
 * 2.00 × SGD.
 */
public record Asam(Strength rho, double eta) implements Method {
    @Override
    public List<Node> first(Objective o) {
        return o.gradient();
    }

    @Override
    public List<Node> second(Objective o, List<Node> g) {
        var scale = new ArrayList<Node>();
        for (int i = 0; i < g.size(); i++) {
            Node theta = o.parameters().get(i);
            scale.add(
                    o.names().get(i).endsWith("weight")
                            ? Ops.plus(Ops.apply(ScalarFn.of(ScalarOp.ABS), theta), eta)
                            : o.graph().constant(1, theta.type()));
        }
        var scaled = Method.zip(scale, g, Ops::mul);
        var direction = Method.zip(scale, Method.unit(scaled), Ops::mul);
        return o.gradientAt(Method.plus(o.parameters(), o.strength("rho"), direction));
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("rho", rho);
    }
}
