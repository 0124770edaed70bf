package hesse.models;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.nn.FileLayout;
import hesse.nn.Forward;
import hesse.nn.Initializer;
import hesse.nn.Layers;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.scalar.ScalarFn;
import hesse.tensor.Shape;

/**
 * GPT-2 (Radford et al. 2019) on token ids [N, T] under Hugging Face's names; matrices are [in, out] in files, and the head is the
 * token embedding. Logits [N, T, vocab].
 *
 * @param context the longest sequence
 */
public record Gpt(int vocab, int context, int layers, int heads, int width, ScalarFn activation, Norm norm)
        implements Model {
    private static final Initializer EMBEDDING = new Initializer.Normal(0.02);

    @Override
    public Node apply(Forward root, Node x) {
        var f = root.in("transformer");
        Node tokens = f.in("wte").parameter("weight", Shape.of(vocab, width), FileLayout.SAME, EMBEDDING);
        Node h = TransformerBlock.positioned(f.in("wpe"), x, tokens, context, EMBEDDING);
        var block = new TransformerBlock(
                "ln_1", "ln_2", "mlp.c_fc", "mlp.c_proj", 4 * width, FileLayout.TRANSPOSED, norm, activation);
        int length = x.shape().dim(1);
        for (int i = 0; i < layers; i++) h = block.apply(f.in("h." + i), h, length, this::attention);
        Node last = Layers.norm(f.in("ln_f"), h, norm);
        return Ops.reshape(Ops.matmul(last, tokens, false, true), x.shape().dim(0), length, vocab);
    }

    private Node attention(Forward f, Node x) {
        Node qkv = Layers.linear(f.in("attn.c_attn"), x, 3 * width, true, FileLayout.TRANSPOSED);
        Node mixed = f.in("attn").at(() -> TransformerBlock.packed(qkv, heads, true));
        return Layers.linear(f.in("attn.c_proj"), mixed, width, true, FileLayout.TRANSPOSED);
    }
}
