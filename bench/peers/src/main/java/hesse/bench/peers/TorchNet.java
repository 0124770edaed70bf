package hesse.bench.peers;

import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * The networks of the steps as functions in libtorch, on weights under Hesse's names.
 *
 * @param weights parameters and running statistics
 */
record TorchNet(String kind, Map<String, Tensor> weights) {
    private static final double NORM_MOMENTUM = 0.1;
    private static final double EPS = 1e-5;
    /** Of WideResNet-16-4: (16 − 4) / 6. */
    private static final int BLOCKS = 2;

    /** Whether a tensor of this name is a running statistic, not a parameter. */
    static boolean isStatistic(String name) {
        return name.contains("running_") || name.endsWith("num_batches_tracked");
    }

    /** Logits of a batch. */
    Tensor apply(Tensor x) {
        return switch (kind) {
            case "mlp" -> mlp(x);
            case "cnn" -> cnn(x);
            case "wrn" -> wrn(x);
            default -> throw new IllegalArgumentException("no such network: " + kind);
        };
    }

    private Tensor mlp(Tensor x) {
        x = torch.gelu(linear("layers.0", x));
        x = torch.gelu(linear("layers.1", x));
        return linear("layers.2", x);
    }

    private Tensor cnn(Tensor x) {
        for (int i = 0; i < 2; i++) {
            var block = "blocks." + i;
            x = torch.max_pool2d(normed(block + ".norm", conv(block + ".conv", x, 1, 1)), 2, 2);
        }
        x = torch.gelu(linear("dense.0", x.flatten(1, -1)));
        return linear("head", x);
    }

    private Tensor wrn(Tensor x) {
        x = conv("conv1", x, 1, 1);
        for (int group = 1; group <= 3; group++) {
            for (int i = 0; i < BLOCKS; i++) x = block("group" + group + "." + i, x, group > 1 && i == 0 ? 2 : 1);
        }
        return linear("head", normed("bn", x).mean(2, 3));
    }

    private Tensor block(String name, Tensor x, long stride) {
        var active = normed(name + ".bn1", x);
        var y = conv(name + ".conv1", active, stride, 1);
        y = conv(name + ".conv2", normed(name + ".bn2", y), 1, 1);
        boolean changes = weights.containsKey(name + ".shortcut.weight");
        return y.add(changes ? conv(name + ".shortcut", active, stride, 0) : x);
    }

    private Tensor linear(String name, Tensor x) {
        return torch.linear(x, weight(name + ".weight"), optional(name + ".bias"));
    }

    private Tensor conv(String name, Tensor x, long stride, long padding) {
        return torch.conv2d(
                x,
                weight(name + ".weight"),
                optional(name + ".bias"),
                new long[] {stride, stride},
                new long[] {padding, padding},
                new long[] {1, 1},
                1);
    }

    /** GELU of batch norm. */
    private Tensor normed(String name, Tensor x) {
        return torch.gelu(torch.batch_norm(
                x,
                optional(name + ".weight"),
                optional(name + ".bias"),
                optional(name + ".running_mean"),
                optional(name + ".running_var"),
                true,
                NORM_MOMENTUM,
                EPS,
                false));
    }

    private Tensor weight(String name) {
        return Objects.requireNonNull(weights.get(name), name);
    }

    private TensorOptional optional(String name) {
        return weights.containsKey(name) ? new TensorOptional(weight(name)) : new TensorOptional();
    }
}
