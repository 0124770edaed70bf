package hesse.plan;

import hesse.graph.AllReduce;
import hesse.graph.Apply;
import hesse.graph.ArgMax;
import hesse.graph.ArgMaxPool;
import hesse.graph.Broadcast;
import hesse.graph.Cast;
import hesse.graph.Compare;
import hesse.graph.Concat;
import hesse.graph.Constant;
import hesse.graph.Conv2d;
import hesse.graph.ConvFilterGradient;
import hesse.graph.ConvInputGradient;
import hesse.graph.Gather;
import hesse.graph.Input;
import hesse.graph.Iota;
import hesse.graph.IsFinite;
import hesse.graph.Mark;
import hesse.graph.MatMul;
import hesse.graph.Mul;
import hesse.graph.Node;
import hesse.graph.Pad;
import hesse.graph.PutAlongAxis;
import hesse.graph.Random;
import hesse.graph.ReduceMax;
import hesse.graph.ReduceSum;
import hesse.graph.Reshape;
import hesse.graph.ScatterAdd;
import hesse.graph.Select;
import hesse.graph.Slice;
import hesse.graph.StopGradient;
import hesse.graph.Sum;
import hesse.graph.SumPool;
import hesse.graph.SumPoolTranspose;
import hesse.graph.TakeAlongAxis;
import hesse.graph.Transpose;
import hesse.tensor.Shape;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * How each value of a computation lies on the ranks when the examples of its batch are divided among them: divided along the axis of the
 * examples, a partial sum that has to be summed over the ranks, or whole on each. Partial sums stay partial through whatever is linear in
 * them; one that is needed whole somewhere is whole everywhere, so that it is exchanged once.
 */
final class Layouts {
    /** How a value lies. */
    sealed interface Layout {}

    /** Equal on all ranks. */
    record Whole() implements Layout {}

    /** Each rank has the entries of its own examples. */
    record Divided(int axis) implements Layout {}

    /** The value is the sum of what the ranks have. */
    record Partial() implements Layout {}

    private static final Layout WHOLE = new Whole();
    private static final Layout PARTIAL = new Partial();

    private final Set<String> examples;
    private final Set<String> partial;
    private final int batch;
    private final NodeMap<Layout> layouts = new NodeMap<>();
    private final NodeMap<Moments.Moment> moments;
    private final NodeMap<List<Layout>> uses = new NodeMap<>();
    /** Partial sums that something needs whole. */
    private final BitSet neededWhole = new BitSet();

    private Layouts(Set<String> examples, Set<String> partial, int batch, NodeMap<Moments.Moment> moments) {
        this.examples = examples;
        this.partial = partial;
        this.batch = batch;
        this.moments = moments;
    }

    /**
     * The layouts of all that is live.
     *
     * @param examples inputs that are divided, along their first axis
     * @param partial inputs of which each rank has a part of a sum
     * @param batch number of examples
     */
    static Layouts of(Computation c, Set<String> examples, Set<String> partial, int batch) {
        var live = Live.of(c.nodes());
        var found = new Layouts(examples, partial, batch, Moments.of(live));
        int needed = -1;
        // what is needed whole only grows, and is known after a few rounds
        while (found.neededWhole.cardinality() != needed) {
            needed = found.neededWhole.cardinality();
            for (Node n : live) found.place(n);
            for (Node n : c.nodes()) found.need(n);
        }
        return found;
    }

    Layout of(Node n) {
        return layouts.get(n);
    }

    /** The moment of divided examples that a node is; these are exchanged together, and whole. */
    Optional<Moments.Moment> moment(Node n) {
        boolean divided = moments.has(n) && layouts.get(n) instanceof Whole && use(n, 0) instanceof Divided;
        return divided ? Optional.of(moments.get(n)) : Optional.empty();
    }

    /** How a node takes one of its inputs: as it lies, whole, or divided. */
    Layout use(Node n, int input) {
        return uses.get(n).get(input);
    }

