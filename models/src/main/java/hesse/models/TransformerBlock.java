package hesse.models;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.ShapeException;
import hesse.nn.FileLayout;
import hesse.nn.Forward;
import hesse.nn.Initializer;
import hesse.nn.Layers;
import hesse.nn.Norm;
import hesse.scalar.ScalarFn;
import hesse.tensor.Shape;

/**
 * What the transformers here share: a pre-norm block x + attention(norm(x)), then x + mlp(norm(x)), whatever its parts are called in
 * files, and learned embeddings.
 *
 * @param norm1 name of the first norm
 * @param norm2 name of the second
 * @param up name of the perceptron's widening layer
 * @param down name of its narrowing one
 * @param hidden width between them
 * @param layout of both weights in files
 */
record TransformerBlock(
        String norm1,
        String norm2,
        String up,
        String down,
        int hidden,
        FileLayout layout,
        Norm norm,
        ScalarFn activation) {
    /** Self-attention of one block: [N, T, D] to [N, T, D], at the block's place. */
    interface Mixer {
        Node apply(Forward f, Node x);
    }

    /**
     * One block. Sequences stand one below the other in a matrix all along, so that only attention itself has to reorder them.
     *
     * @param x [N·T, D]
     * @param length T
     * @return [N·T, D]
     */
    Node apply(Forward f, Node x, int length, Mixer attention) {
        int d = x.shape().dim(1);
        Node sequences =
                Ops.reshape(Layers.norm(f.in(norm1), x, norm), x.shape().dim(0) / length, length, d);
        x = Ops.add(x, Ops.reshape(attention.apply(f, sequences), x.shape()));
        Node y = Layers.linear(f.in(up), Layers.norm(f.in(norm2), x, norm), hidden, true, layout);
        y = Layers.activation(f.in(up), y, activation);
        return Ops.add(x, Layers.linear(f.in(down), y, d, true, layout));
    }

    /** Self-attention of queries, keys and values side by side in one tensor [N, T, 3D]. */
    static Node packed(Node qkv, int heads, boolean causal) {
        int d = qkv.shape().dim(2) / 3;
        return Layers.attend(
                Ops.slice(qkv, 2, 0, d), Ops.slice(qkv, 2, d, d), Ops.slice(qkv, 2, 2 * d, d), heads, causal);
    }

    /**
     * Token embeddings plus those of the first T of {@code context} positions.
     *
     * @param ids [N, T]
     * @param table [vocab, D]
     * @param f where the positions' {@code weight} [context, D] stands
     * @return [N·T, D]
     */
    static Node positioned(Forward f, Node ids, Node table, int context, Initializer initializer) {
        return f.at(() -> {
            if (ids.shape().rank() != 2
                    || !ids.dtype().isInteger()
                    || ids.shape().dim(1) > context) {
                throw new ShapeException("a transformer of context " + context
                        + " takes integer token ids [N, T] with T up to that, got " + ids.type());
            }
            Shape all = Shape.of(context, table.shape().dim(1));
            Node positions = f.parameter("weight", all, FileLayout.SAME, initializer);
            int length = ids.shape().dim(1);
            Node both = Ops.add(Ops.gather(table, ids), Ops.slice(positions, 0, 0, length));
            return Ops.reshape(both, ids.shape().dim(0) * length, all.dim(1));
        });
    }
}
