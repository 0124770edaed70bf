package hesse.plan;

import hesse.graph.AllReduce;
import hesse.graph.Apply;
import hesse.graph.Broadcast;
import hesse.graph.Cast;
import hesse.graph.Compare;
import hesse.graph.Constant;
import hesse.graph.Graph;
import hesse.graph.Input;
import hesse.graph.Iota;
import hesse.graph.IsFinite;
import hesse.graph.Mul;
import hesse.graph.Node;
import hesse.graph.Op;
import hesse.graph.Ops;
import hesse.graph.Pad;
import hesse.graph.Random;
import hesse.graph.ReduceSum;
import hesse.graph.Reshape;
import hesse.graph.Select;
import hesse.graph.Slice;
import hesse.graph.Sum;
import hesse.graph.Type;
import hesse.plan.Computation.Output;
import hesse.plan.Layouts.Layout;
import hesse.plan.Layouts.Whole;
import hesse.plan.Moments.Moment;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One rank's part of a computation over a whole batch. The computation is written, and differentiated, as if there were one machine;
 * then {@link Layouts} finds what is divided among the ranks by examples, what is a partial sum and what is equal on all of them, and this
 * rebuilds it for some of the examples, with a sum over ranks wherever a partial sum is needed whole. Factors such as 1/n stay those of
 * the whole batch, so that sums over unequal parts are right too.
 *
 * <p>Which sums are exchanged, and in which order, depends on the whole computation only, never on the rank.
 */
public final class Sharding {
    private record Shard(int node, int axis) {}

    private record Total(Node x, List<Integer> axes) {}

    /** Σx and Σ(x − μ)² of all examples, in the element type of x. */
    private record Both(Node sum, Node squares) {}

    private final Rows rows;
    private final Layouts layouts;
    private final Graph target = new Graph();
    /** A node as its layout says: this rank's entries, its partial sum, or the value that all ranks have. */
    private final NodeMap<Node> built = new NodeMap<>();
    /** Whole values of partial sums and of what is divided. */
    private final NodeMap<Node> whole = new NodeMap<>();

    private final Map<Shard, Node> shards = new HashMap<>();
    /** Exchanges before a node as built, and before its whole value. */
    private final NodeMap<Integer> round = new NodeMap<>();

    private final NodeMap<Integer> wholeRound = new NodeMap<>();

    private final Map<Total, Both> moments = new HashMap<>();
    private int exchanges;

    private Sharding(Rows rows, Layouts layouts) {
        this.rows = rows;
        this.layouts = layouts;
    }

    /**
     * The part of a computation.
     *
     * @param examples inputs whose first axis runs over the examples of the batch; in the result they hold this rank's
     * @param partial inputs of which each rank has a part of a sum
     */
    public static Computation of(Computation computation, Set<String> examples, Set<String> partial, Rows rows) {
        var forgotten = Erasure.toDivide(computation);
        var layouts = Layouts.of(forgotten, examples, partial, rows.of());
        return new Sharding(rows, layouts).run(forgotten);
    }

    private Computation run(Computation c) {
        for (Node n : Live.of(c.nodes())) {
            try (var scope = target.scope(n.path())) {
                built.put(n, build(n));
            }
        }
        var outputs = new ArrayList<Output>();
        for (var o : c.outputs()) outputs.add(new Output(o.name(), whole(o.node()), o.mode()));
        return new Computation(outputs);
    }

    private Node build(Node n) {
        Layout layout = layouts.of(n);
        var moment = layouts.moment(n);
        if (moment.isPresent()) return moment(n, moment.get());
        int rounds = 0;
        var inputs = new ArrayList<Node>();
        var partial = new ArrayList<Integer>();
        for (int i = 0; i < n.inputs().size(); i++) {
            Node in = n.input(i);
            switch (layouts.use(n, i)) {
                case Layouts.Whole w -> {
                    inputs.add(whole(in));
                    rounds = Math.max(rounds, wholeRound.getOr(in, 0));
                }
                case Layouts.Divided d -> {
                    boolean own = layouts.of(in).equals(d);
                    inputs.add(own ? built.get(in) : shard(in, d.axis()));
                    rounds = Math.max(rounds, own ? round.getOr(in, 0) : wholeRound.getOr(in, 0));
                }
                case Layouts.Partial p -> {
                    inputs.add(built.get(in));
                    rounds = Math.max(rounds, round.getOr(in, 0));
                    partial.add(i);
                }
            }
        }
        if (layout instanceof Whole && n.op() instanceof Sum s && !partial.isEmpty())
            return joined(n, s, inputs, partial);
        round.put(n, rounds);
        return target.apply(local(n, layout), inputs);
    }

