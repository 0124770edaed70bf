package hesse.graph;

import hesse.tensor.DType;
import hesse.tensor.Shape;

/** What a node holds: element type and shape. */
public record Type(DType dtype, Shape shape) {
    @Override
    public String toString() {
        return dtype.name().toLowerCase(java.util.Locale.ROOT) + shape;
    }
}
