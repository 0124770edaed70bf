package hesse.optim;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.List;
import java.util.Map;

/**
 * Adam (Kingma, Ba 2015): m ← β₁m + (1−β₁)d, v ← β₂v + (1−β₂)d²; the step is m̂ / (√v̂ + eps), where m̂ and v̂ are divided by 1 − βᵗ⁺¹.
 */
record AdamRule(double beta1, double beta2, double eps) implements UpdateRule {
    static final String SECOND_MOMENT = "second_moment";

    private static final String FIRST = "optimizer.first_correction";
    private static final String SECOND = "optimizer.second_correction";

    @Override
    public List<String> slots() {
        return List.of("first_moment", SECOND_MOMENT);
    }

    @Override
    public Step apply(Node d, List<Node> state) {
        Node m = Ops.add(Ops.scale(beta1, state.get(0)), Ops.scale(1 - beta1, d));
        Node v = Ops.add(Ops.scale(beta2, state.get(1)), Ops.scale(1 - beta2, Ops.square(d)));
        var g = d.graph();
        Node root = Ops.mul(UpdateRule.scalar(g, SECOND, d.dtype()), Ops.sqrt(v));
        Node step = Ops.div(Ops.mul(UpdateRule.scalar(g, FIRST, d.dtype()), m), Ops.plus(root, eps));
        return new Step(step, List.of(m, v));
    }

    @Override
    public Map<String, Double> scalars(long t) {
        return Map.of(FIRST, 1 / (1 - Math.pow(beta1, t + 1.0)), SECOND, 1 / Math.sqrt(1 - Math.pow(beta2, t + 1.0)));
    }
}
