package hesse.plan;

import hesse.graph.AllReduce;
import hesse.graph.Constant;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.graph.Sum;
import hesse.plan.Computation.Mode;
import hesse.plan.Computation.Output;
import hesse.plan.KernelBuilder.Target;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Place;
import hesse.plan.Plan.Step;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes the steps: walks the order, makes elementwise operands just before they are needed (again, if they were needed long
 * before), and lets results over one index space that are ready share one pass.
 */
final class Emission {
    /** An elementwise operand is kept for its next use if at most this many contractions lie between. */
    private static final int WINDOW = 4;
    /** The same for an operand that a later one is made of. */
    private static final int INNER_WINDOW = 8;
    /** A product that is made again for a group of steps stays while another of them comes within so many. */
    private static final int GROUP_WINDOW = 8;
    /** Smaller values are kept once made. */
    private static final int SMALL = 4096;

    private static final int LOADS_AT_MOST = 16;
    private static final int RESULTS_AT_MOST = 6;

    private final Storage storage;
    private final List<Node> order;
    private final List<Output> outputs;
    private final List<Buffer> buffers = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();
    private final NodeMap<Integer> bufferOf = new NodeMap<>();
    private final NodeMap<Mode> modeOf = new NodeMap<>();
    private final Set<Node> emitted = new HashSet<>();
    private final Map<Node, Integer> temporaries = new LinkedHashMap<>();
    private final NodeMap<Integer> occurrences = new NodeMap<>();
    private final NodeMap<List<Integer>> operandUses = new NodeMap<>();
    private final NodeMap<List<Integer>> innerUses = new NodeMap<>();
    private final NodeMap<List<Integer>> remadeUses = new NodeMap<>();
    private final int[] contractionsBefore;
    private final Map<Shape, List<Node>> fusible = new HashMap<>();
    private final Map<Shape, List<Integer>> needs = new HashMap<>();

    Emission(Storage storage, List<Node> order, List<Output> outputs, Map<String, Node> inputs) {
        this.storage = storage;
        this.order = order;
        this.outputs = outputs;
        this.contractionsBefore = new int[order.size() + 1];
        inputs.forEach((name, n) -> bufferOf.put(n, newBuffer(n, Place.INPUT, name, 0)));
        for (int p = 0; p < order.size(); p++) {
            Node u = order.get(p);
            contractionsBefore[p + 1] = contractionsBefore[p] + (isContraction(u) ? 1 : 0);
            for (Node r : storage.remadeFor(u)) {
                remadeUses.computeIfAbsent(r, ArrayList::new).add(p);
            }
            if (Storage.isReduction(u) || Storage.isLight(u) && !storage.isAccumulation(u)) {
                fusible.computeIfAbsent(domain(u), k -> new ArrayList<>()).add(u);
            } else {
                for (Node x : stepInputs(u)) {
                    if (!isTemporary(x)) continue;
                    var uses = operandUses.computeIfAbsent(x, ArrayList::new);
                    if (uses.isEmpty() || uses.getLast() != p) uses.add(p);
                    for (Node inner : storage.remade(x)) {
                        var within = innerUses.computeIfAbsent(inner, ArrayList::new);
                        if (within.isEmpty() || within.getLast() != p) within.add(p);
                    }
                    needs.computeIfAbsent(x.shape(), k -> new ArrayList<>()).add(p);
                }
            }
        }
    }

    private boolean isContraction(Node u) {
        return Erasure.isContraction(u) || storage.isAccumulation(u);
    }

    private static Shape domain(Node u) {
        return Storage.isReduction(u) ? u.input(0).shape() : u.shape();
    }

    /** Values (reshapes removed) that a contraction or move reads. */
    private List<Node> stepInputs(Node u) {
        if (storage.isAddedUp(u)) return List.of();
        var contractions = storage.isAccumulation(u) ? u.inputs() : List.of(u);
        return contractions.stream()
                .flatMap(c -> c.inputs().stream())
                .map(Storage::base)
                .distinct()
                .toList();
    }

    /** Whether a value has to be made for the step that reads it. */
    private boolean isTemporary(Node x) {
        return !storage.isKept(x) && !(x.op() instanceof Input);
    }

    private int newBuffer(Node n, Place place, String name, int occurrence) {
        buffers.add(new Buffer(buffers.size(), n.dtype(), n.shape(), place, name, -1, occurrence));
        return buffers.size() - 1;
    }

