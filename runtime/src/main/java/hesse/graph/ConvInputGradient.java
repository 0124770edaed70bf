package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;

/**
 * The transpose of {@link Conv2d} in its images: from output-shaped [N, OH, OW, K] and filters [K, R, S, C/groups] to images
 * [N, height, width, C]. Carries the size that a stride makes ambiguous.
 */
public record ConvInputGradient(ConvGeometry geometry, int height, int width) implements Multilinear {
    @Override
    public Type infer(List<Node> inputs) {
        Node c = inputs.get(0);
        Node w = inputs.get(1);
        Checks.sameType("a convolution", c, w);
        Checks.rank("the filters", w, 4, "[K, R, S, C/groups]");
        Shape x = Shape.of(c.shape().dim(0), height, width, w.shape().dim(3) * geometry.groups());
        if (!geometry.output(x, w.shape()).equals(c.shape())) {
            throw new ShapeException("input gradient of a convolution: images " + x + " and filters " + w.shape()
                    + " do not give " + c.shape());
        }
        return new Type(c.dtype(), x);
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        infer(inputs);
        Node scaled = Multilinear.pullScales(this, g, inputs);
        return scaled != null ? scaled : g.intern(this, inputs);
    }

    @Override
    public Node partial(Node y, Node c, int input) {
        var w = y.input(1).shape();
        return input == 0
                ? y.graph().apply(new Conv2d(geometry), c, y.input(1))
                : y.graph().apply(new ConvFilterGradient(geometry, w.dim(1), w.dim(2)), c, y.input(0));
    }
}
