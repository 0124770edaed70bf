package hesse.models;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.nn.FileLayout;
import hesse.nn.Forward;
import hesse.nn.Initializer;
import hesse.nn.Layers;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.nn.WeightInit;
import hesse.scalar.ScalarFn;
import hesse.tensor.Shape;

/**
 * A pre-norm transformer on token ids [N, T] with learned positions and an untied head; logits [N, T, vocab].
 *
 * @param context the longest sequence
 * @param keySize of each head
 * @param mlpRatio hidden width of the perceptrons over {@code width}
 * @param causal whether a position sees only itself and those before it
 */
public record Transformer(
        int vocab,
        int context,
        int layers,
        int heads,
        int keySize,
        int width,
        int mlpRatio,
        boolean causal,
        ScalarFn activation,
        Norm norm)
        implements Model {
    /** A truncated normal of deviation 0.02, for tokens and positions. */
    private static final Initializer EMBEDDING = new Initializer.TruncatedNormal(0.02);

    @Override
    public Node apply(Forward f, Node x) {
        var tokens = f.in("embedding").parameter("weight", Shape.of(vocab, width), FileLayout.SAME, EMBEDDING);
        Node h = TransformerBlock.positioned(f.in("position"), x, tokens, context, EMBEDDING);
        var block = new TransformerBlock(
                "norm1", "norm2", "mlp.0", "mlp.1", mlpRatio * width, FileLayout.SAME, norm, activation);
        int length = x.shape().dim(1);
        for (int i = 0; i < layers; i++) {
            h = block.apply(
                    f.in("blocks." + i),
                    h,
                    length,
                    (b, y) -> Layers.attention(b.in("attention"), y, heads, keySize, causal));
        }
        h = Layers.norm(f.in("norm"), h, norm);
        return Ops.reshape(
                Layers.linear(head(f.in("head")), h, vocab), x.shape().dim(0), length, vocab);
    }

    /** The depth by which the blocks' weights are scaled down is no matter of the head's: deviation 1/√width, cut at two. */
    private static Forward head(Forward f) {
        double n = Initializer.TruncatedNormal.NARROWING;
        return f.weights() instanceof WeightInit.VarianceScaling
                ? f.initialized(new WeightInit.VarianceScaling(n * n))
                : f;
    }
}
