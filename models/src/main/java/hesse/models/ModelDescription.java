package hesse.models;

import hesse.graph.Conv2d;
import hesse.graph.Graph;
import hesse.graph.MatMul;
import hesse.graph.Node;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.nn.ModelBuffer;
import hesse.nn.Parameter;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;

/**
 * What a model consists of.
 *
 * @param output shape of the logits for a batch of one
 * @param layers the matrix products and convolutions of one forward pass over one example, in order
 */
public record ModelDescription(
        List<Parameter> parameters, List<ModelBuffer> buffers, Shape output, List<Layer> layers) {
    /**
     * A matrix product or convolution.
     *
     * @param path of the layer it belongs to
     * @param output its shape for a batch of one
     * @param multiplyAdds for one example
     */
    public record Layer(String path, Shape output, long multiplyAdds) {}

    /**
     * @param inputs what one example is
     * @throws hesse.graph.ShapeException if the model does not fit them; names the layer and the shapes
     */
    public static ModelDescription of(Model model, Inputs inputs) {
        var g = new Graph();
        var f = Forward.declaring(g, DType.F32, Mode.EVAL);
        Node logits = model.apply(f, inputs.node(g, "x", 1, DType.F32));
        var layers = g.nodes().stream()
                .filter(n -> n.op() instanceof MatMul || n.op() instanceof Conv2d)
                .map(n -> new Layer(n.path(), n.shape(), n.shape().size() * summed(n)))
                .toList();
        return new ModelDescription(f.parameters(), f.buffers(), logits.shape(), layers);
    }

    /** How many products each element of a contraction sums. */
    private static long summed(Node n) {
        return switch (n.op()) {
            case MatMul m -> n.input(0).shape().dim(m.transposeA() ? -2 : -1);
            default -> n.input(1).shape().size() / n.input(1).shape().dim(0);
        };
    }

    /** Number of trainable values. */
    public long total() {
        return parameters.stream().mapToLong(p -> p.shape().size()).sum();
    }

    /** Multiplications and additions of one forward pass over one example, counted as one each pair, elementwise work aside. */
    public long multiplyAdds() {
        return layers.stream().mapToLong(Layer::multiplyAdds).sum();
    }
}
