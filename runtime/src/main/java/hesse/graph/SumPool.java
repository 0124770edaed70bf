package hesse.graph;

import java.util.List;

/** Sums over pooling windows of images [N, H, W, C]. */
public record SumPool(Pooling window) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        return new Type(inputs.getFirst().dtype(), window.output(inputs.getFirst()));
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Node scaled = Linear.pullScale(this, g, inputs);
        return scaled != null ? scaled : g.intern(this, inputs);
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        var x = y.input(0).shape();
        return y.graph().apply(new SumPoolTranspose(window, x.dim(1), x.dim(2)), cotangent);
    }
}
