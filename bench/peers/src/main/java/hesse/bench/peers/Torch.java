package hesse.bench.peers;

import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.Arrays;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Tensors on their way to libtorch. */
final class Torch {
    /** How images lie in memory. */
    enum Layout {
        NCHW(MemoryFormat.Contiguous),
        NHWC(MemoryFormat.ChannelsLast);

        private final MemoryFormat format;

        Layout(MemoryFormat format) {
            this.format = format;
        }

        /** A tensor of images or filters with four axes in this layout; others as they are. */
        org.bytedeco.pytorch.Tensor of(org.bytedeco.pytorch.Tensor t) {
            return t.dim() == 4 ? t.contiguous(format) : t;
        }
    }

    private Torch() {}

    /** A copy under a shape of equal size. */
    static org.bytedeco.pytorch.Tensor copy(Tensor t, long... shape) {
        var type = t.dtype() == DType.I64 ? ScalarType.Long : ScalarType.Float;
        // the segment stays reachable until the copy is made
        var bytes = t.data().asByteBuffer();
        return torch.from_blob(new BytePointer(bytes), shape, new TensorOptions(type))
                .clone();
    }

    /** A copy under its own shape. */
    static org.bytedeco.pytorch.Tensor copy(Tensor t) {
        return copy(t, Arrays.stream(t.shape().dims()).asLongStream().toArray());
    }

    /** A copy of what Hesse keeps as [a, h, w, b], seen as [a, b, h, w]. */
    static org.bytedeco.pytorch.Tensor images(Tensor t, long a, long h, long w, long b) {
        return copy(t, a, h, w, b).permute(0, 3, 1, 2);
    }

    /** ‖a − b‖ / ‖b‖. */
    static double error(org.bytedeco.pytorch.Tensor a, org.bytedeco.pytorch.Tensor b) {
        return a.sub(b).norm().item_double() / b.norm().item_double();
    }
}
