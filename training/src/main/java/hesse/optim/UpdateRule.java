package hesse.optim;

import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;
import java.util.Map;

/**
 * How a direction d becomes a step, as algebra on a graph: (d, state) → (step, new state), where θ ← θ − lr·step. The state is a few
 * tensors per parameter, all of the parameter's shape and zero at the start.
 */
public sealed interface UpdateRule permits SgdRule, AdamRule {
    /** One tensor's step and its new state. */
    record Step(Node step, List<Node> state) {}

    /** The names of the state tensors of a parameter. */
    List<String> slots();

    /**
     * The step of one parameter.
     *
     * @param d direction, clipped and decayed
     * @param state one tensor per slot, of d's shape
     */
    Step apply(Node d, List<Node> state);

    /** Scalars that change from step to step, by the names of their inputs, at optimizer step t = 0, 1, …. */
    Map<String, Double> scalars(long t);

    /** A scalar input that is given anew at each step. */
    static Node scalar(Graph g, String name, DType dtype) {
        return g.input(name, dtype, Shape.SCALAR);
    }

    /** The rule of a configuration. */
    static UpdateRule of(OptimizerConfig.Rule rule) {
        return switch (rule) {
            case OptimizerConfig.Rule.Sgd s -> new SgdRule(s.momentum(), s.nesterov());
            case OptimizerConfig.Rule.Adam a -> new AdamRule(a.beta1(), a.beta2(), a.eps());
        };
    }
}
