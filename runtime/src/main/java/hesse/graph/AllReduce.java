package hesse.graph;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The sum of one tensor over all ranks, the same on each: what a sharding pass puts behind partial sums when all derivatives are taken.
 * Tangents and cotangents of ranks are no sums of one thing: differentiated, this would be two ops that are each other's transpose
 * (partial to replicated, and replicated to one for each rank), so it refuses.
 *
 * @param round how many exchanges have to precede it; those of one round can travel together
 * @param id tells the exchanges of one computation apart, equally on all ranks
 */
public record AllReduce(int round, int id) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Type type = inputs.getFirst().type();
        if (!type.dtype().isFloat() && !type.dtype().isInteger()) {
            throw new ShapeException("a sum over ranks takes numbers, got " + type);
        }
        return type;
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        infer(inputs);
        Node x = inputs.getFirst();
        double c = Sum.scale(x);
        // the sum over ranks is taken of what is in memory anyway
        return c == 1 ? g.intern(this, inputs) : Sum.of(g, c, g.apply(this, Sum.unscaled(x)));
    }

    @Override
    public Node jvp(Node y, List<@Nullable Node> tangents) {
        throw refused();
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        throw refused();
    }

    private static IllegalStateException refused() {
        return new IllegalStateException("a sum over ranks is inserted when all derivatives are taken");
    }
}
