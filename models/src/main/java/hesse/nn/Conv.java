package hesse.nn;

import hesse.graph.ConvGeometry;
import hesse.graph.ShapeException;

/**
 * What a convolutional layer does: {@code channels} outputs of {@code kernel}×{@code kernel} filters over images padded with
 * {@code padding} zeros on each side, plus a bias for each channel.
 */
public record Conv(int channels, int kernel, int stride, int padding, int dilation, int groups, boolean bias) {
    public Conv {
        if (channels < 1 || kernel < 1) {
            throw new ShapeException("a convolution has at least one channel and a kernel of at least 1, got "
                    + channels + " channels and kernel " + kernel);
        }
        if (groups < 1 || channels % groups != 0) {
            throw new ShapeException(channels + " channels of a convolution do not divide into " + groups + " groups");
        }
    }

    /**
     * Stride 1 and padding {@code same}, with a bias.
     *
     * @throws ShapeException for even kernels
     */
    public static Conv of(int channels, int kernel) {
        return of(channels, kernel, same(kernel, 1));
    }

    /** Stride 1, with a bias. */
    public static Conv of(int channels, int kernel, int padding) {
        return new Conv(channels, kernel, 1, padding, 1, 1, true);
    }

    /**
     * The padding that keeps the size at stride 1: (kernel − 1)·dilation/2 on each side.
     *
     * @throws ShapeException for even kernels, which have none
     */
    public static int same(int kernel, int dilation) {
        if (kernel % 2 == 0) {
            throw new ShapeException(
                    "padding 'same' takes an odd kernel, got " + kernel + "; give the padding as a number or 'valid'");
        }
        return (kernel - 1) * dilation / 2;
    }

    public Conv stride(int stride) {
        return new Conv(channels, kernel, stride, padding, dilation, groups, bias);
    }

    public Conv padding(int padding) {
        return new Conv(channels, kernel, stride, padding, dilation, groups, bias);
    }

    /** With another spacing of the filter's taps; the padding stays as it is. */
    public Conv dilation(int dilation) {
        return new Conv(channels, kernel, stride, padding, dilation, groups, bias);
    }

    public Conv groups(int groups) {
        return new Conv(channels, kernel, stride, padding, dilation, groups, bias);
    }

    public Conv bias(boolean bias) {
        return new Conv(channels, kernel, stride, padding, dilation, groups, bias);
    }

    ConvGeometry geometry() {
        return ConvGeometry.of(stride, padding, dilation, groups);
    }
}
