package hesse.plan;

import hesse.graph.Broadcast;
import hesse.graph.Compare;
import hesse.graph.Graph;
import hesse.graph.Mul;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.ReduceSum;
import hesse.graph.Slice;
import hesse.graph.Sum;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Sums of normalisations, written so that they need fewer passes over memory; applied when all derivatives are taken.
 *
 * <p>A variance needs its mean first, hence two passes. Σ(x − μ)² = Σ(x − s)² − (Σ(x − s))²/n for any s, and with s one of the values
 * nothing cancels that matters: two sums of one pass. (The difference loses a factor 1 + (μ − s)²/σ² of its digits, which is small unless s
 * is an outlier, and can be a rounding below zero where all values are nearly equal: it is clamped there.) And as Σ(x − μ) = 0, Σ(x − μ)(y − c) = Σ(x − μ)y for what is constant along the sum:
 * the covariances in derivatives of a normalisation need not wait for the second mean.
 */
final class Moments {
    /** A sum of x over some axes. */
    private record Total(Node x, List<Integer> axes) {}

    /** What becomes of Σx and Σ(x − μ)², in the new graph. */
    private record Pass(Node sum, Node squares) {}

    private final Set<Total> variances = new HashSet<>();
    private final Map<Total, Pass> passes = new HashMap<>();

    Moments(List<Node> live) {
        for (Node n : live) {
            if (!(n.op() instanceof ReduceSum r) || !isSquare(n.input(0))) continue;
            var centred = centred(n.input(0).input(0), r.axes());
            if (centred == null) continue;
            Node x = centred.x();
            // the values along the last axis stay neighbours, and x has memory of its own to take a value from
            if (!r.axes().contains(x.shape().rank() - 1) && isStored(x)) variances.add(new Total(x, r.axes()));
        }
    }

    /**
     * A sum that a mean or a variance is made of: Σx, or c²·Σ(x − μ)².
     *
     * @param squares c², or 0 for Σx
     */
    record Moment(Node x, double squares) {}

    /** The sums of all means and variances that come together. */
    static NodeMap<Moment> of(Iterable<Node> live) {
        var found = new NodeMap<Moment>();
        for (Node n : live) {
            if (!(n.op() instanceof ReduceSum r) || !isSquare(n.input(0))) continue;
            var centred = centred(n.input(0).input(0), r.axes());
            if (centred == null) continue;
            found.put(n, new Moment(centred.x(), centred.factor() * centred.factor()));
            found.put(centred.total(), new Moment(centred.x(), 0));
        }
        return found;
    }

    private static boolean isSquare(Node n) {
        return n.op() instanceof Mul && n.inputs().size() == 2 && n.input(0) == n.input(1);
    }

    private static boolean isStored(Node x) {
        if (x.op() instanceof Sum) return x.inputs().stream().anyMatch(t -> Erasure.isContraction(Storage.base(t)));
        return !Storage.isLight(x);
    }

    static double count(Shape s, List<Integer> axes) {
        double n = 1;
        for (int a : axes) n *= s.dim(a);
        return n;
    }

    /** c·(x − mean(x)), and the sum of x in it. */
    private record Centred(Node x, Node total, double factor) {}

    /** What n is made of, if it is some x − mean(x) over the axes up to a factor. */
    private static @Nullable Centred centred(Node n, List<Integer> axes) {
        if (!(n.op() instanceof Sum s) || n.inputs().size() != 2) return null;
        for (int i = 0; i < 2; i++) {
            Node x = n.input(i);
            Node b = n.input(1 - i);
            if (!(b.op() instanceof Broadcast)) continue;
            Node mean = b.input(0);
            double scale = Sum.scale(mean);
            double c = s.coefficients().get(1 - i) * scale;
            Node total = scale == 1 ? mean : Sum.unscaled(mean);
            boolean centred = total.op() instanceof ReduceSum r
                    && r.axes().equals(axes)
                    && total.input(0) == x
                    && Math.abs(c * count(x.shape(), axes) + s.coefficients().get(i))
                            <= 1e-12 * Math.abs(s.coefficients().get(i));
            if (centred) return new Centred(x, total, s.coefficients().get(i));
        }
        return null;
    }

