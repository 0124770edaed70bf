package hesse.models;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.nn.Conv;
import hesse.nn.Forward;
import hesse.nn.Layers;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.scalar.ScalarFn;

/**
 * Wide residual networks (Zagoruyko, Komodakis 2016), pre-activation, without convolution biases. Where a block changes shape, the
 * activated first norm feeds its 1×1 {@code shortcut} too.
 *
 * @param depth 6·b + 4 for b blocks in each of the three groups
 * @param width times 16, 32, 64 channels
 * @param dropout probability between the convolutions of a block
 */
public record WideResNet(int depth, int width, double dropout, int classes, ScalarFn activation, Norm norm)
        implements Model {
    public WideResNet {
        if (depth < 10 || depth % 6 != 4 || width < 1) {
            throw new IllegalArgumentException(
                    "a wide residual network has depth 10, 16, 22, 28, … and a width of at least 1, not " + depth + "-"
                            + width);
        }
    }

    @Override
    public Node apply(Forward f, Node x) {
        x = Layers.conv2d(f.in("conv1"), x, Conv.of(16, 3).bias(false));
        for (int group = 1; group <= 3; group++) {
            for (int i = 0; i < (depth - 4) / 6; i++) {
                x = block(f.in("group" + group + "." + i), x, (8 << group) * width, group > 1 && i == 0 ? 2 : 1);
            }
        }
        x = Layers.activation(f, Layers.norm(f.in("bn"), x, norm), activation);
        return Layers.linear(f.in("head"), Layers.globalAvgPool(f.in("pool"), x), classes);
    }

    private Node block(Forward f, Node x, int channels, int stride) {
        Node active = Layers.activation(f, Layers.norm(f.in("bn1"), x, norm), activation);
        Node y = Layers.conv2d(
                f.in("conv1"), active, Conv.of(channels, 3).stride(stride).bias(false));
        y = Layers.activation(f, Layers.norm(f.in("bn2"), y, norm), activation);
        y = Layers.dropout(f, y, dropout);
        y = Layers.conv2d(f.in("conv2"), y, Conv.of(channels, 3).bias(false));
        boolean changes = stride != 1 || x.shape().dim(-1) != channels;
        var projection = Conv.of(channels, 1).stride(stride).bias(false);
        return Ops.add(changes ? Layers.conv2d(f.in("shortcut"), active, projection) : x, y);
    }
}
