package hesse.backend.cuda;

import hesse.tensor.DType;
import java.util.stream.IntStream;

/**
 * A two-dimensional convolution (cross-correlation) in one of its three directions, images as N×H×W×C and filters as K×R×S×C.
 *
 * @param direction which of the three
 * @param n images
 * @param h height of the image before the convolution, w its width, c its channels
 * @param k filters, r their height, s their width
 * @param padTop zeros above the image; likewise padBottom, padLeft and padRight
 * @param strideH step of the window downwards, strideW to the right
 * @param dilationH distance of the filter's rows, dilationW of its columns
 * @param groups parts of the channels that do not meet; a filter has c / groups channels
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
        int padTop,
        int padBottom,
        int padLeft,
        int padRight,
        int strideH,
        int strideW,
        int dilationH,
        int dilationW,
        int groups,
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
        int[] positive = {n, h, w, c, k, r, s, strideH, strideW, dilationH, dilationW, groups};
        int[] pads = {padTop, padBottom, padLeft, padRight};
        if (IntStream.of(positive).anyMatch(x -> x < 1) || IntStream.of(pads).anyMatch(x -> x < 0)) {
            throw new IllegalArgumentException("an impossible convolution");
        }
        if (c % groups != 0 || k % groups != 0)
            throw new IllegalArgumentException("channels that do not fit the groups");
        if (out(h + padTop + padBottom, r, strideH, dilationH) < 1
                || out(w + padLeft + padRight, s, strideW, dilationW) < 1) {
            throw new IllegalArgumentException("the filter is larger than the padded image");
        }
        if (direction == Direction.BACKWARD_FILTER && output != precision.accumulator()) {
            throw new IllegalArgumentException("filter gradients are written as " + precision.accumulator());
        }
        if (output != precision.accumulator() && output != precision.operand()) {
            throw new IllegalArgumentException(precision + " convolutions are not written as " + output);
        }
    }

    private static int out(int padded, int window, int stride, int dilation) {
        return Math.floorDiv(padded - (window - 1) * dilation - 1, stride) + 1;
    }

    /** Height of the output image. */
    public int outH() {
        return out(h + padTop + padBottom, r, strideH, dilationH);
    }

    /** Width of the output image. */
    public int outW() {
        return out(w + padLeft + padRight, s, strideW, dilationW);
    }

    /** Whether zeros on the other side as on this would give the same output: then the sides may be taken as equal. */
    public boolean hasEqualSides() {
        return outH() == out(h + 2 * padTop, r, strideH, dilationH)
                && outW() == out(w + 2 * padLeft, s, strideW, dilationW);
    }

    /** Bytes of the image before the convolution, at the longest element type in use. */
    long imageBytes() {
        return (long) n * h * w * c * precision.accumulator().bytes();
    }

    /** Bytes of the filter, likewise. */
    long filterBytes() {
        return (long) k * r * s * (c / groups) * precision.accumulator().bytes();
    }

    /** Bytes of the output image, likewise. */
    long resultBytes() {
        return (long) n * outH() * outW() * k * precision.accumulator().bytes();
    }

    /** Elements of what is written. */
    public long outputElements() {
        return switch (direction) {
            case FORWARD -> (long) n * outH() * outW() * k;
            case BACKWARD_DATA -> (long) n * h * w * c;
            case BACKWARD_FILTER -> (long) k * r * s * (c / groups);
        };
    }

    /** Whether operands of bf16 give an output of f32, which operands that hold the same numbers in f32 give too. */
    boolean isWidened() {
        return precision == Precision.BF16 && output == precision.accumulator();
    }

    /** The same convolution with operands that lie in f32, rounded to bf16 already. */
    ConvolutionSpec widened() {
        return new ConvolutionSpec(
                direction,
                n,
                h,
                w,
                c,
                k,
                r,
                s,
                padTop,
                padBottom,
                padLeft,
                padRight,
                strideH,
                strideW,
                dilationH,
                dilationW,
                groups,
                Precision.TF32,
                output,
                accumulate);
    }

    /** The same convolution with or without adding to the output. */
    public ConvolutionSpec accumulate(boolean adds) {
        return new ConvolutionSpec(
                direction, n, h, w, c, k, r, s, padTop, padBottom, padLeft, padRight, strideH, strideW, dilationH,
                dilationW, groups, precision, output, adds);
    }
}
