package hesse.optim;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.List;
import java.util.Map;

/**
 * Gradient descent with momentum: b = d at the first step, then momentum·b + d; the step is d + momentum·b with {@code nesterov},
 * else b.
 */
record SgdRule(double momentum, boolean nesterov) implements UpdateRule {
    @Override
    public List<String> slots() {
        return momentum == 0 ? List.of() : List.of("momentum");
    }

    @Override
    public Step apply(Node d, List<Node> state) {
        if (momentum == 0) return new Step(d, List.of());
        // starting from zero, the first b is d
        Node b = Ops.add(Ops.scale(momentum, state.getFirst()), d);
        return new Step(nesterov ? Ops.add(d, Ops.scale(momentum, b)) : b, List.of(b));
    }

    @Override
    public Map<String, Double> scalars(long t) {
        return Map.of();
    }
}
