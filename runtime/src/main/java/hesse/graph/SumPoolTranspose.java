package hesse.graph;

import hesse.tensor.Shape;
import java.util.List;

/** The transpose of {@link SumPool}: each element of [N, OH, OW, C] is added to every place of its window in [N, height, width, C]. */
public record SumPoolTranspose(Pooling window, int height, int width) implements Linear {
    @Override
    public Type infer(List<Node> inputs) {
        Node c = inputs.getFirst();
        Checks.rank("the pooled images", c, 4, "[N, OH, OW, C]");
        Shape images = Shape.of(c.shape().dim(0), height, width, c.shape().dim(3));
        if (!window.output(images).equals(c.shape())) {
            throw new ShapeException("pooling images " + images + " by " + window.height() + "×" + window.width()
                    + ", strides " + window.strideH() + " and " + window.strideW() + ", gives " + window.output(images)
                    + ", not " + c.shape());
        }
        return new Type(c.dtype(), images);
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        // a scale stays inside, where there is less to multiply
        return g.intern(this, inputs);
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        return y.graph().apply(new SumPool(window), cotangent);
    }
}