    private Layout seen(Node n) {
        return neededWhole.get(n.index()) ? WHOLE : layouts.get(n);
    }

    private void need(Node n) {
        if (layouts.get(n) instanceof Partial) neededWhole.set(n.index());
    }

    private boolean isDivided(Node n, int axis) {
        return layouts.get(n) instanceof Divided d && d.axis() == axis;
    }

    private void set(Node n, Layout layout, Layout... inputs) {
        for (int i = 0; i < inputs.length; i++) if (!(inputs[i] instanceof Partial)) need(n.input(i));
        layouts.put(n, layout);
        uses.put(n, List.of(inputs));
    }

    /** Result and all inputs alike. */
    private void alike(Node n, Layout layout) {
        var inputs = new Layout[n.inputs().size()];
        Arrays.fill(inputs, layout);
        set(n, layout, inputs);
    }

    private void place(Node n) {
        switch (n.op()) {
            case Input in ->
                set(n, examples.contains(in.name()) ? new Divided(0) : partial.contains(in.name()) ? PARTIAL : WHOLE);
            case Constant c -> set(n, WHOLE);
            case Iota i -> set(n, WHOLE);
            case Random r -> alike(n, WHOLE);
            case AllReduce a -> throw new IllegalStateException("the computation is divided among ranks already: " + n);
            case Sum s -> pointwise(n);
            case Mul m -> pointwise(n);
            case Apply a -> pointwise(n);
            case Select s -> pointwise(n);
            case Cast c -> pointwise(n);
            case Compare c -> pointwise(n);
            case IsFinite f -> pointwise(n);
            case StopGradient s -> pointwise(n);
            case Mark m -> pointwise(n);
            case ReduceSum r -> sum(n, r.axes());
            case ReduceMax r -> along(n, r.axis());
            case ArgMax a -> along(n, a.axis());
            case TakeAlongAxis t -> along(n, t.axis());
            case PutAlongAxis p -> along(n, p.axis());
            case Concat c -> along(n, c.axis());
            case Broadcast b -> broadcast(n);
            case Reshape r -> reshape(n, r.shape());
            case Transpose t -> transpose(n, t.permutation());
            case Slice s ->
                moved(
                        n,
                        axis -> s.starts().get(axis) == 0
                                && n.shape().dim(axis) == n.input(0).shape().dim(axis));
            case Pad p ->
                moved(n, axis -> n.shape().dim(axis) == n.input(0).shape().dim(axis));
            case SumPool p -> moved(n, axis -> axis == 0);
            case SumPoolTranspose p -> moved(n, axis -> axis == 0);
            case ArgMaxPool p -> along(n, 1);
            case Gather g -> gather(n);
            case ScatterAdd s -> scatter(n);
            case MatMul m -> product(n, m);
            case Conv2d c -> images(n);
            case ConvInputGradient c -> images(n);
            case ConvFilterGradient c -> filters(n);
        }
    }

    private void pointwise(Node n) {
        int partial = 0;
        for (Node in : n.inputs()) {
            Layout l = seen(in);
            if (l instanceof Divided) {
                alike(n, l);
                return;
            }
            if (l instanceof Partial) partial++;
        }
        int all = n.inputs().size();
        boolean linear = n.op() instanceof Sum || n.op() instanceof Mul && partial == 1;
        if (partial == 0 || !linear) {
            alike(n, WHOLE);
            return;
        }
        var inputs = new Layout[all];
        for (int i = 0; i < all; i++) inputs[i] = seen(n.input(i));
        set(n, n.op() instanceof Mul || partial == all ? PARTIAL : WHOLE, inputs);
    }

    private void sum(Node n, List<Integer> axes) {
        switch (seen(n.input(0))) {
            case Divided d -> set(n, !axes.contains(d.axis()) ? d : moments.has(n) ? WHOLE : PARTIAL, d);
            case Partial p -> set(n, p, p);
            case Whole w -> set(n, w, w);
        }
    }

