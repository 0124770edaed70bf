package hesse.plan;

import hesse.graph.AllReduce;
import hesse.graph.Node;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;

/**
 * The order in which kept values are made: as late as possible, that is along the longest path to the sinks, with what no other
 * contraction waits for (weight gradients, reductions) as soon as it is ready. A greedy order that always takes what frees most
 * memory is tried too, and used if its peak is clearly smaller: the late order is the regular one, whose layers share kernels.
 */
final class Schedule {
    /** The share of the late order's peak that the greedy order's must be below. */
    private static final double WORTH = 0.995;

    private final Storage storage;
    private final List<Node> units;
    private final NodeMap<Set<Node>> reads = new NodeMap<>();
    private final NodeMap<List<Node>> readers = new NodeMap<>();
    /** What is {@linkplain Storage#isRemade made again} for each step. */
    private final NodeMap<List<Node>> remade = new NodeMap<>();

    private final NodeMap<Integer> contractionsBehind = new NodeMap<>();
    private final NodeMap<Integer> stepsBehind = new NodeMap<>();

    private Schedule(Storage storage) {
        this.storage = storage;
        this.units = storage.kept();
        for (Node u : units) {
            var operands = storage.stepOperands(u);
            reads.put(u, operands);
            remade.put(u, storage.remadeFor(u));
            for (Node o : operands) readers.computeIfAbsent(o, ArrayList::new).add(u);
        }
        for (int i = units.size() - 1; i >= 0; i--) {
            Node u = units.get(i);
            int contractions = 0;
            int steps = 0;
            for (Node r : readers.getOr(u, List.of())) {
                contractions = Math.max(contractions, contractionsBehind.get(r) + (isContraction(r) ? 1 : 0));
                steps = Math.max(steps, stepsBehind.get(r) + 1);
            }
            contractionsBehind.put(u, contractions);
            stepsBehind.put(u, steps);
        }
    }

    static List<Node> order(Storage storage) {
        var s = new Schedule(storage);
        var late = s.together(Alignment.of(storage, s.late()));
        if (storage.remakes()) return late;
        var greedy = s.together(Alignment.of(storage, s.greedy()));
        return s.peak(greedy) < WORTH * s.peak(late) ? greedy : late;
    }

    /**
     * The sums over ranks of each round side by side, the rounds in order, each before the first that reads one of its sums; what they
     * are taken of is moved ahead of them. Within a round by their numbers, so that all ranks exchange the same things in the same order.
     */
    private List<Node> together(List<Node> order) {
        var rounds = new TreeMap<Integer, List<Node>>();
        for (Node u : order) {
            if (u.op() instanceof AllReduce a)
                rounds.computeIfAbsent(a.round(), k -> new ArrayList<>()).add(u);
        }
        if (rounds.isEmpty()) return order;
        var done = new HashSet<Node>();
        var out = new ArrayList<Node>(order.size());
        int next = 0;
        for (var members : rounds.values()) {
            members.sort(Comparator.comparingInt((Node u) -> ((AllReduce) u.op()).id()));
            var waiting = new HashSet<Node>();
            for (Node u : members) waiting.addAll(readers.getOr(u, List.of()));
            for (; next < order.size() && !waiting.contains(order.get(next)); next++) {
                Node u = order.get(next);
                if (!(u.op() instanceof AllReduce) && done.add(u)) out.add(u);
            }
            var needed = new HashSet<Node>();
            var open = new ArrayList<>(members);
            while (!open.isEmpty()) {
                for (Node o : reads.get(open.removeLast())) {
                    if (storage.isKept(o) && !done.contains(o) && needed.add(o)) open.add(o);
                }
            }
            for (int i = next; i < order.size(); i++) {
                Node u = order.get(i);
                if (needed.contains(u) && done.add(u)) out.add(u);
            }
            for (Node u : members) if (done.add(u)) out.add(u);
        }
        for (; next < order.size(); next++) if (done.add(order.get(next))) out.add(order.get(next));
        return out;
    }

    private boolean isContraction(Node n) {
        return Erasure.isContraction(n) || storage.isAccumulation(n);
    }

    private boolean isUrgent(Node u) {
        return contractionsBehind.get(u) == 0
                || Alignment.isWeightGradient(u)
                || !isContraction(u) && bytes(u) <= inputBytes(u) / 8;
    }

    private long inputBytes(Node u) {
        long most = 0;
        for (Node o : reads.get(u)) most = Math.max(most, bytes(o));
        return most;
    }

    private static long sizeOf(Node n) {
        return n.shape().size() * n.dtype().bytes();
    }