    /** Terms that are partial sums are added on each rank before they are summed over the ranks, together. */
    private Node joined(Node n, Sum s, List<Node> inputs, List<Integer> partial) {
        var cs = new ArrayList<Double>();
        var terms = new ArrayList<Node>();
        int before = 0;
        int rounds = 0;
        for (int i = 0; i < inputs.size(); i++) {
            if (partial.contains(i)) {
                cs.add(s.coefficients().get(i));
                terms.add(inputs.get(i));
                before = Math.max(before, round.getOr(n.input(i), 0));
            } else {
                rounds = Math.max(rounds, wholeRound.getOr(n.input(i), 0));
            }
        }
        Node total = exchanged(target.apply(new Sum(cs), terms), before + 1);
        round.put(n, Math.max(rounds, before + 1));
        if (partial.size() == inputs.size()) return total;
        cs.clear();
        terms.clear();
        for (int i = 0; i < inputs.size(); i++) {
            if (partial.contains(i)) continue;
            cs.add(s.coefficients().get(i));
            terms.add(inputs.get(i));
        }
        cs.add(1.0);
        terms.add(total);
        return target.apply(new Sum(cs), terms);
    }

    private Node moment(Node n, Moment moment) {
        int before = round.getOr(moment.x(), 0) + 1;
        round.put(n, before);
        var r = (ReduceSum) n.op();
        var both = moments.computeIfAbsent(
                new Total(moment.x(), r.axes()), t -> exchangedMoments(n, built.get(t.x()), r, before));
        return moment.squares() == 0 ? both.sum() : Ops.scale(moment.squares(), both.squares());
    }

    /**
     * A variance needs its mean first, hence two exchanges. But Σ(x − μ)² over all examples is the sum over ranks of Mᵣ + Sᵣ²/nᵣ, less S²/n,
     * with Sᵣ the sum of a rank's nᵣ values and Mᵣ that of their squared distances from its own mean: one exchange. What cancels here is
     * (μ/σ)² as large as what is left, so these few numbers are f64.
     */
    private Both exchangedMoments(Node n, Node x, ReduceSum r, int round) {
        double all = Moments.count(n.input(0).shape(), r.axes());
        double own = Moments.count(x.shape(), r.axes());
        Node sum = target.apply(r, x);
        Node centred = Ops.sub(x, Ops.broadcastTo(Ops.scale(1 / own, sum), x.shape()));
        Node s = Ops.cast(DType.F64, sum);
        Node squares =
                Ops.add(Ops.cast(DType.F64, target.apply(r, Ops.square(centred))), Ops.scale(1 / own, Ops.square(s)));
        Node total = exchanged(s, round);
        Node spread = Ops.sub(exchanged(squares, round), Ops.scale(1 / all, Ops.square(total)));
        return new Both(Ops.cast(x.dtype(), total), Ops.cast(x.dtype(), Moments.notNegative(target, spread)));
    }

    private Node exchanged(Node local, int round) {
        return target.apply(new AllReduce(round, exchanges++), local);
    }

    /** The value that all ranks have. */
    private Node whole(Node n) {
        @Nullable Node known = whole.find(n);
        if (known != null) return known;
        int before = round.getOr(n, 0);
        Node own = built.get(n);
        Node value = switch (layouts.of(n)) {
            case Layouts.Whole w -> own;
            case Layouts.Partial p -> exchanged(own, before + 1);
            case Layouts.Divided d -> exchanged(padded(n, own, d.axis()), before + 1);
        };
        wholeRound.put(n, layouts.of(n) instanceof Layouts.Whole ? before : before + 1);
        whole.put(n, value);
        return value;
    }

    /** This rank's entries among zeros: a partial sum of the whole. */
    private Node padded(Node n, Node own, int axis) {
        var before = new ArrayList<Integer>();
        var after = new ArrayList<Integer>();
        var between = new ArrayList<Integer>();
        for (int a = 0; a < n.shape().rank(); a++) {
            int extent = n.shape().dim(a);
            before.add(a == axis ? rows.start(extent) : 0);
            after.add(a == axis ? extent - rows.start(extent) - rows.local(extent) : 0);
            between.add(0);
        }
        if (n.dtype() == DType.BOOL) {
            throw new IllegalStateException("truth values of single examples are needed on all ranks: " + n);
        }
        return target.apply(new Pad(before, after, between), own);
    }

