package hesse.plan;

import hesse.graph.Apply;
import hesse.graph.Broadcast;
import hesse.graph.Cast;
import hesse.graph.Compare;
import hesse.graph.Constant;
import hesse.graph.Input;
import hesse.graph.Iota;
import hesse.graph.IsFinite;
import hesse.graph.Mul;
import hesse.graph.Node;
import hesse.graph.ReduceMax;
import hesse.graph.ReduceSum;
import hesse.graph.Reshape;
import hesse.graph.Select;
import hesse.graph.Sum;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Which values are kept and which are made again. Contractions, reductions and moves are kept; elementwise results and
 * broadcasts are recomputed from them wherever they are needed, unless they are small, feed a broadcast, join a residual
 * stream, or would need too many operands.
 */
final class Storage {
    /** More dense operands than this, and the widest inner value is kept instead of being recomputed. */
    private static final int LEAVES_AT_MOST = 6;

    private final List<Node> live;
    private final NodeMap<Integer> uses = new NodeMap<>();
    private final NodeMap<List<Node>> consumers = new NodeMap<>();
    private final Set<Node> kept = new HashSet<>();
    private final NodeMap<Set<Node>> leaves = new NodeMap<>();
    private final Set<Node> updates = new HashSet<>();
    /** Contractions whose result is made again for each group of steps that reads it, and wide elementwise values beside them. */
    private final Set<Node> remade = new HashSet<>();
    /** Terms of sums that are added up one by one, each when what it reads is there, and the sum. */
    private final NodeMap<Node> sumOf = new NodeMap<>();

    /**
     * @param stores outputs held in buffers of their own
     * @param updates values that take an input's place at the end of the plan
     */
    Storage(List<Node> live, Set<Node> stores, Set<Node> updates) {
        this.live = live;
        this.updates.addAll(updates);
        for (Node n : live) {
            for (Node in : n.inputs()) {
                uses.merge(in, 1, Integer::sum);
                consumers.computeIfAbsent(in, ArrayList::new).add(n);
            }
        }
        for (Node n : stores) uses.merge(n, 1, Integer::sum);
        for (Node n : updates) uses.merge(n, 1, Integer::sum);
        for (Node n : live) {
            if (isAnchor(n) || stores.contains(n) && !isGiven(n)) kept.add(n);
            if (n.op() instanceof Broadcast) keepBase(n.input(0));
            else if (isLight(n) || isReduction(n)) {
                for (Node in : n.inputs()) if (in.op() instanceof Reshape) keepBase(in);
            }
        }
        for (Node n : live) if (joinsResidualStream(n)) kept.add(n);
        for (Node n : live) if (isLight(n)) limitLeaves(n);
        var outer = new OuterProducts(live, updates);
        if (!outer.isEmpty()) remakeOuterProducts(outer, stores);
    }

    private void remakeOuterProducts(OuterProducts outer, Set<Node> stores) {
        for (Node n : live) {
            if (kept.contains(n) && !stores.contains(n) && outer.remakes(n)) remade.add(n);
        }
        kept.removeAll(remade);
        for (Node n : live) {
            if (!isAccumulation(n)
                    || !kept.contains(n)
                    || n.inputs().stream().allMatch(c -> remadeFor(c).isEmpty())) continue;
            for (Node c : n.inputs()) {
                sumOf.put(c, n);
                kept.add(c);
            }
        }
    }

    /** Given from outside or by its value alone. */
    static boolean isGiven(Node n) {
        return n.op() instanceof Input || n.op() instanceof Constant;
    }

    static boolean isLight(Node n) {
        return switch (n.op()) {
            case Sum s -> true;
            case Mul m -> true;
            case Apply a -> true;
            case Compare c -> true;
            case Select s -> true;
            case Cast c -> true;
            case IsFinite f -> true;
            case Broadcast b -> true;
            case Iota i -> true;
            default -> false;
        };
    }

    /** A sum of contractions that nothing else needs: they accumulate into one buffer. */
    boolean isAccumulation(Node n) {
        return n.op() instanceof Sum && n.inputs().stream().allMatch(x -> Erasure.isContraction(x) && uses.get(x) == 1);
    }

    /** Values computed by a step of their own, whatever else is decided. */
    private boolean isAnchor(Node n) {
        if (isGiven(n) || n.op() instanceof Reshape) return false;
        if (isAccumulation(n)) return true;
        if (Erasure.isContraction(n)) return !(uses.getOr(n, 0) == 1 && consumedByAccumulation(n));
        return !isLight(n);
    }

    private boolean consumedByAccumulation(Node n) {
        var by = consumers.getOr(n, List.of());
        return by.size() == 1 && isAccumulation(by.getFirst());
    }

    /** The node whose buffer a reshaped value shares. */
    static Node base(Node n) {
        while (n.op() instanceof Reshape) n = n.input(0);
        return n;
    }

    private void keepBase(Node n) {
        Node b = base(n);
        if (!isGiven(b)) kept.add(b);
    }

    /**
     * A residual stream is kept as such: a sum of tensors of full size that goes on in another sum and is needed elsewhere too, or
     * whose contraction nothing else needs (then the sum is kept instead of the contraction).
     */
    private boolean joinsResidualStream(Node n) {
        if (!(n.op() instanceof Sum) || kept.contains(n) || updates.contains(n)) return false;
        boolean single = false;
        int dense = 0;
        for (Node t : n.inputs()) {
            if (t.op() instanceof Broadcast || t.op() instanceof Constant) continue;
            dense++;
            Node b = base(t);
            single |= uses.get(t) == 1 && (isAccumulation(b) || Erasure.isContraction(b));
        }
        var by = consumers.getOr(n, List.of());
        boolean streams = by.size() >= 2 && by.stream().anyMatch(c -> c.op() instanceof Sum);
        return dense >= 2 && (single || streams);
    }

