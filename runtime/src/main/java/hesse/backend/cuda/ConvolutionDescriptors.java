package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import hesse.backend.cuda.ConvolutionChoice.Layout;
import hesse.backend.cuda.ConvolutionSpec.Direction;
import hesse.bindings.cudnn.Cudnn;
import hesse.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.ToIntFunction;

/** The four descriptors of a convolution: image, filter, output image, and the convolution itself. */
final class ConvolutionDescriptors implements AutoCloseable {
    /** Destroys one descriptor and returns the status. */
    private interface Destroyer {
        int destroy();
    }

    private final Deque<Destroyer> destroyers = new ArrayDeque<>();
    private final MemorySegment image;
    private final MemorySegment filter;
    private final MemorySegment output;
    private final MemorySegment convolution;

    private ConvolutionDescriptors(ConvolutionSpec spec, Layout layout) {
        var precision = spec.precision();
        try {
            image = made(
                    Cudnn::cudnnCreateTensorDescriptor,
                    Cudnn::cudnnDestroyTensorDescriptor,
                    "cudnnCreateTensorDescriptor");
            filter = made(
                    Cudnn::cudnnCreateFilterDescriptor,
                    Cudnn::cudnnDestroyFilterDescriptor,
                    "cudnnCreateFilterDescriptor");
            output = made(
                    Cudnn::cudnnCreateTensorDescriptor,
                    Cudnn::cudnnDestroyTensorDescriptor,
                    "cudnnCreateTensorDescriptor");
            convolution = made(
                    Cudnn::cudnnCreateConvolutionDescriptor,
                    Cudnn::cudnnDestroyConvolutionDescriptor,
                    "cudnnCreateConvolutionDescriptor");
            var format = layout == Layout.NHWC ? Cudnn.CUDNN_TENSOR_NHWC() : Cudnn.CUDNN_TENSOR_NCHW();
            tensor(image, format, typeOf(spec, Direction.BACKWARD_DATA), spec.n(), spec.c(), spec.h(), spec.w());
            tensor(output, format, typeOf(spec, Direction.FORWARD), spec.n(), spec.k(), spec.outH(), spec.outW());
            Status.cudnn(
                    Cudnn.cudnnSetFilter4dDescriptor(
                            filter,
                            Precision.cudnnType(typeOf(spec, Direction.BACKWARD_FILTER)),
                            format,
                            spec.k(),
                            spec.c() / spec.groups(),
                            spec.r(),
                            spec.s()),
                    "cudnnSetFilter4dDescriptor");
            Status.cudnn(
                    Cudnn.cudnnSetConvolution2dDescriptor(
                            convolution,
                            spec.padTop(),
                            spec.padLeft(),
                            spec.strideH(),
                            spec.strideW(),
                            spec.dilationH(),
                            spec.dilationW(),
                            Cudnn.CUDNN_CROSS_CORRELATION(),
                            Precision.cudnnType(precision.accumulator())),
                    "cudnnSetConvolution2dDescriptor");
            if (spec.groups() > 1) {
                Status.cudnn(
                        Cudnn.cudnnSetConvolutionGroupCount(convolution, spec.groups()),
                        "cudnnSetConvolutionGroupCount");
            }
            setMath(precision.cudnnMath());
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    static ConvolutionDescriptors create(ConvolutionSpec spec, Layout layout) {
        return new ConvolutionDescriptors(spec, layout);
    }

    /** The element type of the tensor that {@code writer} writes: the output's if that is the direction, else an operand's. */
    private static DType typeOf(ConvolutionSpec spec, Direction writer) {
        return spec.direction() == writer ? spec.output() : spec.precision().operand();
    }

    private MemorySegment made(ToIntFunction<MemorySegment> create, ToIntFunction<MemorySegment> destroy, String call) {
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(ADDRESS);
            Status.cudnn(create.applyAsInt(pointer), call);
            var descriptor = pointer.get(ADDRESS, 0);
            destroyers.push(() -> destroy.applyAsInt(descriptor));
            return descriptor;
        }
    }

    private static void tensor(MemorySegment descriptor, int format, DType type, int n, int c, int h, int w) {
        Status.cudnn(
                Cudnn.cudnnSetTensor4dDescriptor(descriptor, format, Precision.cudnnType(type), n, c, h, w),
                "cudnnSetTensor4dDescriptor");
    }

    /** Sets how products may be made. */
    void setMath(int mathType) {
        Status.cudnn(Cudnn.cudnnSetConvolutionMathType(convolution, mathType), "cudnnSetConvolutionMathType");
    }

    MemorySegment image() {
        return image;
    }

    MemorySegment filter() {
        return filter;
    }

    MemorySegment output() {
        return output;
    }

    MemorySegment convolution() {
        return convolution;
    }

    @Override
    public void close() {
        while (!destroyers.isEmpty()) {
            Status.cudnn(destroyers.pop().destroy(), "the destruction of a descriptor of cuDNN");
        }
    }
}