    private Shape local(Shape s, int axis) {
        return s.with(axis, rows.local(s.dim(axis)));
    }

    /** The op for this rank's part of its result. */
    private Op local(Node n, Layout layout) {
        if (!(layout instanceof Layouts.Divided d)) return n.op();
        int axis = d.axis();
        return switch (n.op()) {
            case Input in -> new Input(in.name(), new Type(n.dtype(), local(n.shape(), axis)));
            case Broadcast b -> new Broadcast(local(b.shape(), axis));
            case Reshape r -> new Reshape(local(r.shape(), axis));
            case Slice s -> {
                var sizes = new ArrayList<>(s.sizes());
                sizes.set(axis, rows.local(n.shape().dim(axis)));
                yield new Slice(s.starts(), sizes, s.strides());
            }
            default -> n.op();
        };
    }

    /** This rank's entries of a value that all ranks could make: made alone where that is possible, else cut out. */
    private Node shard(Node root, int axis) {
        var needed = new HashSet<Node>();
        var open = new ArrayList<Node>(List.of(root));
        while (!open.isEmpty()) {
            Node n = open.removeLast();
            if (shards.containsKey(new Shard(n.index(), axis)) || !needed.add(n)) continue;
            if (descends(n, axis)) open.addAll(n.inputs());
        }
        var order = new ArrayList<>(needed);
        order.sort(Comparator.comparingInt(Node::index));
        for (Node n : order) {
            whole(n);
            shards.put(new Shard(n.index(), axis), cut(n, axis));
        }
        return shard(root.index(), axis);
    }

    private Node shard(int node, int axis) {
        Node known = shards.get(new Shard(node, axis));
        if (known == null) throw new IllegalStateException("no part of node " + node + " along axis " + axis);
        return known;
    }

    /** Whether part of the result is made of the same part of all operands. */
    private boolean descends(Node n, int axis) {
        boolean pointwise = switch (n.op()) {
            case Sum s -> true;
            case Mul m -> true;
            case Apply a -> true;
            case Select s -> true;
            case Cast c -> true;
            case Compare c -> true;
            case IsFinite f -> true;
            case Broadcast b -> n.input(0).shape().dim(axis) != 1;
            default -> false;
        };
        if (!pointwise) return false;
        for (int i = 0; i < n.inputs().size(); i++) {
            if (!(layouts.use(n, i) instanceof Layouts.Whole) || !(layouts.of(n.input(i)) instanceof Layouts.Whole))
                return false;
        }
        return true;
    }

    private Node cut(Node n, int axis) {
        Shape part = local(n.shape(), axis);
        if (descends(n, axis)) {
            var inputs = n.inputs().stream().map(in -> shard(in.index(), axis)).toList();
            return target.apply(n.op() instanceof Broadcast ? new Broadcast(part) : n.op(), inputs);
        }
        return switch (n.op()) {
            case Constant c -> target.constant(c.value(), n.dtype(), part);
            case Broadcast b -> target.apply(new Broadcast(part), whole(n.input(0)));
            case Iota i ->
                i.axis() == axis ? piece(n, axis, part) : target.apply(new Iota(i.axis(), new Type(n.dtype(), part)));
            case Random r -> axis == 0 ? draws(n, r, part) : piece(n, axis, part);
            default -> piece(n, axis, part);
        };
    }

    private Node piece(Node n, int axis, Shape part) {

        var starts = new ArrayList<Integer>();
        var sizes = new ArrayList<Integer>();
        var strides = new ArrayList<Integer>();
        for (int a = 0; a < part.rank(); a++) {
            starts.add(a == axis ? rows.start(n.shape().dim(axis)) : 0);
            sizes.add(part.dim(a));
            strides.add(1);
        }
        return target.apply(new Slice(starts, sizes, strides), whole(n));
    }

    /** The same draws as on one machine: an element's depend on its place in the whole batch. */
    private Node draws(Node n, Random r, Shape part) {
        long each = n.shape().size() / n.shape().dim(0);
        double before = (double) each * rows.start(n.shape().dim(0));
        Node offset = whole(n.input(2));
        // whole numbers below 2^53 are exact in f64, and integers have no sum of their own
        Node moved = before == 0 ? offset : Ops.cast(DType.I64, Ops.plus(Ops.cast(DType.F64, offset), before));
        return target.apply(
                new Random(r.distribution(), r.use(), new Type(n.dtype(), part)),
                whole(n.input(0)),
                whole(n.input(1)),
                moved);
    }
}
