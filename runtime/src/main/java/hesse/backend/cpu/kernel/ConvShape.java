package hesse.backend.cpu.kernel;

import hesse.tensor.DType;

/**
 * Sizes of a 2-d convolution (cross-correlation): images [N, H, W, C], filters [K, R, S, C/groups], outputs [N, OH, OW, K], all dense
 * and row-major.
 *
 * @param dtype F32 or F64, of all three
 * @param images N
 * @param channels C
 * @param filters K
 */
public record ConvShape(
        DType dtype,
        int images,
        int height,
        int width,
        int channels,
        int filters,
        int kernelHeight,
        int kernelWidth,
        int strideH,
        int strideW,
        int padTop,
        int padBottom,
        int padLeft,
        int padRight,
        int dilationH,
        int dilationW,
        int groups) {
    public ConvShape {
        if (images < 1
                || height < 1
                || width < 1
                || channels < 1
                || filters < 1
                || kernelHeight < 1
                || kernelWidth < 1) {
            throw new IllegalArgumentException("a convolution takes positive sizes");
        }
        if (strideH < 1 || strideW < 1 || dilationH < 1 || dilationW < 1) {
            throw new IllegalArgumentException("strides and dilations of a convolution are at least 1");
        }
        if (padTop < 0 || padBottom < 0 || padLeft < 0 || padRight < 0) {
            throw new IllegalArgumentException("padding of a convolution is not negative");
        }
        if (groups < 1 || channels % groups != 0 || filters % groups != 0) {
            throw new IllegalArgumentException(
                    groups + " groups do not divide " + channels + " channels and " + filters + " filters");
        }
        if (height + padTop + padBottom < (kernelHeight - 1) * dilationH + 1
                || width + padLeft + padRight < (kernelWidth - 1) * dilationW + 1) {
            throw new IllegalArgumentException("a " + kernelHeight + "×" + kernelWidth + " filter with dilation "
                    + dilationH + "×" + dilationW + " does not fit padded images of " + (height + padTop + padBottom)
                    + "×"
                    + (width + padLeft + padRight));
        }
    }

    /** Square filters with equal stride and padding on both axes, without dilation or groups. */
    public static ConvShape of(
            DType dtype,
            int images,
            int height,
            int width,
            int channels,
            int filters,
            int kernel,
            int stride,
            int padding) {
        return new ConvShape(
                dtype, images, height, width, channels, filters, kernel, kernel, stride, stride, padding, padding,
                padding, padding, 1, 1, 1);
    }

    public int outputHeight() {
        return (height + padTop + padBottom - (kernelHeight - 1) * dilationH - 1) / strideH + 1;
    }

    public int outputWidth() {
        return (width + padLeft + padRight - (kernelWidth - 1) * dilationW - 1) / strideW + 1;
    }

    /** C / groups. */
    public int groupChannels() {
        return channels / groups;
    }

    /** K / groups. */
    public int groupFilters() {
        return filters / groups;
    }

    /** Whether outputs are images times a matrix, pixel by pixel. */
    boolean isPointwise() {
        return kernelHeight == 1
                && kernelWidth == 1
                && strideH == 1
                && strideW == 1
                && padTop + padBottom + padLeft + padRight == 0
                && groups == 1;
    }

    /** Multiply-adds of each direction, padding included. */
    public long multiplyAdds() {
        return (long) images * outputHeight() * outputWidth() * filters * kernelHeight * kernelWidth * groupChannels();
    }
}
