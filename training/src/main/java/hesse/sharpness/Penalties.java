package hesse.sharpness;

import hesse.autodiff.Reverse;
import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.List;

/** The gradient of loss plus penalty, in one reverse sweep. */
final class Penalties {
    private Penalties() {}

    /** ∇(L + penalty), where the penalty may be built on the first pass or on one with frozen statistics at the same θ. */
    static List<Node> gradient(Objective o, Node penalty) {
        return gradientOf(o, o.curvature().loss(), penalty);
    }

    private static List<Node> gradientOf(Objective o, Node loss, Node penalty) {
        return Reverse.gradient(Ops.add(loss, penalty), o.parameters());
    }
}
