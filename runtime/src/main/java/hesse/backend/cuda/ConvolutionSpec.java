package hesse.backend.cuda;

import hesse.tensor.DType;

/**
 * A two-dimensional convolution (cross-correlation) in one of its three directions, images as N×H×W×C and filters as K×R×S×C.
 *
 * @param direction which of the three
 * @param n images
 * @param h height of the image before the convolution, w its width, c its channels
 * @param k filters, r their height, s their width
 * @param padH zeros above and below, padW left and right
 * @param strideH step of the window downwards, strideW to the right
 * @param dilationH distance of the filter's rows, dilationW of its columns
 * @param precision how the products are made; it fixes the operands' element type
 * @param output element type of what is written
 * @param accumulate whether the result is added to what the output holds
 */
public record ConvolutionSpec(
        Direction direction,
        int n,
        int h,
        int w,
        int c,
        int k,
        int r,
        int s,
        int padH,
        int padW,
        int strideH,
        int strideW,
        int dilationH,
        int dilationW,
        Precision precision,
        DType output,
        boolean accumulate) {

    /** What is computed from what. */
    public enum Direction {
        /** Image and filter give the output image. */
        FORWARD,
        /** Output image and filter give the input image: the transpose of FORWARD in the image. */
        BACKWARD_DATA,
        /** Image and output image give the filter: the transpose of FORWARD in the filter. */
        BACKWARD_FILTER
    }

    public ConvolutionSpec {
        if (n < 1
                || h < 1
                || w < 1
                || c < 1
                || k < 1
                || r < 1
                || s < 1
                || strideH < 1
                || strideW < 1
                || dilationH < 1
                || dilationW < 1
                || padH < 0
                || padW < 0) {
            throw new IllegalArgumentException("an impossible convolution");
        }
        if (out(h, padH, r, strideH, dilationH) < 1 || out(w, padW, s, strideW, dilationW) < 1) {
            throw new IllegalArgumentException("the filter is larger than the padded image");
        }
        if (direction == Direction.BACKWARD_FILTER && output != precision.accumulator()) {
            throw new IllegalArgumentException("filter gradients are written as " + precision.accumulator());
        }
        if (output != precision.accumulator() && output != precision.operand()) {
            throw new IllegalArgumentException(precision + " convolutions are not written as " + output);
        }
    }

    private static int out(int size, int pad, int window, int stride, int dilation) {
        return Math.floorDiv(size + 2 * pad - (window - 1) * dilation - 1, stride) + 1;
    }

    /** Height of the output image. */
    public int outH() {
        return out(h, padH, r, strideH, dilationH);
    }

    /** Width of the output image. */
    public int outW() {
        return out(w, padW, s, strideW, dilationW);
    }

    /** Elements of what is written. */
    public long outputElements() {
        return switch (direction) {
            case FORWARD -> (long) n * outH() * outW() * k;
            case BACKWARD_DATA -> (long) n * h * w * c;
            case BACKWARD_FILTER -> (long) k * r * s * c;
        };
    }

    /** The same convolution with or without adding to the output. */
    public ConvolutionSpec accumulate(boolean adds) {
        return new ConvolutionSpec(
                direction, n, h, w, c, k, r, s, padH, padW, strideH, strideW, dilationH, dilationW, precision, output,
                adds);
    }
}
