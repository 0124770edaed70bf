package hesse.models;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.ShapeException;
import hesse.nn.Conv;
import hesse.nn.FileLayout;
import hesse.nn.Forward;
import hesse.nn.Initializer;
import hesse.nn.Layers;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.scalar.ScalarFn;
import hesse.tensor.Shape;

/**
 * The vision transformer (Dosovitskiy et al. 2021) under torchvision's names: patches and a class token whose last state is classified.
 *
 * @param patch side of the square patches, which tile the image
 */
public record VisionTransformer(
        int patch, int layers, int heads, int width, int classes, ScalarFn activation, Norm norm) implements Model {
    /** ε of torchvision's layer norms. */
    public static final double EPS = 1e-6;

    @Override
    public Node apply(Forward f, Node x) {
        Shape images = f.in("conv_proj").at(() -> tiled(x));
        Node embedded = embed(f, x, images);
        int n = embedded.shape().dim(0);
        int length = embedded.shape().dim(1);
        Node tokens = Ops.reshape(embedded, n * length, width);
        var block =
                new TransformerBlock("ln_1", "ln_2", "mlp.0", "mlp.3", 4 * width, FileLayout.SAME, norm, activation);
        for (int i = 0; i < layers; i++) {
            tokens = block.apply(f.in("encoder.layers.encoder_layer_" + i), tokens, length, this::attention);
        }
        // the norm acts on each position by itself, so only the class token needs it
        Node state = Ops.reshape(Ops.slice(Ops.reshape(tokens, embedded.shape()), 1, 0, 1), n, width);
        return Layers.linear(f.in("heads.head"), Layers.norm(f.in("encoder.ln"), state, norm), classes);
    }

    private Shape tiled(Node x) {
        Shape s = x.shape();
        if (s.rank() != 4 || s.dim(1) % patch != 0 || s.dim(2) % patch != 0) {
            throw new ShapeException("a vision transformer takes images [N, H, W, C] that patches of shape [" + patch
                    + ", " + patch + "] tile, got " + s);
        }
        return s;
    }

    private Node embed(Forward f, Node x, Shape s) {
        int n = s.dim(0);
        Node token = f.parameter("class_token", Shape.of(1, 1, width), FileLayout.SAME, Initializer.ZEROS);
        Node patches =
                Layers.conv2d(f.in("conv_proj"), x, Conv.of(width, patch, 0).stride(patch));
        int t = patches.shape().dim(1) * patches.shape().dim(2);
        Node positions = f.in("encoder")
                .parameter("pos_embedding", Shape.of(1, t + 1, width), FileLayout.SAME, new Initializer.Normal(0.02));
        Node tokens = Ops.concat(1, Ops.broadcastTo(token, Shape.of(n, 1, width)), Ops.reshape(patches, n, t, width));
        return Ops.add(tokens, positions);
    }

    private Node attention(Forward block, Node x) {
        var f = block.in("self_attention");
        Node mixed = f.at(() -> {
            var inputs = f.weights().weight(width, width);
            Node weight = f.parameter("in_proj_weight", Shape.of(3 * width, width), FileLayout.SAME, inputs);
            Node bias = f.parameter("in_proj_bias", Shape.of(3 * width), FileLayout.SAME, Initializer.ZEROS);
            Shape s = x.shape();
            Node flat = Ops.matmul(Ops.reshape(x, s.dim(0) * s.dim(1), width), weight, false, true);
            return TransformerBlock.packed(Ops.reshape(Ops.add(flat, bias), s.with(-1, 3 * width)), heads, false);
        });
        return Layers.linear(f.in("out_proj"), mixed, width);
    }
}