    /** Terms that are added up one by one share the buffer of their sum. */
    private long bytes(Node n) {
        Node sum = storage.sumOf(n);
        return sum != null ? sizeOf(n) / sum.inputs().size() : sizeOf(n);
    }

    private List<Node> late() {
        Comparator<Node> order = Comparator.comparing((Node u) -> !isUrgent(u))
                .thenComparing(u -> -contractionsBehind.get(u))
                .thenComparing(u -> -stepsBehind.get(u))
                .thenComparing(Node::index);
        var ready = new PriorityQueue<>(order);
        var waiting = waiting(ready);
        var out = new ArrayList<Node>(units.size());
        if (storage.remakes()) return grouped(order, ready, waiting);
        while (!ready.isEmpty()) {
            Node u = ready.remove();
            out.add(u);
            release(u, waiting, ready);
        }
        return out;
    }

    /**
     * The same where products are {@linkplain Storage#isRemade made again}: what shares one comes together, and only when nothing else is
     * ready, so that each is made once for all that can use it.
     */
    private List<Node> grouped(Comparator<Node> order, PriorityQueue<Node> ready, NodeMap<Integer> waiting) {
        var later = new PriorityQueue<>(order);
        var group = new HashSet<Node>();
        var out = new ArrayList<Node>(units.size());
        while (!ready.isEmpty() || !later.isEmpty()) {
            for (var it = ready.iterator(); it.hasNext(); ) {
                Node u = it.next();
                if (remade.get(u).isEmpty()) continue;
                it.remove();
                later.add(u);
            }
            Node next = null;
            for (Node u : later) {
                boolean shares = remade.get(u).stream().anyMatch(group::contains);
                if (shares && (next == null || order.compare(u, next) < 0)) next = u;
            }
            if (next == null && ready.isEmpty()) {
                next = later.element();
                group.clear();
            }
            if (next != null) {
                later.remove(next);
                group.addAll(remade.get(next));
            } else {
                next = ready.remove();
            }
            out.add(next);
            release(next, waiting, ready);
        }
        return out;
    }

    private NodeMap<Integer> waiting(java.util.Collection<Node> ready) {
        var waiting = new NodeMap<Integer>();
        for (Node u : units) {
            int n = 0;
            for (Node o : reads.get(u)) if (storage.isKept(o)) n++;
            waiting.put(u, n);
            if (n == 0) ready.add(u);
        }
        return waiting;
    }

    private void release(Node u, NodeMap<Integer> waiting, java.util.Collection<Node> ready) {
        for (Node r : readers.getOr(u, List.of())) {
            if (waiting.merge(r, -1, Integer::sum) == 0) ready.add(r);
        }
    }

    /** Always what changes the live bytes least; ties go to the longer path. Looks at a bounded window of ready steps. */
    private List<Node> greedy() {
        var ready = new ArrayList<Node>();
        var waiting = waiting(ready);
        var pending = new NodeMap<Integer>();
        for (Node u : units) for (Node o : reads.get(u)) pending.merge(o, 1, Integer::sum);
        var out = new ArrayList<Node>(units.size());
        while (!ready.isEmpty()) {
            int best = 0;
            long bestDelta = Long.MAX_VALUE;
            int from = Math.max(0, ready.size() - 64);
            for (int i = from; i < ready.size(); i++) {
                Node u = ready.get(i);
                long delta = bytes(u);
                for (Node o : reads.get(u)) if (storage.isKept(o) && pending.get(o) == 1) delta -= bytes(o);
                if (delta < bestDelta || delta == bestDelta && stepsBehind.get(u) > stepsBehind.get(ready.get(best))) {
                    best = i;
                    bestDelta = delta;
                }
            }
            Node u = ready.remove(best);
            out.add(u);
            for (Node o : reads.get(u)) pending.merge(o, -1, Integer::sum);
            release(u, waiting, ready);
        }
        return out;
    }

    /** The most bytes of kept values alive at once. */
    private long peak(List<Node> order) {
        var last = new NodeMap<Integer>();
        for (int i = 0; i < order.size(); i++) {
            for (Node o : reads.get(order.get(i))) last.put(o, i);
        }
        long[] dying = new long[order.size()];
        for (Node n : order) if (last.has(n)) dying[last.get(n)] += bytes(n);
        long live = 0;
        long peak = 0;
        for (int i = 0; i < order.size(); i++) {
            live += bytes(order.get(i));
            peak = Math.max(peak, live);
            live -= dying[i];
        }
        return peak;
    }
}
