package hesse.graph;

import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sums along axes, which stay with extent 1. In normal form a factor that is constant along the summed axes stands outside, so
 * that equal sums meet: all the sums a normalisation needs, of any order, are few.
 */
public record ReduceSum(List<Integer> axes) implements Linear {
    public ReduceSum {
        axes = axes.stream().sorted().distinct().toList();
    }

    @Override
    public Type infer(List<Node> inputs) {
        Node x = inputs.getFirst();
        Checks.isFloat("the argument of a sum", x);
        return new Type(x.dtype(), reduced(x.shape()));
    }

    private Shape reduced(Shape shape) {
        for (int a : axes) {
            if (a < 0 || a >= shape.rank()) throw new ShapeException("sum along axis " + a + " of shape " + shape);
            shape = shape.with(a, 1);
        }
        return shape;
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Node x = inputs.getFirst();
        Type type = infer(inputs);
        var wide = axes.stream().filter(a -> x.shape().dim(a) != 1).toList();
        if (wide.isEmpty()) return x;
        if (wide.size() < axes.size()) return g.apply(new ReduceSum(wide), x);
        Node scaled = Linear.pullScale(this, g, inputs);
        if (scaled != null) return scaled;
        return switch (x.op()) {
            case Constant c ->
                g.constant(c.value() * (x.shape().size() / (double) type.shape().size()), type);
            case ReduceSum inner -> {
                var all = new ArrayList<>(axes);
                all.addAll(inner.axes);
                yield g.apply(new ReduceSum(all), x.inputs());
            }
            case Broadcast b -> ofBroadcast(g, x, b);
            case Mul m -> {
                Node pulled = ofProduct(g, x, m, type);
                yield pulled != null ? pulled : g.intern(this, inputs);
            }
            case Sum s -> {
                Node split = ofSum(g, x, s);
                yield split != null ? split : g.intern(this, inputs);
            }
            default -> g.intern(this, inputs);
        };
    }

    private Node ofBroadcast(Graph g, Node x, Broadcast b) {
        Node source = x.input(0);
        double repeats = 1;
        var rest = new ArrayList<Integer>();
        for (int a : axes) {
            if (source.shape().dim(a) == 1) repeats *= x.shape().dim(a);
            else rest.add(a);
        }
        Node sum = g.apply(new ReduceSum(rest), source);
        return Sum.of(g, repeats, g.apply(new Broadcast(reduced(b.shape())), sum));
    }

    /** Whether x is constant along all summed axes. */
    private boolean constantAlong(Node x) {
        return x.op() instanceof Broadcast
                && axes.stream().allMatch(a -> x.input(0).shape().dim(a) == 1);
    }

    private @Nullable Node ofProduct(Graph g, Node x, Mul m, Type type) {
        var outside = new ArrayList<Node>();
        var inside = new ArrayList<Node>();
        for (Node f : x.inputs()) {
            if (constantAlong(f)) outside.add(g.apply(new Broadcast(type.shape()), f.input(0)));
            else inside.add(f);
        }
        if (outside.isEmpty() || inside.isEmpty()) return null;
        outside.add(g.apply(this, g.apply(m, inside)));
        return g.apply(m, outside);
    }

    /** Opens a sum when at least one of its terms has a factor to pull out; the others stay together. */
    private @Nullable Node ofSum(Graph g, Node x, Sum s) {
        var together = new ArrayList<Integer>();
        var alone = new ArrayList<Integer>();
        for (int i = 0; i < x.inputs().size(); i++) {
            Node t = x.input(i);
            boolean pulls = t.op() instanceof Broadcast
                            && axes.stream().anyMatch(a -> t.input(0).shape().dim(a) == 1)
                    || t.op() instanceof Constant
                    || t.op() instanceof Mul && t.inputs().stream().anyMatch(this::constantAlong);
            (pulls ? alone : together).add(i);
        }
        if (alone.isEmpty()) return null;
        var cs = new ArrayList<Double>();
        var terms = new ArrayList<Node>();
        for (int i : alone) {
            cs.add(s.coefficients().get(i));
            terms.add(g.apply(this, x.input(i)));
        }
        if (!together.isEmpty()) {
            Node rest = g.apply(
                    new Sum(together.stream().map(s.coefficients()::get).toList()),
                    together.stream().map(x::input).toList());
            cs.add(1.0);
            terms.add(g.apply(this, rest));
        }
        return g.apply(new Sum(cs), terms);
    }

    @Override
    public Node transpose(Node y, Node cotangent, int input) {
        return y.graph().apply(new Broadcast(y.input(0).shape()), cotangent);
    }
}
