package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;

/**
 * The transpose of {@link Conv2d} in its filters: from images [N, H, W, C] and output-shaped [N, OH, OW, K] to filters
 * [K, kernelHeight, kernelWidth, C/groups].
 */
public record ConvFilterGradient(ConvGeometry geometry, int kernelHeight, int kernelWidth) implements Multilinear {
    @Override
    public Type infer(List<Node> inputs) {
        Node x = inputs.get(0);
        Node c = inputs.get(1);
        Checks.sameType("a convolution", x, c);
        Checks.rank("the images", x, 4, "[N, H, W, C]");
        Checks.rank("the cotangent", c, 4, "[N, OH, OW, K]");
        Shape w =
                Shape.of(c.shape().dim(3), kernelHeight, kernelWidth, x.shape().dim(3) / geometry.groups());
        if (!geometry.output(x.shape(), w).equals(c.shape())) {
            throw new ShapeException("filter gradient of a convolution: images " + x.shape() + " and filters " + w
                    + " do not give " + c.shape());
        }
        return new Type(x.dtype(), w);
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
        return input == 0
                ? y.graph().apply(new ConvInputGradient(geometry, x.dim(1), x.dim(2)), y.input(1), c)
                : y.graph().apply(new Conv2d(geometry), y.input(0), c);
    }
}
