package hesse.nn;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;

/**
 * A trainable tensor of a model.
 *
 * @param name full name, as in files: {@code blocks.0.conv.weight}
 * @param shape in memory
 * @param layout how the file's tensor is arranged
 * @param initializer how it starts
 */
public record Parameter(String name, Shape shape, FileLayout layout, Initializer initializer) {
    /** The shape in files. */
    public Shape fileShape() {
        return layout.fileShape(shape);
    }

    /** The value it starts with, in memory's shape; the same for equal seeds. */
    public Tensor initial(long seed, DType dtype) {
        return initializer.draw(seed, name, shape, dtype);
    }
}
