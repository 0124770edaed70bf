package hesse.graph;

import java.util.List;

/** Convolution (cross-correlation) of images [N, H, W, C] with filters [K, R, S, C/groups]. */
public record Conv2d(ConvGeometry geometry) implements Multilinear {
    @Override
    public Type infer(List<Node> inputs) {
        Checks.sameType("a convolution", inputs.get(0), inputs.get(1));
        return new Type(
                inputs.get(0).dtype(),
                geometry.output(inputs.get(0).shape(), inputs.get(1).shape()));
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        infer(inputs);
        Node scaled = Multilinear.pullScales(this, g, inputs);
        return scaled != null ? scaled : g.intern(this, inputs);
    }

    @Override
    public Node partial(Node y, Node c, int input) {
        var x = y.input(0).shape();
        var w = y.input(1).shape();
        return input == 0
                ? y.graph().apply(new ConvInputGradient(geometry, x.dim(1), x.dim(2)), c, y.input(1))
                : y.graph().apply(new ConvFilterGradient(geometry, w.dim(1), w.dim(2)), y.input(0), c);
    }
}
