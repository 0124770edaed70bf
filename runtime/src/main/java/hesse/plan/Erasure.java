package hesse.plan;

import hesse.graph.Conv2d;
import hesse.graph.ConvFilterGradient;
import hesse.graph.ConvInputGradient;
import hesse.graph.Graph;
import hesse.graph.Mark;
import hesse.graph.MatMul;
import hesse.graph.Node;
import hesse.graph.ReduceSum;
import hesse.graph.StopGradient;
import hesse.graph.Sum;
import hesse.plan.Computation.Output;
import java.util.ArrayList;
import java.util.List;

/**
 * When all derivatives are taken: rebuilds what is live in a new graph without what only matters to differentiation (derivative
 * chains of scalar functions, stopped gradients), so that passes which differ only in those become one; and gathers the
 * contractions of one sum, to be accumulated into one buffer; and writes the sums of normalisations for fewer passes, and sums of
 * pieces that lie side by side as what they are.
 */
public final class Erasure {
    /** Inner sums are opened while there are fewer terms; attention's cotangents of keys have two for each chunk of queries. */
    private static final int TERMS_AT_MOST = 4096;

    /** What a rebuilding is for. */
    private enum Pass {
        FORGET,
        COVARIANCES,
        GATHER
    }

    private final Graph target = new Graph();
    private final NodeMap<Node> rebuilt = new NodeMap<>();

    private Erasure() {}

    /** The same computation on a fresh, erased graph. */
    public static Computation erase(Computation c) {
        return new Erasure().run(forget(c), Pass.GATHER);
    }

    /**
     * As {@link #erase}, but sums stay as they were written, except that covariances wait for one mean only: what is then divided among
     * ranks needs fewer exchanges after one another.
     */
    static Computation toDivide(Computation c) {
        return new Erasure().run(forget(c), Pass.COVARIANCES);
    }

    private static Computation forget(Computation c) {
        return new Erasure().run(c, Pass.FORGET);
    }

    private Computation run(Computation c, Pass pass) {
        boolean gather = pass == Pass.GATHER;
        var live = Live.of(c.nodes());
        var uses = new NodeMap<Integer>();
        for (Node n : live) for (Node in : n.inputs()) uses.merge(in, 1, Integer::sum);
        for (Node n : c.nodes()) uses.merge(n, 1, Integer::sum);
        var moments = new Moments(gather ? live : List.of());
        for (Node n : live) {
            var inputs = n.inputs().stream().map(rebuilt::get).toList();
            try (var scope = target.scope(n.path())) {
                if (n.op() instanceof StopGradient || n.op() instanceof Mark) rebuilt.put(n, inputs.getFirst());
                else if (gather && n.op() instanceof Sum s) {
                    Node tiles = Tiles.joined(target, n, s, uses, rebuilt::get);
                    rebuilt.put(n, tiles != null ? tiles : gathered(n, s, uses));
                } else if (gather && n.op() instanceof ReduceSum r) {
                    Node faster = moments.rewritten(target, n, r, rebuilt::get);
                    rebuilt.put(n, faster != null ? faster : target.apply(r, inputs));
                } else if (pass == Pass.COVARIANCES && n.op() instanceof ReduceSum r) {
                    Node sooner = Moments.covariance(target, n, r, rebuilt::get);
                    rebuilt.put(n, sooner != null ? sooner : target.apply(r, inputs));
                } else rebuilt.put(n, target.apply(n.op().erased(), inputs));
            }
        }
        return new Computation(c.outputs().stream()
                .map(o -> new Output(o.name(), rebuilt.get(o.node()), o.mode()))
                .toList());
    }

    static boolean isContraction(Node n) {
        return n.op() instanceof MatMul
                || n.op() instanceof Conv2d
                || n.op() instanceof ConvInputGradient
                || n.op() instanceof ConvFilterGradient;
    }

    /** Σ with its singly used contractions, also those of singly used inner sums, as one inner sum of contractions only. */
    private Node gathered(Node n, Sum s, NodeMap<Integer> uses) {
        var contractions = new ArrayList<Node>();
        var contractionScales = new ArrayList<Double>();
        var rest = new ArrayList<Node>();
        var restScales = new ArrayList<Double>();
        record Term(double c, Node x) {}
        var open = new ArrayList<Term>();
        for (int i = 0; i < n.inputs().size(); i++)
            open.add(new Term(s.coefficients().get(i), n.input(i)));
        for (int i = 0; i < open.size(); i++) {
            Term t = open.get(i);
            boolean single = uses.get(t.x) == 1;
            if (single && isContraction(t.x)) {
                contractions.add(rebuilt.get(t.x));
                contractionScales.add(t.c);
            } else if (single
                    && t.x.op() instanceof Sum inner
                    && holdsContraction(t.x, uses)
                    && open.size() < TERMS_AT_MOST) {
                for (int k = 0; k < t.x.inputs().size(); k++) {
                    open.add(new Term(t.c * inner.coefficients().get(k), t.x.input(k)));
                }
            } else {
                rest.add(rebuilt.get(t.x));
                restScales.add(t.c);
            }
        }
        if (contractions.size() < 2) {
            return target.apply(s, n.inputs().stream().map(rebuilt::get).toList());
        }
        Node group = target.apply(new Sum(contractionScales), contractions);
        if (rest.isEmpty()) return group;
        rest.add(group);
        restScales.add(1.0);
        return target.apply(new Sum(restScales), List.copyOf(rest));
    }

    private static boolean holdsContraction(Node sum, NodeMap<Integer> uses) {
        return sum.inputs().stream().anyMatch(x -> uses.get(x) == 1 && (isContraction(x) || x.op() instanceof Sum));
    }
}
