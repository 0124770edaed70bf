package hesse.graph;

import hesse.tensor.DType;
import java.util.List;

/**
 * Per pooling window of [N, H, W, C] the place h·W + w of its largest element, the first in row-major order among equals; i32
 * [N, OH, OW, C]. A max pool is the gather at these places.
 */
public record ArgMaxPool(Pooling window) implements ZeroDerivative {
    @Override
    public Type infer(List<Node> inputs) {
        return new Type(DType.I32, window.output(inputs.getFirst()));
    }
}
