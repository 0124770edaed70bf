package hesse.nn;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Pooling;
import hesse.graph.ShapeException;
import hesse.scalar.ScalarFn;
import hesse.tensor.Shape;
import java.util.Arrays;

/**
 * Layers as functions: each declares its parameters at the place it is given and returns its output. Images are [N, H, W, C], token
 * sequences [N, T, D], features [N, D]. Shape mistakes are {@link ShapeException}s that name the place and the shapes.
 */
public final class Layers {
    private Layers() {}

    /** x Wᵀ + b; see {@link #linear(Forward, Node, int, boolean)}. */
    public static Node linear(Forward f, Node x, int outputs) {
        return linear(f, x, outputs, true);
    }

    /**
     * x Wᵀ (+ b) over the last axis of features or sequences; images are flattened first. Declares {@code weight} [outputs, inputs] and
     * {@code bias} [outputs].
     */
    public static Node linear(Forward f, Node x, int outputs, boolean bias) {
        return linear(f, x, outputs, bias, FileLayout.SAME);
    }

    /** As above, with the layout the weight has in files, unless images are flattened. */
    public static Node linear(Forward f, Node x, int outputs, boolean bias, FileLayout layout) {
        return f.at(() -> {
            Shape s = x.shape();
            if (outputs < 1) throw new ShapeException("a linear layer has at least one output, got " + outputs);
            if (s.rank() < 2 || s.rank() > 4) {
                throw new ShapeException(
                        "a linear layer takes features [N, D], sequences [N, T, D] or images [N, H, W, C], got " + s);
            }
            boolean images = s.rank() == 4;
            int rows = s.rank() == 3 ? Math.multiplyExact(s.dim(0), s.dim(1)) : s.dim(0);
            int inputs = images ? Math.toIntExact(s.size() / Math.max(1, rows)) : s.dim(-1);
            var filed = images ? FileLayout.flattenedChw(s.dim(3), s.dim(1), s.dim(2)) : layout;
            Node weight = f.parameter(
                    "weight", Shape.of(outputs, inputs), filed, f.weights().weight(inputs, outputs));
            Node y = Ops.matmul(Ops.reshape(x, rows, inputs), weight, false, true);
            if (bias) y = Ops.add(y, f.parameter("bias", Shape.of(outputs), FileLayout.SAME, Initializer.ZEROS));
            return s.rank() == 3 ? Ops.reshape(y, s.with(-1, outputs)) : y;
        });
    }

    /** A convolution of stride 1 that keeps the size. */
    public static Node conv2d(Forward f, Node x, int channels, int kernel) {
        return conv2d(f, x, Conv.of(channels, kernel));
    }

    /** Cross-correlation of images; declares {@code weight} [K, R, S, C/groups] and {@code bias} [K]. */
    public static Node conv2d(Forward f, Node x, Conv conv) {
        return f.at(() -> {
            Shape s = images(x, "a convolution");
            if (s.dim(3) % conv.groups() != 0) {
                throw new ShapeException("images of shape " + s + " (N, H, W, C) do not divide into " + conv.groups()
                        + " groups of channels");
            }
            int inputs = s.dim(3) / conv.groups();
            int k = conv.kernel();
            int reach = (k - 1) * conv.dilation() + 1;
            if (Math.min(s.dim(1), s.dim(2)) + 2 * conv.padding() < reach) {
                throw new ShapeException("a filter of " + k + "×" + k + " (dilation " + conv.dilation()
                        + ") does not fit images of shape " + s + " (N, H, W, C) padded by " + conv.padding());
            }
            double taps = (double) k * k;
            Node weight = f.parameter(
                    "weight",
                    Shape.of(conv.channels(), k, k, inputs),
                    FileLayout.CONV,
                    f.weights().weight(taps * inputs, taps * conv.channels() / conv.groups()));
            Node y = Ops.conv2d(x, weight, conv.geometry());
            if (!conv.bias()) return y;
            return Ops.add(y, f.parameter("bias", Shape.of(conv.channels()), FileLayout.SAME, Initializer.ZEROS));
        });
    }

    /** φ(x), told apart from all other elementwise functions as an activation. */
    public static Node activation(Forward f, Node x, ScalarFn fn) {
        return f.at(() -> Ops.apply(fn.asActivation(), x));
    }

    /** The chosen normalisation over the last axis; declares {@code weight} and {@code bias} unless there is none. */
    public static Node norm(Forward f, Node x, Norm norm) {
        return switch (norm.kind()) {
            case NONE -> x;
            case BATCH -> f.at(() -> Normalization.batch(f, x, norm.eps()));
            case LAYER -> f.at(() -> Normalization.layer(f, x, norm.eps()));
            case GROUP -> f.at(() -> Normalization.group(f, x, norm.groups(), norm.eps()));
            case RMS -> f.at(() -> Normalization.rms(f, x, norm.eps()));
        };
    }

