package hesse.graph;

import hesse.tensor.Shape;

/** A pooling window over [N, H, W, C]: height, width and strides; no padding, what is left over at the far edges is dropped. */
public record Pooling(int height, int width, int strideH, int strideW) {
    public Pooling {
        if (height < 1 || width < 1 || strideH < 1 || strideW < 1) {
            throw new ShapeException("pooling windows and strides are at least 1");
        }
    }

    /** Output [N, OH, OW, C]. */
    Shape output(Node x) {
        Checks.rank("the images to pool", x, 4, "[N, H, W, C]");
        return output(x.shape());
    }

    Shape output(Shape images) {
        if (images.dim(1) < height || images.dim(2) < width) {
            throw new ShapeException("a " + height + "×" + width + " pooling window does not fit images " + images);
        }
        return Shape.of(
                images.dim(0),
                (images.dim(1) - height) / strideH + 1,
                (images.dim(2) - width) / strideW + 1,
                images.dim(3));
    }
}
