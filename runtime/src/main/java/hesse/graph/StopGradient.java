package hesse.graph;

import java.util.List;

/** Its input, held constant to differentiation; erased before planning. */
public record StopGradient() implements ZeroDerivative {
    @Override
    public Type infer(List<Node> inputs) {
        return inputs.getFirst().type();
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Node x = inputs.getFirst();
        return x.op() instanceof ZeroDerivative && !(x.op() instanceof Input) ? x : g.intern(this, inputs);
    }
}