    /**
     * Each channel normalised over the batch and all positions: in training by the batch's own statistics (biased variance), which are
     * differentiated through and move {@code running_mean} and {@code running_var} (unbiased) by a tenth; in evaluation by those.
     */
    public static Node batchNorm(Forward f, Node x) {
        return norm(f, x, Norm.batch());
    }

    /** The last axis normalised at each position. */
    public static Node layerNorm(Forward f, Node x) {
        return norm(f, x, Norm.layer());
    }

    /** Groups of channels normalised over the positions of each example. */
    public static Node groupNorm(Forward f, Node x, int groups) {
        return norm(f, x, Norm.group(groups));
    }

    /** The last axis divided by its root mean square; declares {@code weight} only. */
    public static Node rmsNorm(Forward f, Node x) {
        return norm(f, x, Norm.rms());
    }

    /** Maxima over size×size windows side by side; what is left over at the far edges is dropped. */
    public static Node maxPool(Forward f, Node x, int size) {
        return maxPool(f, x, size, size, 0);
    }

    /** Maxima over size×size windows {@code stride} apart, of images with {@code padding} more places that never win on each side. */
    public static Node maxPool(Forward f, Node x, int size, int stride, int padding) {
        return f.at(() -> {
            images(x, "max pooling");
            if (2 * padding > size)
                throw new ShapeException("padding " + padding + " is more than half of window " + size);
            Node wide = x;
            for (int axis = 1; axis <= 2 && padding > 0; axis++) {
                Node edge = x.graph()
                        .constant(
                                Double.NEGATIVE_INFINITY,
                                x.dtype(),
                                wide.shape().with(axis, padding));
                wide = Ops.concat(axis, edge, wide, edge);
            }
            return Ops.maxPool(wide, new Pooling(size, size, stride, stride));
        });
    }

    /** Means over size×size windows side by side; what is left over at the far edges is dropped. */
    public static Node avgPool(Forward f, Node x, int size) {
        return f.at(() -> {
            images(x, "average pooling");
            return Ops.avgPool(x, new Pooling(size, size, size, size));
        });
    }

    /** Means over all positions: [N, H, W, C] to [N, 1, 1, C]. */
    public static Node globalAvgPool(Forward f, Node x) {
        return f.at(() -> {
            images(x, "global average pooling");
            int height = x.shape().dim(1);
            int width = x.shape().dim(2);
            return Ops.avgPool(x, new Pooling(height, width, height, width));
        });
    }

    /**
     * Sets elements to zero with this probability and divides the others by what is left; nothing where dropout is off. All passes of a
     * step share the mask.
     */
    public static Node dropout(Forward f, Node x, double probability) {
        if (!(probability >= 0 && probability < 1)) {
            throw new IllegalArgumentException("a dropout probability is at least 0 and below 1, got " + probability);
        }
        if (!f.dropout() || probability == 0) return x;
        return f.at(() -> {
            Node kept = Ops.scale(1 / (1 - probability), x);
            return Ops.select(
                    f.keep(1 - probability, x.shape()), kept, x.graph().constant(0, x.type()));
        });
    }

    /** Rows of a table {@code weight} [count, width] at integer ids of shape I: I + [width]. */
    public static Node embedding(Forward f, Node ids, int count, int width, Initializer initializer) {
        return f.at(() -> {
            if (!ids.dtype().isInteger()) {
                throw new ShapeException("an embedding takes integer ids, got " + ids.type());
            }
            return Ops.gather(f.parameter("weight", Shape.of(count, width), FileLayout.SAME, initializer), ids);
        });
    }

    /**
     * softmax(q kᵀ/√d) v in each of several heads; head h has the h-th run of d columns.
     *
     * @param q queries [N, T, heads·d]; keys and values alike
     * @param causal whether a position sees only itself and those before it
     * @return [N, T, heads·d]
     */
    public static Node attend(Node q, Node k, Node v, int heads, boolean causal) {
        return Attention.apply(q, k, v, heads, causal);
    }

    /**
     * Multi-head self-attention: {@code query}, {@code key}, {@code value} and {@code output} are linear layers with biases.
     *
     * @param x [N, T, D]
     * @param causal whether a position sees only itself and those before it
     */
    public static Node attention(Forward f, Node x, int heads, int keySize, boolean causal) {
        return f.at(() -> {
            if (x.shape().rank() != 3) throw new ShapeException("attention takes [N, T, D], got " + x.shape());
            int width = Math.multiplyExact(heads, keySize);
            Node q = linear(f.in("query"), x, width);
            Node k = linear(f.in("key"), x, width);
            Node v = linear(f.in("value"), x, width);
            return linear(
                    f.in("output"),
                    Attention.apply(q, k, v, heads, causal),
                    x.shape().dim(2));
        });
    }

    private static Shape images(Node x, String what) {
        if (x.shape().rank() != 4) throw new ShapeException(what + " takes images [N, H, W, C], got " + x.shape());
        if (Arrays.stream(x.shape().dims()).anyMatch(d -> d == 0)) {
            throw new ShapeException(what + " takes images with at least one element, got " + x.shape());
        }
        return x.shape();
    }
}