    /** Buffers (slab offsets still open) and steps. */
    record Draft(List<Buffer> buffers, List<Step> steps) {}

    Draft run() {
        var late = new ArrayList<Target>();
        var updates = new ArrayList<Target>();
        claimOutputs(late, updates);
        for (int p = 0; p < order.size(); p++) {
            Node u = order.get(p);
            if (!emitted.contains(u)) {
                remake(u, p);
                if (isContraction(u)) contraction(u, p);
                else if (Storage.isReduction(u) || Storage.isLight(u)) fuse(Target.made(u, keptBuffer(u), mode(u)), p);
                else if (u.op() instanceof AllReduce a) exchange(a, p);
                else move(u, p);
                emitted.add(u);
            }
            forget(p);
        }
        for (Target t : late) kernel(List.of(t));
        new Updates(updates).emit();
        return new Draft(buffers, steps);
    }

    private Mode mode(Node u) {
        return modeOf.getOr(u, Mode.WRITE);
    }

    /** Gives outputs their buffers; those that cannot be written where they are made are copied at the end. */
    private void claimOutputs(List<Target> late, List<Target> updates) {
        for (Output o : outputs) {
            Node n = o.node();
            Node b = Storage.base(n);
            int input = inputBuffer(o.name());
            if (input >= 0) {
                updates.add(target(n, input, o.mode()));
                continue;
            }
            int buffer = newBuffer(n, Place.OUTPUT, o.name(), 0);
            boolean direct = storage.isKept(b)
                    && !bufferOf.has(b)
                    && (o.mode() == Mode.WRITE || storage.uses(b) == 1 && !(b.op() instanceof AllReduce));
            if (direct) {
                bufferOf.put(b, buffer);
                modeOf.put(b, o.mode());
            } else {
                late.add(target(n, buffer, o.mode()));
            }
        }
    }

    private Target target(Node n, int buffer, Mode mode) {
        return storage.isKept(n) ? Target.copied(n, buffer, mode) : Target.made(n, buffer, mode);
    }

    private int inputBuffer(String name) {
        for (Buffer b : buffers) if (b.place() == Place.INPUT && b.name().equals(name)) return b.id();
        return -1;
    }

    private int keptBuffer(Node u) {
        return bufferOf.computeIfAbsent(u, () -> newBuffer(u, Place.SLAB, u.path(), 0));
    }

    private boolean isMaterial(Node n) {
        return bufferOf.has(n) && (n.op() instanceof Input || emitted.contains(n)) || temporaries.containsKey(n);
    }

    private boolean isLeaf(Node n) {
        return storage.isKept(n) || storage.isRemade(n) || n.op() instanceof Input || temporaries.containsKey(n);
    }

    private int material(Node n) {
        Integer t = temporaries.get(n);
        return t != null ? t : bufferOf.get(n);
    }

    private void contraction(Node u, int p) {
        if (storage.isAddedUp(u)) return;
        prepare(u, p);
        Node sum = storage.sumOf(u);
        if (sum == null) {
            contract(u, keptBuffer(u), mode(u) == Mode.ACCUMULATE);
            return;
        }
        boolean first = sum.inputs().stream().noneMatch(emitted::contains);
        double alpha =
                sum.op() instanceof Sum s ? s.coefficients().get(sum.inputs().indexOf(u)) : 1;
        term(u, keptBuffer(sum), alpha, mode(sum) == Mode.ACCUMULATE || !first);
    }

    /** A contraction, or a sum of some, into a buffer. */
    private void contract(Node u, int out, boolean accumulate) {
        var terms = storage.isAccumulation(u) ? u.inputs() : List.of(u);
        for (int i = 0; i < terms.size(); i++) {
            double alpha = u.op() instanceof Sum s ? s.coefficients().get(i) : 1;
            term(terms.get(i), out, alpha, accumulate || i > 0);
        }
    }

    private void term(Node c, int out, double alpha, boolean accumulate) {
        Node a = c.input(0);
        Node b = c.input(1);
        steps.add(new Plan.Contraction(
                c.op(),
                material(Storage.base(a)),
                a.shape(),
                material(Storage.base(b)),
                b.shape(),
                out,
                c.shape(),
                alpha,
                accumulate));
    }

