package hesse.backend.cpu.kernel;

import hesse.tensor.DType;

/**
 * The three directions of a convolution. None builds the matrix of image patches: panels are read from the images, or from a small
 * transposed excerpt of them, while they are multiplied.
 */
public final class Conv {
    private Conv() {}

    /** Outputs [N, OH, OW, K] from images (first operand) and filters (second). */
    public static Contraction forward(ConvShape shape) {
        return forward(shape, KernelProvider.get());
    }

    /** Images [N, H, W, C] from outputs [N, OH, OW, K] (first operand) and filters (second): the transpose in the images. */
    public static Contraction inputGradient(ConvShape shape) {
        return inputGradient(shape, KernelProvider.get());
    }

    /** Filters [K, R, S, C/groups] from images (first operand) and outputs [N, OH, OW, K] (second): the transpose in the filters. */
    public static Contraction filterGradient(ConvShape shape) {
        return filterGradient(shape, KernelProvider.get());
    }

    static Contraction forward(ConvShape s, KernelProvider provider) {
        if (s.isPointwise()) {
            return new Gemm(pointwise(s, s.filters(), s.channels(), true), provider, Machine.here());
        }
        int taps = s.kernelHeight() * s.kernelWidth();
        var dy = new int[taps];
        var dx = new int[taps];
        var weightAt = new int[taps];
        for (int t = 0; t < taps; t++) {
            dy[t] = t / s.kernelWidth() * s.dilationH() - s.padTop();
            dx[t] = t % s.kernelWidth() * s.dilationW() - s.padLeft();
            weightAt[t] = t * s.groupChannels();
        }
        int filterSize = taps * s.groupChannels();
        return new Correlation(
                s.dtype(),
                new Correlation.Images(s.images(), s.height(), s.width(), s.groups(), s.groupChannels()),
                new Correlation.Outputs(
                        s.outputHeight(),
                        s.outputWidth(),
                        s.groupFilters(),
                        0,
                        (long) s.outputHeight() * s.outputWidth() * s.filters(),
                        (long) s.outputWidth() * s.filters(),
                        s.filters()),
                new Correlation.Taps(dy, dx, s.strideH(), s.strideW()),
                new Correlation.Weights(weightAt, 1, filterSize, (long) filterSize * s.groupFilters()),
                provider);
    }

    static Contraction inputGradient(ConvShape s, KernelProvider provider) {
        if (s.isPointwise()) {
            return new Gemm(pointwise(s, s.channels(), s.filters(), false), provider, Machine.here());
        }
        return s.strideH() == 1 && s.strideW() == 1
                ? StridedInputGradient.phase(s, 0, 0, provider)
                : new StridedInputGradient(s, provider);
    }

    static Contraction filterGradient(ConvShape s, KernelProvider provider) {
        return new FilterGradient(s, provider);
    }

    private static GemmShape pointwise(ConvShape s, int columns, int terms, boolean transposeFilters) {
        return GemmShape.dense(
                s.dtype(),
                Math.multiplyExact(s.images(), s.height() * s.width()),
                columns,
                terms,
                false,
                transposeFilters);
    }

    /** Whether {@code dtype} has contraction kernels. */
    public static boolean supports(DType dtype) {
        return dtype == DType.F32 || dtype == DType.F64;
    }
}