    private void limitLeaves(Node n) {
        for (Set<Node> set = computeLeaves(n); set.size() > LEAVES_AT_MOST; set = computeLeaves(n)) {
            Node widest = null;
            for (Node in : n.inputs()) {
                if (!isLight(in) || kept.contains(in) || in.op() instanceof Broadcast) continue;
                if (widest == null || leaves.get(in).size() > leaves.get(widest).size()) widest = in;
            }
            if (widest == null || leaves.get(widest).size() < 2) break;
            kept.add(widest);
        }
    }

    private Set<Node> computeLeaves(Node n) {
        var set = new LinkedHashSet<Node>();
        long size = n.shape().size();
        for (Node in : n.inputs()) {
            Node b = base(in);
            if (b.op() instanceof Constant || b.op() instanceof Iota) continue;
            if (b.shape().size() < size) continue;
            if (b.op() instanceof Input || kept.contains(b) || !isLight(b)) set.add(b);
            else set.addAll(leaves.getOr(b, Set.of()));
        }
        leaves.put(n, set);
        return set;
    }

    /** Whether the value has a buffer for as long as anything needs it. */
    boolean isKept(Node n) {
        return kept.contains(n);
    }

    /** Whether anything is made again. */
    boolean remakes() {
        return !remade.isEmpty();
    }

    /** Whether a value is made by a step of its own, but again for each group of steps that reads it. */
    boolean isRemade(Node n) {
        return remade.contains(n);
    }

    /** The sum whose buffer a contraction is added to by a step of its own; null if it is none. */
    @Nullable
    Node sumOf(Node piece) {
        return sumOf.find(piece);
    }

    /** Whether a sum's terms are {@linkplain #sumOf added up} by steps of their own. */
    boolean isAddedUp(Node sum) {
        return sum.op() instanceof Sum && sumOf.find(sum.input(0)) == sum;
    }

    /** All that is {@linkplain #isRemade made again} for the step that makes a value, in order of creation. */
    List<Node> remadeFor(Node u) {
        return remadeFor(u, n -> false);
    }

    /** The same without what is there, and what is only needed for that. */
    List<Node> remadeFor(Node u, Predicate<Node> there) {
        if (remade.isEmpty() || isAddedUp(u)) return List.of();
        var found = new ArrayList<Node>();
        var seen = new HashSet<Node>();
        var open = new ArrayList<Node>(isAccumulation(u) ? u.inputs() : List.of(u));
        while (!open.isEmpty()) {
            for (Node in : open.removeLast().inputs()) {
                Node b = base(in);
                if (kept.contains(b) || isGiven(b) || there.test(b) || !seen.add(b)) continue;
                if (remade.contains(b)) found.add(b);
                open.add(b);
            }
        }
        found.sort(Comparator.comparingInt(Node::index));
        return found;
    }

    /** The kept values, in order of creation. */
    List<Node> kept() {
        return live.stream().filter(kept::contains).toList();
    }

    int uses(Node n) {
        return uses.getOr(n, 0);
    }

    /** The buffers (kept values and inputs) that a value is recomputed from, itself if it has one. */
    Set<Node> operands(Node n) {
        var found = new LinkedHashSet<Node>();
        collect(base(n), found, new HashSet<>(), false);
        return found;
    }

    /** The elementwise values of the same size that a value is made of, without itself. */
    List<Node> remade(Node x) {
        var found = new LinkedHashSet<Node>();
        var open = new ArrayList<Node>();
        open.add(x);
        while (!open.isEmpty()) {
            for (Node in : open.removeLast().inputs()) {
                boolean inside =
                        isLight(in) && !kept.contains(in) && !remade.contains(in) && !(in.op() instanceof Broadcast);
                if (inside && found.add(in)) open.add(in);
            }
        }
        return List.copyOf(found);
    }

    /** What the step that makes a kept value reads. */
    Set<Node> stepOperands(Node n) {
        var found = new LinkedHashSet<Node>();
        var seen = new HashSet<Node>();
        if (isAddedUp(n)) {
            found.addAll(n.inputs());
        } else if (isAccumulation(n)) {
            for (Node c : n.inputs()) for (Node in : c.inputs()) collect(base(in), found, seen, false);
        } else if (isLight(n)) {
            collect(n, found, seen, true);
        } else {
            for (Node in : n.inputs()) collect(base(in), found, seen, false);
        }
        return found;
    }

    private void collect(Node root, Set<Node> found, Set<Node> seen, boolean open) {
        var stack = new ArrayList<Node>();
        stack.add(root);
        boolean first = open;
        while (!stack.isEmpty()) {
            Node n = base(stack.removeLast());
            boolean inside = first;
            first = false;
            if (!seen.add(n) && !inside) continue;
            if (n.op() instanceof Constant) continue;
            if (!inside && (kept.contains(n) || n.op() instanceof Input)) {
                found.add(n);
                continue;
            }
            for (int i = n.inputs().size() - 1; i >= 0; i--) stack.add(n.input(i));
        }
    }

    static boolean isReduction(Node n) {
        return n.op() instanceof ReduceSum || n.op() instanceof ReduceMax;
    }
}