    /** Makes again what a step needs and is not kept, unless it is still there from a step before. */
    private void remake(Node u, int p) {
        for (Node r : storage.remadeFor(u, temporaries::containsKey)) {
            if (temporaries.containsKey(r)) continue;
            if (isContraction(r)) {
                prepare(r, p);
                var made = temporary(r);
                contract(r, made.buffer(), false);
                temporaries.put(r, made.buffer());
            } else {
                fuse(temporary(r), p);
            }
        }
    }

    private void move(Node u, int p) {
        prepare(u, p);
        var from = u.inputs().stream().map(x -> material(Storage.base(x))).toList();
        var shapes = u.inputs().stream().map(Node::shape).toList();
        steps.add(new Plan.Move(u.op(), from, shapes, keptBuffer(u), u.shape()));
    }

    /** All sums over ranks of one round and type that stand together in the order, in one call. */
    private void exchange(AllReduce first, int p) {
        var members = new ArrayList<Node>();
        for (int q = p; q < order.size(); q++) {
            Node u = order.get(q);
            if (!(u.op() instanceof AllReduce a) || a.round() != first.round()) break;
            if (!u.dtype().equals(order.get(p).dtype()) || emitted.contains(u)) continue;
            members.add(u);
        }
        var from = new ArrayList<Integer>();
        var to = new ArrayList<Integer>();
        for (Node u : members) prepare(u, p);
        for (Node u : members) {
            from.add(material(Storage.base(u.input(0))));
            to.add(keptBuffer(u));
            emitted.add(u);
        }
        steps.add(new Plan.Exchange(first.round(), members.getFirst().dtype(), from, to));
    }

    /** Makes the elementwise operands of a step, unless they are still there. */
    private void prepare(Node u, int p) {
        for (Node x : stepInputs(u)) {
            if (isTemporary(x) && !temporaries.containsKey(x)) fuse(temporary(x), p);
        }
    }

    private Target temporary(Node x) {
        int occurrence = occurrences.merge(x, 1, Integer::sum) - 1;
        return Target.made(x, newBuffer(x, Place.SLAB, x.path(), occurrence), Mode.WRITE);
    }

    /** Drops elementwise operands whose next use is far. */
    private void forget(int p) {
        temporaries.keySet().removeIf(x -> {
            if (storage.isRemade(x)) return !isUsedInGroup(x, p);
            if (x.shape().size() <= SMALL) return false;
            return !isUsed(operandUses, x, p, WINDOW) && !isUsed(innerUses, x, p, INNER_WINDOW);
        });
    }

    private boolean isUsedInGroup(Node x, int after) {
        for (int q : remadeUses.getOr(x, List.of())) if (q > after) return q - after <= GROUP_WINDOW;
        return false;
    }

    /** Whether a value is used after a place with at most so many contractions between. */
    private boolean isUsed(NodeMap<List<Integer>> uses, Node x, int after, int window) {
        for (int q : uses.getOr(x, List.of())) {
            if (q > after) return contractionsBefore[q] - contractionsBefore[after] <= window;
        }
        return false;
    }

    /** One kernel for a target and for whatever else is ready over the same index space and reads what it reads. */
    private void fuse(Target first, int p) {
        var targets = new ArrayList<Target>();
        targets.add(first);
        var leaves = new LinkedHashSet<>(KernelBuilder.leaves(first, this::isLeaf));
        Shape domain = first.domain();
        boolean tiny = domain.size() <= SMALL;
        var taken = new HashSet<Node>();
        taken.add(first.node());
        for (Node u : fusible.getOrDefault(domain, List.of())) {
            if (targets.size() == RESULTS_AT_MOST) break;
            if (emitted.contains(u) || taken.contains(u)) continue;
            if (!Storage.isReduction(u) && !tiny && !isNear(u, p)) continue;
            tryJoin(u, domain, tiny, leaves, taken, () -> Target.made(u, keptBuffer(u), mode(u)), targets);
        }
        for (int q : needs.getOrDefault(domain, List.of())) {
            if (q < p) continue;
            if (contractionsBefore[q] - contractionsBefore[p] >= WINDOW || targets.size() == RESULTS_AT_MOST) break;
            for (Node x : stepInputs(order.get(q))) {
                if (!isTemporary(x) || !x.shape().equals(domain) || temporaries.containsKey(x) || taken.contains(x))
                    continue;
                if (targets.size() == RESULTS_AT_MOST) break;
                tryJoin(x, domain, tiny, leaves, taken, () -> temporary(x), targets);
            }
        }
        kernel(targets);
        for (Target t : targets) {
            if (storage.isKept(t.node())) emitted.add(t.node());
            else temporaries.put(t.node(), t.buffer());
        }
        fusible.getOrDefault(domain, new ArrayList<>()).removeIf(emitted::contains);
    }

