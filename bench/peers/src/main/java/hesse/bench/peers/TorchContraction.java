package hesse.bench.peers;

import hesse.bench.peers.Torch.Layout;
import hesse.tensor.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongArrayRefOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** A matrix product or a convolution in libtorch; its operands live in the pointer scope in which it is made. */
final class TorchContraction implements Work {
    private final org.bytedeco.pytorch.Tensor expected;
    private final Supplier<org.bytedeco.pytorch.Tensor> product;

    private TorchContraction(org.bytedeco.pytorch.Tensor expected, Supplier<org.bytedeco.pytorch.Tensor> product) {
        this.expected = expected;
        this.product = product;
    }

    /** Into a matrix that is there already. */
    static TorchContraction gemm(long n, Map<String, Tensor> tensors) {
        var a = Torch.copy(tensor(tensors, "first"), n, n);
        var b = Torch.copy(tensor(tensors, "second"), n, n);
        var out = torch.empty(n, n);
        var expected = Torch.copy(tensor(tensors, "result"), n, n);
        return new TorchContraction(expected, () -> torch.matmul_out(out, a, b));
    }

    /**
     * One direction of a convolution, without the others.
     *
     * @param words direction, then N C H W K R stride padding
     */
    static TorchContraction convolution(String[] words, Layout layout, Map<String, Tensor> tensors) {
        var sizes = Arrays.stream(words).skip(1).mapToLong(Long::parseLong).toArray();
        long n = sizes[0];
        long c = sizes[1];
        long h = sizes[2];
        long w = sizes[3];
        long k = sizes[4];
        long r = sizes[5];
        long[] stride = {sizes[6], sizes[6]};
        long[] padding = {sizes[7], sizes[7]};
        long[] dilation = {1, 1};
        long[] none = {0, 0};
        long oh = (h + 2 * sizes[7] - r) / sizes[6] + 1;
        long ow = (w + 2 * sizes[7] - r) / sizes[6] + 1;

        boolean forward = words[0].equals("forward");
        boolean ofInput = words[0].equals("input");
        var first = tensor(tensors, "first");
        var second = tensor(tensors, "second");
        var result = tensor(tensors, "result");
        var x = layout.of(Torch.images(ofInput ? result : first, n, h, w, c));
        var filters = layout.of(Torch.images(forward || ofInput ? second : result, k, r, r, c));
        var y = layout.of(Torch.images(forward ? result : ofInput ? first : second, n, oh, ow, k));
        var noBias = new TensorOptional();
        var noBiasSizes = new LongArrayRefOptional();
        var mask = new BoolPointer(3);
        mask.put(0, ofInput).put(1, !ofInput).put(2, false);
        if (forward) {
            return new TorchContraction(y, () -> torch.conv2d(x, filters, noBias, stride, padding, dilation, 1));
        }
        return new TorchContraction(ofInput ? x : filters, () -> {
            var all = torch.convolution_backward(
                    y, x, filters, noBiasSizes, stride, padding, dilation, false, none, 1, mask);
            return ofInput ? all.get0() : all.get1();
        });
    }

    private static Tensor tensor(Map<String, Tensor> tensors, String name) {
        return Objects.requireNonNull(tensors.get(name), name);
    }

    @Override
    public void run() {
        try (var results = new PointerScope()) {
            var unused = product.get();
        }
    }

    @Override
    public Map<String, Double> figures() {
        try (var results = new PointerScope()) {
            return Map.of("error", Torch.error(product.get(), expected));
        }
    }

    @Override
    public void close() {}
}
