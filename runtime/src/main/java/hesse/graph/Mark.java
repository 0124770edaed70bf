package hesse.graph;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Its input, but a node of its own: normal forms do not see through it, so that derivatives can be taken with respect to it
 * (logits, perturbed parameters). Erased before planning.
 */
public record Mark() implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        return inputs.getFirst().type();
    }

    /** Tangents need no mark. */
    @Override
    public @Nullable Node jvp(Node y, List<@Nullable Node> tangents) {
        return tangents.getFirst();
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        return cotangent;
    }
}
