package hesse.cases;

import hesse.cases.SmallNet.Activation;
import hesse.cases.SmallNet.Builder;
import hesse.graph.ConvGeometry;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Pooling;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Kinds of small nets of random shapes, which together hold every layer, both losses and every sort of convolution and pool. */
public enum SmallNets {
    MLP("gelu", b -> {
        Node h = b.activate(b.linear(b.data(b.between(2, 4), b.between(2, 5)), b.between(3, 5)));
        return b.crossEntropy(b.linear(h, b.between(2, 4)), 0);
    }),
    DEEP_MLP_SQUARED_ERROR("tanh", b -> {
        Node h = b.data(3, 3);
        for (int layer = 0; layer < 3; layer++) h = b.activate(b.linear(h, b.between(2, 4)));
        return b.squaredError(b.linear(h, 2));
    }),
    MLP_WITH_LAYER_NORM("relu", b -> {
        Node h = b.activate(b.layerNorm(b.linear(b.data(4, 3), b.between(4, 5))));
        return b.crossEntropy(b.linear(b.activate(b.linear(h, 4)), 3), 0.1);
    }),
    CNN_WITH_BATCH_NORM_AND_MAX_POOL("silu", b -> {
        Node x = b.data(b.between(2, 3), 4, b.between(4, 5), 2);
        Node h = Ops.maxPool(
                b.activate(b.batchNorm(b.conv(x, b.between(2, 3), 3, ConvGeometry.of(1, 1, 1, 1)))),
                new Pooling(2, 2, 2, 2));
        h = b.activate(b.conv(h, 2, 2, ConvGeometry.of(1, 0, 1, 1)));
        return b.crossEntropy(b.linear(b.flatten(h), 3), 0.1);
    }),
    CNN_WITH_STRIDES_AND_OVERLAPPING_MAX_POOL("leaky_relu", b -> {
        Node x = b.data(2, 7, 8, 2);
        Node h = b.activate(b.conv(x, 2, 3, new ConvGeometry(1, 2, 0, 1, 2, 1, 1, 1, 1)));
        h = Ops.maxPool(h, new Pooling(3, 2, 1, 1));
        return b.crossEntropy(b.linear(b.flatten(b.activate(b.conv(h, 2, 1, ConvGeometry.of(2, 0, 1, 1)))), 3), 0);
    }),
    CNN_WITH_DILATION_GROUPS_AND_AVERAGE_POOL("softplus", b -> {
        Node x = b.data(1, 5, 5, 2);
        Node h = b.activate(b.conv(x, 4, 3, ConvGeometry.of(1, 2, 2, 2)));
        h = Ops.avgPool(b.activate(b.conv(h, 4, 3, ConvGeometry.of(1, 1, 1, 4))), new Pooling(3, 2, 2, 2));
        return b.squaredError(b.linear(b.flatten(h), 2));
    }),
    /** The logits are a mean themselves, whose scale must not slip past them. */
    RESIDUAL_NET("mish", b -> {
        Node x = b.conv(b.data(2, 4, 4, 1), 2, 3, ConvGeometry.of(1, 1, 1, 1));
        x = Ops.add(x, b.conv(b.activate(b.batchNorm(x)), 2, 3, ConvGeometry.of(1, 1, 1, 1)));
        x = Ops.add(
                b.conv(x, 3, 1, ConvGeometry.of(2, 0, 1, 1)), b.conv(b.activate(x), 3, 3, ConvGeometry.of(2, 1, 1, 1)));
        Node pooled = Ops.avgPool(x, new Pooling(2, 2, 1, 1));
        return b.crossEntropy(Ops.reshape(pooled, 2, 3), 0);
    }),
    /** A loss at every position. */
    TRANSFORMER("gelu_tanh", b -> {
        Node x = b.data(2, 3, 4);
        x = Ops.add(x, b.attention(b.layerNorm(x), 2));
        Node h = b.activate(b.linear(Ops.reshape(b.layerNorm(x), 6, 4), 4));
        x = Ops.add(x, Ops.reshape(b.linear(h, 4), 2, 3, 4));
        return b.crossEntropy(Ops.reshape(b.linear(Ops.reshape(x, 6, 4), 3), 2, 3, 3), 0.05);
    });

    private final String activation;
    private final Function<Builder, SmallNet> make;

    SmallNets(String activation, Function<Builder, SmallNet> make) {
        this.activation = activation;
        this.make = make;
    }

    public SmallNet build(long seed) {
        return build(seed, activation());
    }

    public SmallNet build(long seed, ScalarFn activation) {
        return build(seed, Activation.of(activation));
    }

    public SmallNet build(long seed, Activation activation) {
        return make.apply(new Builder(seed, activation));
    }

    /** With its own activation, in another element type; values are rounded to it. */
    public SmallNet build(long seed, DType dtype) {
        return build(seed, Rounding.of(dtype));
    }

    /** With its own activation and values rounded to what contractions keep of them. */
    public SmallNet build(long seed, Rounding rounding) {
        return make.apply(new Builder(seed, Activation.of(activation()), rounding));
    }

    /** The net's own activation. */
    public ScalarFn activation() {
        return Activations.named(activation);
    }

    /** Every named activation, sharp ones in several degrees. */
    public static List<ScalarFn> activations() {
        var all = new java.util.ArrayList<ScalarFn>();
        for (String name : Activations.names()) {
            if (name.equals("beta_gelu")) {
                for (double beta : new double[] {0.3, 2, 20}) all.add(Activations.named(name, Map.of("beta", beta)));
            } else {
                all.add(Activations.named(name));
            }
        }
        all.add(Activations.named("elu", Map.of("alpha", 0.7)));
        all.add(Activations.parse("x * tanh(softplus(x)) + where(x > 0.5, x^2, x - 0.25)"));
        return all;
    }
}
