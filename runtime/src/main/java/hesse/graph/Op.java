package hesse.graph;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A primitive: attributes only, no state. Each op knows its shape rule, its normal form, and how tangents and cotangents pass
 * through it, written in the same ops, so that derivatives nest to any order. There are four kinds: {@link ZeroDerivative},
 * {@link Linear}, {@link Multilinear} and {@link Elementwise}.
 */
public sealed interface Op permits ZeroDerivative, Linear, Multilinear, Elementwise {
    /**
     * The result's type.
     *
     * @throws ShapeException naming the shapes and the remedy when the inputs do not fit
     */
    Type infer(List<Node> inputs);

    /** Builds the node in normal form. */
    default Node normalize(Graph g, List<Node> inputs) {
        return g.intern(this, inputs);
    }

    /** The tangent of {@code y}, given its inputs' tangents; null stands for a structural zero. */
    @Nullable
    Node jvp(Node y, List<@Nullable Node> tangents);

    /** What {@code y}'s cotangent contributes to the cotangent of one input; null stands for a structural zero. */
    @Nullable
    Node vjp(Node y, Node cotangent, int input);

    /** This op as it is planned: without what only matters while differentiating. */
    default Op erased() {
        return this;
    }
}