    /** Ops that take all entries along one axis, and are alike along the others. */
    private void along(Node n, int axis) {
        for (Node in : n.inputs()) {
            if (layouts.get(in) instanceof Divided d && d.axis() != axis) {
                alike(n, d);
                return;
            }
        }
        alike(n, WHOLE);
    }

    /** Linear ops that are alike along some axes. */
    private void moved(Node n, java.util.function.IntPredicate alike) {
        Layout l = seen(n.input(0));
        if (l instanceof Divided d && !alike.test(d.axis())) l = WHOLE;
        set(n, l, l);
    }

    private void broadcast(Node n) {
        // a partial sum is exchanged before it is repeated
        Layout l = seen(n.input(0)) instanceof Divided d ? d : WHOLE;
        set(n, l, l);
    }

    private void transpose(Node n, List<Integer> permutation) {
        Layout l = seen(n.input(0));
        set(n, l instanceof Divided d ? new Divided(permutation.indexOf(d.axis())) : l, l);
    }

    private void reshape(Node n, Shape to) {
        Layout l = seen(n.input(0));
        if (!(l instanceof Divided d)) {
            set(n, l, l);
            return;
        }
        int axis = axisAfter(n.input(0).shape(), d.axis(), to);
        if (axis < 0) set(n, WHOLE, WHOLE);
        else set(n, new Divided(axis), d);
    }

    /** The axis of a reshaped tensor whose entries are those of the same examples in the same order; −1 if there is none. */
    private int axisAfter(Shape from, int axis, Shape to) {
        long outer = 1;
        for (int a = 0; a < axis; a++) outer *= from.dim(a);
        long before = 1;
        for (int a = 0; a < to.rank(); a++) {
            if (before == outer && to.dim(a) % batch == 0) return a;
            before *= to.dim(a);
        }
        return -1;
    }

    private void gather(Node n) {
        // every rank has the table
        if (layouts.get(n.input(1)) instanceof Divided d) set(n, d, WHOLE, d);
        else alike(n, WHOLE);
    }

    private void scatter(Node n) {
        int indexed = n.input(1).shape().rank();
        for (Node in : n.inputs()) {
            if (layouts.get(in) instanceof Divided d && d.axis() < indexed) {
                set(n, PARTIAL, d, d);
                return;
            }
        }
        Layout rows = seen(n.input(0));
        if (rows instanceof Partial) set(n, PARTIAL, rows, WHOLE);
        else alike(n, WHOLE);
    }

    private void product(Node n, MatMul m) {
        Node a = n.input(0);
        Node b = n.input(1);
        int rank = n.shape().rank();
        int inner = rank - (m.transposeA() ? 2 : 1);
        int innerB = rank - (m.transposeB() ? 1 : 2);
        if (isDivided(a, inner) || isDivided(b, innerB)) {
            set(n, PARTIAL, new Divided(inner), new Divided(innerB));
            return;
        }
        for (Node in : n.inputs()) {
            if (layouts.get(in) instanceof Divided d && d.axis() < rank - 2) {
                alike(n, d);
                return;
            }
        }
        if (layouts.get(a) instanceof Divided d) set(n, new Divided(rank - 2), d, WHOLE);
        else if (layouts.get(b) instanceof Divided d) set(n, new Divided(rank - 1), WHOLE, d);
        else alike(n, WHOLE);
    }

    private void images(Node n) {
        if (isDivided(n.input(0), 0)) set(n, new Divided(0), new Divided(0), WHOLE);
        else alike(n, WHOLE);
    }

    private void filters(Node n) {
        if (isDivided(n.input(0), 0) || isDivided(n.input(1), 0)) set(n, PARTIAL, new Divided(0), new Divided(0));
        else alike(n, WHOLE);
    }
}
