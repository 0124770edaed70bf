package hesse.backend.cuda;

import hesse.backend.cuda.ConvolutionSpec.Direction;
import hesse.tensor.DType;

/** A convolution by a kernel of our own, ready to run. */
final class GeneratedConvolution {
    private static final int MOST_BLOCKS = 1 << 20;

    private final CudaKernel kernel;
    private final LaunchShape shape;
    private final LaunchArguments arguments;
    private final String label;

    GeneratedConvolution(Kernels store, ConvolutionSpec spec, double alpha, String label) {
        this.label = label;
        this.kernel = store.kernel(
                ConvolutionSource.of(spec.direction(), spec.precision(), spec.output()), "convolve", label);
        long count = spec.outputElements();
        long blocks = spec.direction() == Direction.BACKWARD_FILTER
                ? count
                : (count + FusedSource.BLOCK - 1) / FusedSource.BLOCK;
        this.shape = LaunchShape.row((int) Math.min(blocks, MOST_BLOCKS), FusedSource.BLOCK);
        int[] sizes = {
            spec.n(),
            spec.h(),
            spec.w(),
            spec.c(),
            spec.k(),
            spec.r(),
            spec.s(),
            spec.outH(),
            spec.outW(),
            spec.padTop(),
            spec.padLeft(),
            spec.strideH(),
            spec.strideW(),
            spec.dilationH(),
            spec.dilationW(),
            spec.groups()
        };
        this.arguments = new LaunchArguments(store.arena(), 6 + sizes.length);
        arguments.set(0, count).set(5, spec.accumulate() ? 1 : 0);
        if (spec.precision().accumulator() == DType.F64) arguments.set(4, alpha);
        else arguments.set(4, (float) alpha);
        for (var i = 0; i < sizes.length; i++) arguments.set(6 + i, sizes[i]);
    }

    void enqueue(CudaStream stream, long first, long second, long output) {
        arguments.set(1, first).set(2, second).set(3, output);
        stream.launch(kernel, shape, arguments, label);
    }
}
