package hesse.models;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.nn.Conv;
import hesse.nn.Forward;
import hesse.nn.Layers;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.scalar.ScalarFn;
import java.util.List;

/**
 * Residual networks (He et al. 2016) with torchvision's names; in the deeper ones the stride stands in the 3×3 convolution.
 *
 * @param depth 18, 34, 50 or 101
 */
public record ResNet(int depth, Stem stem, int classes, ScalarFn activation, Norm norm) implements Model {
    public ResNet {
        Plan.of(depth);
    }

    /** How images enter. */
    public enum Stem {
        /** A 7×7 convolution with stride 2, then a 3×3 max pool with stride 2. */
        IMAGENET,
        /** A 3×3 convolution. */
        CIFAR
    }

    /** Blocks per stage, and whether a block is a bottleneck of three convolutions that ends four times as wide. */
    private record Plan(List<Integer> blocks, boolean bottleneck) {
        static Plan of(int depth) {
            return switch (depth) {
                case 18 -> new Plan(List.of(2, 2, 2, 2), false);
                case 34 -> new Plan(List.of(3, 4, 6, 3), false);
                case 50 -> new Plan(List.of(3, 4, 6, 3), true);
                case 101 -> new Plan(List.of(3, 4, 23, 3), true);
                default -> throw new IllegalArgumentException("a ResNet has depth 18, 34, 50 or 101, not " + depth);
            };
        }

        List<Conv> convolutions(int width, int stride) {
            return bottleneck
                    ? List.of(Conv.of(width, 1), Conv.of(width, 3).stride(stride), Conv.of(4 * width, 1))
                    : List.of(Conv.of(width, 3).stride(stride), Conv.of(width, 3));
        }
    }

    @Override
    public Node apply(Forward f, Node x) {
        var first = stem == Stem.CIFAR ? Conv.of(64, 3) : Conv.of(64, 7).stride(2);
        x = Layers.conv2d(f.in("conv1"), x, first.bias(false));
        x = Layers.activation(f, Layers.norm(f.in("bn1"), x, norm), activation);
        if (stem == Stem.IMAGENET) x = Layers.maxPool(f.in("maxpool"), x, 3, 2, 1);
        var plan = Plan.of(depth);
        for (int stage = 0; stage < 4; stage++) {
            for (int i = 0; i < plan.blocks.get(stage); i++) {
                int stride = stage > 0 && i == 0 ? 2 : 1;
                x = block(f.in("layer" + (stage + 1) + "." + i), x, plan.convolutions(64 << stage, stride), stride);
            }
        }
        return Layers.linear(f.in("fc"), Layers.globalAvgPool(f.in("avgpool"), x), classes);
    }

    private Node block(Forward f, Node x, List<Conv> convolutions, int stride) {
        Node y = x;
        for (int k = 1; k <= convolutions.size(); k++) {
            y = Layers.conv2d(f.in("conv" + k), y, convolutions.get(k - 1).bias(false));
            y = Layers.norm(f.in("bn" + k), y, norm);
            if (k < convolutions.size()) y = Layers.activation(f, y, activation);
        }
        int channels = convolutions.getLast().channels();
        Node shortcut = x;
        if (stride != 1 || x.shape().dim(-1) != channels) {
            shortcut = Layers.conv2d(
                    f.in("downsample.0"), x, Conv.of(channels, 1).stride(stride).bias(false));
            shortcut = Layers.norm(f.in("downsample.1"), shortcut, norm);
        }
        return Layers.activation(f, Ops.add(shortcut, y), activation);
    }
}
