package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import hesse.backend.cuda.ConvolutionChoice.Algorithm;
import hesse.bindings.cudnn.Cudnn;
import hesse.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A convolution that is ready to run by cuDNN: its descriptors and the algorithm chosen. */
public final class ConvolutionPlan implements AutoCloseable {
    private final ConvolutionLibrary library;
    private final String node;
    private final ConvolutionSpec spec;
    private final ConvolutionDescriptors descriptors;
    private final Algorithm algorithm;
    private final MemorySegment alpha;
    private final MemorySegment beta;
    private final Lifetime life;

    ConvolutionPlan(
            ConvolutionLibrary library,
            Lifetime parent,
            String node,
            ConvolutionSpec spec,
            ConvolutionDescriptors descriptors,
            Algorithm algorithm,
            Arena arena) {
        this.library = library;
        this.node = node;
        this.spec = spec;
        this.descriptors = descriptors;
        this.algorithm = algorithm;
        this.alpha = arena.allocate(JAVA_DOUBLE);
        this.beta = arena.allocate(JAVA_DOUBLE);
        this.life = parent.child("the convolution " + node, descriptors::close);
    }

    public ConvolutionSpec spec() {
        return spec;
    }

    /** Bytes of workspace that a run needs. */
    public long workspaceBytes() {
        return algorithm.workspaceBytes();
    }

    /**
     * Runs it: output = alpha·convolution + beta·output. All addresses are the device's.
     *
     * @param first the image for FORWARD and BACKWARD_FILTER, the output image for BACKWARD_DATA
     * @param second the filter for FORWARD and BACKWARD_DATA, the output image for BACKWARD_FILTER
     * @param betaValue must be 0 unless the convolution was planned to add to the output
     */
    public void run(double alphaValue, long first, long second, double betaValue, long output, long workspace) {
        life.require();
        if (betaValue != 0 && !spec.accumulate()) {
            throw new IllegalArgumentException(node + " was not planned to accumulate");
        }
        scalar(alpha, alphaValue);
        scalar(beta, betaValue);
        var d = descriptors;
        var a = MemorySegment.ofAddress(first);
        var b = MemorySegment.ofAddress(second);
        var scratch = MemorySegment.ofAddress(workspace);
        var target = MemorySegment.ofAddress(output);
        var number = algorithm.number();
        var bytes = algorithm.workspaceBytes();
        var handle = library.handle();
        var status = switch (spec.direction()) {
            case FORWARD ->
                Cudnn.cudnnConvolutionForward(
                        handle,
                        alpha,
                        d.image(),
                        a,
                        d.filter(),
                        b,
                        d.convolution(),
                        number,
                        scratch,
                        bytes,
                        beta,
                        d.output(),
                        target);
            case BACKWARD_DATA ->
                Cudnn.cudnnConvolutionBackwardData(
                        handle,
                        alpha,
                        d.filter(),
                        b,
                        d.output(),
                        a,
                        d.convolution(),
                        number,
                        scratch,
                        bytes,
                        beta,
                        d.image(),
                        target);
            case BACKWARD_FILTER ->
                Cudnn.cudnnConvolutionBackwardFilter(
                        handle,
                        alpha,
                        d.image(),
                        a,
                        d.output(),
                        b,
                        d.convolution(),
                        number,
                        scratch,
                        bytes,
                        beta,
                        d.filter(),
                        target);
        };
        if (status != Status.SUCCESS) {
            throw Status.cudnnFailure(
                    status,
                    call(),
                    node,
                    "convolution",
                    spec,
                    "algorithm",
                    algorithm,
                    "alpha",
                    alphaValue,
                    "beta",
                    betaValue);
        }
    }

    private String call() {
        return switch (spec.direction()) {
            case FORWARD -> "cudnnConvolutionForward";
            case BACKWARD_DATA -> "cudnnConvolutionBackwardData";
            case BACKWARD_FILTER -> "cudnnConvolutionBackwardFilter";
        };
    }

    private void scalar(MemorySegment place, double value) {
        if (spec.precision().accumulator() == DType.F64) {
            place.set(JAVA_DOUBLE, 0, value);
        } else {
            place.set(JAVA_FLOAT, 0, (float) value);
        }
    }

    @Override
    public void close() {
        life.close();
    }
}
