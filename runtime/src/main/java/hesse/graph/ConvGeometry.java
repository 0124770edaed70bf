package hesse.graph;

import hesse.tensor.Shape;

/** Strides, zero padding, dilation and groups of a 2-d convolution (cross-correlation), height before width. */
public record ConvGeometry(
        int strideH,
        int strideW,
        int padTop,
        int padBottom,
        int padLeft,
        int padRight,
        int dilationH,
        int dilationW,
        int groups) {
    public ConvGeometry {
        if (strideH < 1 || strideW < 1 || dilationH < 1 || dilationW < 1 || groups < 1) {
            throw new ShapeException("strides, dilations and groups of a convolution are at least 1");
        }
        if (padTop < 0 || padBottom < 0 || padLeft < 0 || padRight < 0) {
            throw new ShapeException("padding of a convolution is not negative");
        }
    }

    /** Equal stride, padding and dilation on both axes. */
    public static ConvGeometry of(int stride, int padding, int dilation, int groups) {
        return new ConvGeometry(stride, stride, padding, padding, padding, padding, dilation, dilation, groups);
    }

    public int outputHeight(int height, int kernel) {
        return extent("height", height + padTop + padBottom, (kernel - 1) * dilationH + 1, strideH);
    }

    public int outputWidth(int width, int kernel) {
        return extent("width", width + padLeft + padRight, (kernel - 1) * dilationW + 1, strideW);
    }

    private static int extent(String what, int padded, int reach, int stride) {
        if (padded < reach) {
            throw new ShapeException(
                    "a kernel reaching over " + reach + " does not fit into the padded " + what + " of " + padded);
        }
        return (padded - reach) / stride + 1;
    }

    /** Output [N, OH, OW, K] of images [N, H, W, C] under filters [K, R, S, C/groups]. */
    Shape output(Shape x, Shape w) {
        if (x.rank() != 4 || w.rank() != 4) {
            throw new ShapeException(
                    "convolution takes images [N, H, W, C] and filters [K, R, S, C/groups], got " + x + " and " + w);
        }
        if (x.dim(3) != w.dim(3) * groups || w.dim(0) % groups != 0) {
            throw new ShapeException("convolution of images " + x + " (N, H, W, C) with filters " + w
                    + " (K, R, S, C/groups) in " + groups + " group(s): channels do not match");
        }
        try {
            return Shape.of(x.dim(0), outputHeight(x.dim(1), w.dim(1)), outputWidth(x.dim(2), w.dim(2)), w.dim(0));
        } catch (ShapeException e) {
            throw new ShapeException("convolution of images " + x + " with filters " + w + ": " + e.getMessage());
        }
    }
}