    /** Whether a kept value comes soon in the order. */
    private boolean isNear(Node u, int p) {
        for (int q = p; q < order.size() && contractionsBefore[q] - contractionsBefore[p] <= 1; q++) {
            if (order.get(q) == u) return true;
        }
        return false;
    }

    private void tryJoin(
            Node u,
            Shape domain,
            boolean tiny,
            Set<Node> leaves,
            Set<Node> taken,
            java.util.function.Supplier<Target> make,
            List<Target> targets) {
        var more = KernelBuilder.leaves(Target.made(u, -1, Mode.WRITE), this::isLeaf);
        boolean shares = false;
        int extra = 0;
        for (Node l : more) {
            if (taken.contains(l) || !isMaterial(l)) return;
            if (!leaves.contains(l)) extra++;
            else shares |= l.shape().size() == domain.size();
        }
        if (!shares || leaves.size() + extra > LOADS_AT_MOST) return;
        leaves.addAll(more);
        taken.add(u);
        targets.add(make.get());
    }

    private void kernel(List<Target> targets) {
        Shape domain = targets.getFirst().domain();
        steps.add(new KernelBuilder(domain, this::isLeaf, this::material).build(targets));
    }

    /** New values of inputs, written at the end: no kernel may read an input that an earlier one has replaced. */
    private final class Updates {
        private final List<Target> updates;
        private final Map<Integer, Integer> updateOf = new HashMap<>();
        private final int[] group;

        Updates(List<Target> updates) {
            this.updates = updates;
            this.group = new int[updates.size()];
            for (int i = 0; i < group.length; i++) {
                group[i] = i;
                updateOf.put(updates.get(i).buffer(), i);
            }
        }

        private int root(int i) {
            while (group[i] != i) i = group[i];
            return i;
        }

        void emit() {
            for (int i = 0; i < group.length; i++) {
                for (Node leaf : KernelBuilder.leaves(updates.get(i), Emission.this::isLeaf)) {
                    Integer other = bufferOf.has(leaf) ? updateOf.get(bufferOf.get(leaf)) : null;
                    if (other != null && other != i)
                        group[Math.max(root(i), root(other))] = Math.min(root(i), root(other));
                }
            }
            for (int g = 0; g < group.length; g++) {
                var members = new ArrayList<Target>();
                for (int i = 0; i < group.length; i++) if (root(i) == g) members.add(updates.get(i));
                if (!members.isEmpty()) write(members);
            }
        }

        private void write(List<Target> members) {
            boolean onePass = members.size() <= RESULTS_AT_MOST
                    && members.stream()
                            .allMatch(t -> t.domain().equals(members.getFirst().domain()))
                    && members.stream().allMatch(t -> readsOnlyInPlace(t, members));
            if (onePass && members.stream().noneMatch(Target::reduces)) {
                kernel(members);
                return;
            }
            var staged = new ArrayList<Target>();
            for (Target t : members) {
                int buffer = newBuffer(t.node(), Place.SLAB, t.node().path(), 0);
                kernel(List.of(new Target(t.node(), buffer, Mode.WRITE, t.copies())));
                staged.add(Target.copied(t.node(), buffer, t.mode()));
            }
            for (int i = 0; i < members.size(); i++) {
                Target from = staged.get(i);
                steps.add(new KernelBuilder(from.node().shape(), n -> true, n -> from.buffer())
                        .build(List.of(Target.copied(from.node(), members.get(i).buffer(), from.mode()))));
            }
        }

        private boolean readsOnlyInPlace(Target t, List<Target> members) {
            for (Node leaf : KernelBuilder.leaves(t, Emission.this::isLeaf)) {
                if (leaf.op() instanceof Constant) continue;
                int buffer = material(leaf);
                boolean replaced = members.stream().anyMatch(m -> m.buffer() == buffer);
                if (replaced && !leaf.shape().equals(t.domain())) return false;
            }
            return true;
        }
    }
}
