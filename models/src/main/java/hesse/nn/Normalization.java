package hesse.nn;

import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.ShapeException;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Batch, layer, group and RMS normalisation, composed of sums and elementwise ops, so that their derivatives are exact to any order.
 * Variances are biased and computed as the mean of (x − μ)², which does not cancel.
 */
final class Normalization {
    /** Weight of the newest batch in running statistics. */
    private static final double MOMENTUM = 0.1;

    private Normalization() {}

    /** x·weight + bias over the last axis, names as in files. */
    private record Affine(Node weight, Node bias) {
        static Affine declare(Forward f, Node x) {
            Shape channels = Shape.of(x.shape().dim(-1));
            return new Affine(
                    f.parameter("weight", channels, FileLayout.SAME, Initializer.ONES),
                    f.parameter("bias", channels, FileLayout.SAME, Initializer.ZEROS));
        }

        Node apply(Node centred, Node variance, double eps) {
            return Ops.add(Ops.mul(centred, Ops.rsqrt(Ops.plus(variance, eps)), weight), bias);
        }
    }

    static Node batch(Forward f, Node x, double eps) {
        atLeast(x, 2, "batch norm takes [N, C], [N, T, C] or [N, H, W, C]");
        var affine = Affine.declare(f, x);
        int c = x.shape().dim(-1);
        Shape channels = Shape.of(c);
        Node runningMean = f.buffer("running_mean", channels, 0);
        Node runningVar = f.buffer("running_var", channels, 1);
        Node batches = f.buffer("num_batches_tracked", Shape.SCALAR, DType.I64, 0);
        if (f.mode() == Mode.EVAL) return affine.apply(Ops.sub(x, runningMean), runningVar, eps);

        double n = (double) x.shape().size() / c;
        if (n < 2) {
            throw new ShapeException("batch norm in training needs more than one value per channel, got shape "
                    + x.shape() + "; use a larger batch, evaluation mode or another norm");
        }
        int[] axes = IntStream.range(0, x.shape().rank() - 1).toArray();
        Node mean = f.statistic("mean", Ops.mean(x, axes));
        Node centred = Ops.sub(x, mean);
        Node variance = f.statistic("var", Ops.mean(Ops.square(centred), axes));
        f.update("running_mean", running(runningMean, 1, mean));
        f.update("running_var", running(runningVar, n / (n - 1), variance));
        f.update("num_batches_tracked", Ops.cast(DType.I64, Ops.plus(Ops.cast(DType.F64, batches), 1)));
        return affine.apply(centred, variance, eps);
    }

    private static Node running(Node old, double factor, Node batch) {
        return Ops.add(Ops.scale(1 - MOMENTUM, old), Ops.scale(MOMENTUM * factor, Ops.reshape(batch, old.shape())));
    }

    static Node layer(Forward f, Node x, double eps) {
        atLeast(x, 2, "layer norm takes [N, C], [N, T, C] or [N, H, W, C]");
        var affine = Affine.declare(f, x);
        int last = x.shape().rank() - 1;
        Node centred = Ops.sub(x, Ops.mean(x, last));
        return affine.apply(centred, Ops.mean(Ops.square(centred), last), eps);
    }

    static Node group(Forward f, Node x, int groups, double eps) {
        atLeast(x, 2, "group norm takes [N, C], [N, T, C] or [N, H, W, C]");
        Shape s = x.shape();
        int c = s.dim(-1);
        if (groups < 1 || c % groups != 0) {
            throw new ShapeException(
                    "group norm in " + groups + " groups does not divide the " + c + " channels of " + s);
        }
        int positions = Arrays.stream(s.dims(), 1, s.rank() - 1).reduce(1, Math::multiplyExact);
        Node grouped = Ops.reshape(x, s.dim(0), positions, groups, c / groups);
        Node centred = Ops.sub(grouped, Ops.mean(grouped, 1, 3));
        Node deviation = Ops.rsqrt(Ops.plus(Ops.mean(Ops.square(centred), 1, 3), eps));
        var affine = Affine.declare(f, x);
        return Ops.add(Ops.mul(Ops.reshape(Ops.mul(centred, deviation), s), affine.weight), affine.bias);
    }

    static Node rms(Forward f, Node x, double eps) {
        atLeast(x, 2, "RMS norm takes [N, C], [N, T, C] or [N, H, W, C]");
        Node weight = f.parameter("weight", Shape.of(x.shape().dim(-1)), FileLayout.SAME, Initializer.ONES);
        Node square = Ops.mean(Ops.square(x), x.shape().rank() - 1);
        return Ops.mul(x, Ops.rsqrt(Ops.plus(square, eps)), weight);
    }

    private static void atLeast(Node x, int rank, String what) {
        if (x.shape().rank() < rank) throw new ShapeException(what + ", got shape " + x.shape());
    }
}
