package hesse.models;

import hesse.graph.Node;
import hesse.nn.Conv;
import hesse.nn.Forward;
import hesse.nn.Layers;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.scalar.ScalarFn;
import java.util.List;

/**
 * A convolutional network: {@code blocks.0}, … of convolution, norm, activation and pool, then {@code dense.0}, … linear layers with
 * activations, then a linear {@code head}.
 */
public record Cnn(List<Block> blocks, List<Integer> dense, int classes, ScalarFn activation) implements Model {
    public Cnn {
        blocks = List.copyOf(blocks);
        dense = List.copyOf(dense);
    }

    /** One convolutional block; {@code conv} and {@code norm} under it. */
    public record Block(Conv conv, Norm norm, Pool pool, Order order) {
        /** A convolution and its activation. */
        public static Block of(Conv conv) {
            return new Block(conv, Norm.none(), Pool.NONE, Order.CONV_NORM_ACT);
        }
    }

    /** In which order norm and activation follow the convolution. */
    public enum Order {
        CONV_NORM_ACT,
        CONV_ACT_NORM
    }

    /** What ends a block. */
    public record Pool(Kind kind, int size) {
        /** No pooling. */
        public static final Pool NONE = new Pool(Kind.NONE, 1);
        /** Means over all positions. */
        public static final Pool GLOBAL_AVG = new Pool(Kind.GLOBAL_AVG, 1);

        /** What a window yields. */
        public enum Kind {
            NONE,
            MAX,
            AVG,
            GLOBAL_AVG
        }

        /** Maxima of size×size windows. */
        public static Pool max(int size) {
            return new Pool(Kind.MAX, size);
        }

        /** Means of size×size windows. */
        public static Pool avg(int size) {
            return new Pool(Kind.AVG, size);
        }

        Node apply(Forward f, Node x) {
            return switch (kind) {
                case NONE -> x;
                case MAX -> Layers.maxPool(f, x, size);
                case AVG -> Layers.avgPool(f, x, size);
                case GLOBAL_AVG -> Layers.globalAvgPool(f, x);
            };
        }
    }

    @Override
    public Node apply(Forward f, Node x) {
        for (int i = 0; i < blocks.size(); i++) x = block(f.in("blocks." + i), x, blocks.get(i));
        for (int i = 0; i < dense.size(); i++) {
            var layer = f.in("dense." + i);
            x = Layers.activation(layer, Layers.linear(layer, x, dense.get(i)), activation);
        }
        return Layers.linear(f.in("head"), x, classes);
    }

    private Node block(Forward f, Node x, Block block) {
        x = Layers.conv2d(f.in("conv"), x, block.conv);
        x = switch (block.order) {
            case CONV_NORM_ACT -> Layers.activation(f, Layers.norm(f.in("norm"), x, block.norm), activation);
            case CONV_ACT_NORM -> Layers.norm(f.in("norm"), Layers.activation(f, x, activation), block.norm);
        };
        return block.pool.apply(f, x);
    }
}