    /**
     * The sum n in the new graph, or null to rebuild it as it is.
     *
     * @param rebuilt of what n depends on
     */
    @Nullable
    Node rewritten(Graph target, Node n, ReduceSum r, UnaryOperator<Node> rebuilt) {
        Node x = n.input(0);
        if (variances.contains(new Total(x, r.axes())))
            return pass(target, x, r, rebuilt).sum();
        if (x.op() instanceof Mul && isSquare(x)) {
            var of = centred(x.input(0), r.axes());
            if (of == null || !variances.contains(new Total(of.x(), r.axes()))) return null;
            return Ops.scale(
                    of.factor() * of.factor(), pass(target, of.x(), r, rebuilt).squares());
        }
        return covariance(target, n, r, rebuilt);
    }

    /** As {@link #rewritten}, of covariances only: the same sum whichever examples it is of. */
    static @Nullable Node covariance(Graph target, Node n, ReduceSum r, UnaryOperator<Node> rebuilt) {
        Node x = n.input(0);
        if (!(x.op() instanceof Mul) || x.inputs().size() != 2 || isSquare(x)) return null;
        for (int i = 0; i < 2; i++) {
            if (centred(x.input(i), r.axes()) == null) continue;
            Node rest = withoutConstants(target, x.input(1 - i), r, rebuilt);
            if (rest != null) return target.apply(r, target.apply(x.op(), rebuilt.apply(x.input(i)), rest));
        }
        return null;
    }

    private Pass pass(Graph target, Node x, ReduceSum r, UnaryOperator<Node> rebuilt) {
        return passes.computeIfAbsent(new Total(x, r.axes()), k -> {
            Node y = rebuilt.apply(x);
            Node one = first(target, y, r.axes());
            Node shifted = Ops.sub(y, Ops.broadcastTo(one, y.shape()));
            Node sum = target.apply(r, shifted);
            Node squares = target.apply(r, Ops.square(shifted));
            double n = count(x.shape(), r.axes());
            Node centred = Ops.sub(squares, Ops.scale(1 / n, Ops.square(sum)));
            return new Pass(Ops.add(Ops.scale(n, one), sum), notNegative(target, centred));
        });
    }

    static Node notNegative(Graph target, Node x) {
        Node zero = target.constant(0, x.type());
        return Ops.select(Ops.compare(Compare.Relation.LT, x, zero), zero, x);
    }

    /** The values at index 0 of the axes, which stay. */
    private static Node first(Graph target, Node y, List<Integer> axes) {
        var sizes = new ArrayList<Integer>();
        for (int a = 0; a < y.shape().rank(); a++)
            sizes.add(axes.contains(a) ? 1 : y.shape().dim(a));
        return target.apply(
                new Slice(Collections.nCopies(sizes.size(), 0), sizes, Collections.nCopies(sizes.size(), 1)), y);
    }

    /** A sum without its terms that are constant along the axes; null if it has none, or nothing else. */
    private static @Nullable Node withoutConstants(Graph target, Node n, ReduceSum r, UnaryOperator<Node> rebuilt) {
        if (!(n.op() instanceof Sum s)) return null;
        var coefficients = new ArrayList<Double>();
        var terms = new ArrayList<Node>();
        for (int i = 0; i < n.inputs().size(); i++) {
            Node t = n.input(i);
            boolean constant = t.op() instanceof Broadcast
                    && r.axes().stream().allMatch(a -> t.input(0).shape().dim(a) == 1);
            if (constant) continue;
            coefficients.add(s.coefficients().get(i));
            terms.add(rebuilt.apply(t));
        }
        if (terms.isEmpty() || terms.size() == n.inputs().size()) return null;
        return target.apply(new Sum(coefficients), terms);
    }
}
