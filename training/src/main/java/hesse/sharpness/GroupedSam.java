package hesse.sharpness;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * SAM with a perturbation for each group of m consecutive examples (m-sharpness, Foret et al. 2021): the mean over groups of
 * ∇L_k(θ + ρ g_k/‖g_k‖), each group a batch of its own. 2.00 × SGD.
 */
public record GroupedSam(Strength rho, int m) implements Method {
    @Override
    public List<Node> second(Objective o, List<Node> first) {
        var total = new ArrayList<Node>();
        for (var group : o.groups(m)) {
            var g = group.gradientAt(o.parameters());
            var there = group.gradientAt(Method.plus(o.parameters(), o.strength("rho"), Method.unit(g)));
            for (int i = 0; i < there.size(); i++) {
                Node term = Ops.scale(group.weight(), there.get(i));
                if (total.size() == i) total.add(term);
                else total.set(i, Ops.add(total.get(i), term));
            }
        }
        return total;
    }

    @Override
    public boolean firstIsGradient() {
        return false;
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("rho", rho);
    }
}
