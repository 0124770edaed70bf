package hesse.plan;

import hesse.graph.Graph;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.graph.Reshape;
import hesse.plan.Computation.Output;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A computation cut in two by its inputs, to be run again and again while only some of them vary: what does not depend on the varying
 * ones is computed once and stays. Of that, contractions, reductions and moves cross the cut (activations and cotangents of a network);
 * elementwise results are made again from them. A Hessian-vector product alone costs two gradients on the other side, with
 * activations alone kept it would cost 2.33.
 *
 * @param fixed the first part: outputs that do not vary, and everything in {@link #crossing}; empty if there is nothing to compute
 * @param varying the second part: outputs that vary, from the varying inputs, the others and everything in {@link #crossing}
 * @param crossing the names of outputs of the first part that are inputs of the second
 */
public record Cut(Optional<Computation> fixed, Computation varying, List<String> crossing) {
    /** Starts the names of values that cross the cut. */
    public static final String PREFIX = "kept.";

    public Cut {
        crossing = List.copyOf(crossing);
    }

    /**
     * Cuts a computation.
     *
     * @param inputs names of inputs that vary; names that the computation does not read are ignored
     * @throws IllegalArgumentException if no output depends on a varying input, or an output takes an input's place
     */
    public static Cut by(Computation computation, Set<String> inputs) {
        return new Cutting(Erasure.erase(computation), inputs).cut();
    }

    private static final class Cutting {
        private final Computation whole;
        private final Storage storage;
        private final Set<Node> moving = new HashSet<>();
        private final Graph target = new Graph();
        private final NodeMap<Node> rebuilt = new NodeMap<>();
        private final Map<String, Node> crossing = new LinkedHashMap<>();

        Cutting(Computation whole, Set<String> inputs) {
            this.whole = whole;
            var given = whole.inputs();
            for (var o : whole.outputs()) {
                if (given.containsKey(o.name())) {
                    throw new IllegalArgumentException("output " + o.name() + " takes an input's place");
                }
            }
            var live = Live.of(whole.nodes());
            for (Node n : live) {
                boolean varies = n.op() instanceof Input in
                        ? inputs.contains(in.name())
                        : n.inputs().stream().anyMatch(moving::contains);
                if (varies) moving.add(n);
            }
            var stores = new HashSet<Node>();
            for (Node n : whole.nodes()) stores.add(Storage.base(n));
            this.storage = new Storage(live, stores, Set.of());
        }

        Cut cut() {
            var fixed = new ArrayList<Output>();
            var varying = new ArrayList<Output>();
            // in order of creation, so that nothing recurses
            for (Node n : needed()) rebuild(n);
            for (var o : whole.outputs()) {
                if (moving.contains(o.node())) varying.add(new Output(o.name(), rebuilt.get(o.node()), o.mode()));
                else fixed.add(o);
            }
            if (varying.isEmpty()) throw new IllegalArgumentException("no output depends on a varying input");
            crossing.forEach((name, n) -> fixed.add(new Output(name, n, Computation.Mode.WRITE)));
            return new Cut(
                    fixed.isEmpty() ? Optional.empty() : Optional.of(new Computation(fixed)),
                    new Computation(varying),
                    List.copyOf(crossing.keySet()));
        }

        /** The moving nodes and what has to be made again for them. */
        private List<Node> needed() {
            var found = new HashSet<Node>(moving);
            var open = new ArrayList<Node>(moving);
            while (!open.isEmpty()) {
                Node n = open.removeLast();
                if (crosses(n)) continue;
                for (Node in : n.inputs()) if (found.add(in)) open.add(in);
            }
            return found.stream()
                    .sorted(java.util.Comparator.comparingInt(Node::index))
                    .toList();
        }

        private boolean crosses(Node n) {
            if (moving.contains(n) || Storage.isGiven(n) || n.op() instanceof Reshape) return false;
            if (storage.isRemade(n)) return false;
            return !Storage.isLight(n) || storage.isKept(n);
        }

        private void rebuild(Node n) {
            if (crosses(n)) {
                String name = PREFIX + crossing.size();
                crossing.put(name, n);
                rebuilt.put(n, target.input(name, n.dtype(), n.shape()));
                return;
            }
            var inputs = n.inputs().stream().map(rebuilt::get).toList();
            try (var scope = target.scope(n.path())) {
                rebuilt.put(n, target.apply(n.op(), inputs));
            }
        }
    }
}
