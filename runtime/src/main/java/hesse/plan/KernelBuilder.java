package hesse.plan;

import hesse.graph.Apply;
import hesse.graph.Broadcast;
import hesse.graph.Cast;
import hesse.graph.Compare;
import hesse.graph.Constant;
import hesse.graph.Iota;
import hesse.graph.IsFinite;
import hesse.graph.Mul;
import hesse.graph.Node;
import hesse.graph.ReduceMax;
import hesse.graph.Select;
import hesse.graph.Sum;
import hesse.plan.Computation.Mode;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Load;
import hesse.plan.Kernel.Result;
import hesse.plan.Kernel.Source;
import hesse.scalar.ScalarOp;
import hesse.scalar.ScalarProgram;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/** Turns elementwise values and reductions over one index space into one fused kernel step. */
final class KernelBuilder {
    /** A result wanted: a value stored, or a reduction, into a buffer. */
    record Target(Node node, int buffer, Mode mode, boolean copies) {
        /** The value made here, by its own op. */
        static Target made(Node node, int buffer, Mode mode) {
            return new Target(node, buffer, mode, false);
        }

        /** The value loaded from where it already is. */
        static Target copied(Node node, int buffer, Mode mode) {
            return new Target(node, buffer, mode, true);
        }

        boolean reduces() {
            return !copies && Storage.isReduction(node);
        }

        /** The value computed at each point. */
        Node root() {
            return reduces() ? node.input(0) : node;
        }

        /** Whether the value at each point is computed even where it has a buffer. */
        boolean opens() {
            return !copies && !reduces() && Storage.isLight(node);
        }

        /** The index space. */
        Shape domain() {
            return root().shape();
        }
    }

    private final Predicate<Node> isLeaf;
    private final Function<Node, Integer> bufferOf;
    private final Shape domain;
    /** A value must not depend on what else its kernel computes. */
    private final ScalarProgram.Builder program = ScalarProgram.Builder.keepingBits();

    private final List<Source> sources = new ArrayList<>();
    private final List<DType> dtypes = new ArrayList<>();
    private final List<Integer> masks = new ArrayList<>();
    private final List<Integer> buffers = new ArrayList<>();
    private final List<Double> arguments = new ArrayList<>();
    private final Map<List<Object>, Integer> loads = new LinkedHashMap<>();
    private final NodeMap<Integer> values = new NodeMap<>();

    /**
     * @param isLeaf whether a value has a buffer to be loaded from
     * @param bufferOf that buffer
     */
    KernelBuilder(Shape domain, Predicate<Node> isLeaf, Function<Node, Integer> bufferOf) {
        this.domain = domain;
        this.isLeaf = isLeaf;
        this.bufferOf = bufferOf;
    }

    /** The buffers that computing a target reads, by the node that names them; broadcast operands included. */
    static List<Node> leaves(Target t, Predicate<Node> isLeaf) {
        var found = new ArrayList<Node>();
        for (Node n : expression(t.root(), t.opens(), isLeaf)) {
            if (n == t.root() && t.opens() && !(n.op() instanceof Broadcast)) continue;
            Node b = Storage.base(n.op() instanceof Broadcast ? n.input(0) : n);
            if (!(b.op() instanceof Constant) && !(b.op() instanceof Iota) && (b != n || isLeaf.test(b))) found.add(b);
        }
        return found;
    }

    /** The nodes of an elementwise expression down to its leaves, inputs first. */
    private static List<Node> expression(Node root, boolean open, Predicate<Node> isLeaf) {
        var seen = new java.util.HashSet<Node>();
        var found = new ArrayList<Node>();
        var stack = new ArrayList<Node>();
        stack.add(root);
        while (!stack.isEmpty()) {
            Node n = stack.removeLast();
            if (!seen.add(n)) continue;
            found.add(n);
            boolean opened = n == root && open;
            if (!opened && ends(n, isLeaf)) continue;
            if (n.op() instanceof Broadcast) continue;
            for (Node in : n.inputs()) stack.add(in);
        }
        found.sort(java.util.Comparator.comparingInt(Node::index));
        return found;
    }

    private static boolean ends(Node n, Predicate<Node> isLeaf) {
        Node b = Storage.base(n);
        return b != n || isLeaf.test(b) || Storage.isGiven(b) || !Storage.isLight(b);
    }

    /** The step computing all targets. */
    Plan.Fused build(List<Target> targets) {
        DType compute = DType.F32;
        var outputs = new int[targets.size()];
        for (int i = 0; i < outputs.length; i++) {
            Target t = targets.get(i);
            outputs[i] = value(t.root(), t.opens());
            if (t.node.dtype() == DType.F64) compute = DType.F64;
        }
        if (dtypes.contains(DType.F64)) compute = DType.F64;
        var built = program.build(sources.size(), outputs);

        var results = new ArrayList<Result>();
        for (Target t : targets) {
            Kind kind = !t.reduces() ? Kind.STORE : t.node.op() instanceof ReduceMax ? Kind.MAX : Kind.SUM;
            int kept = kind == Kind.STORE ? full() : maskOf(t.node.shape());
            results.add(new Result(kind, t.node.dtype(), kept));
        }
        return collapse(compute, built, results, targets);
    }

    private int full() {
        return maskOf(domain);
    }

    private static int maskOf(Shape s) {
        int mask = 0;
        for (int i = 0; i < s.rank(); i++) if (s.dim(i) != 1) mask |= 1 << i;
        return mask;
    }

    private int value(Node root, boolean open) {
        for (Node n : expression(root, open, isLeaf)) {
            if (values.has(n) && !(n == root && open)) continue;
            boolean opened = n == root && open;
            values.put(n, !opened && ends(n, isLeaf) ? leaf(n) : compute(n));
        }
        return values.get(root);
    }

    private int leaf(Node n) {
        Node b = Storage.base(n);
        return switch (b.op()) {
            case Constant c -> program.constant(c.value());
            default -> data(b, full());
        };
    }

    private int data(Node base, int mask) {
        int v = load(Source.DATA, base.dtype(), mask, bufferOf.apply(base), 0);
        return base.dtype() == DType.BOOL ? program.op(ScalarOp.NE, v, program.constant(0)) : v;
    }

    private int load(Source source, DType dtype, int mask, int buffer, double argument) {
        int number = loads.computeIfAbsent(List.of(source, mask, buffer, argument), k -> {
            sources.add(source);
            dtypes.add(dtype);
            masks.add(mask);
            buffers.add(buffer);
            arguments.add(argument);
            return sources.size() - 1;
        });
        return program.input(number);
    }

    private int in(Node n, int i) {
        return values.get(n.input(i));
    }

    private int compute(Node n) {
        return switch (n.op()) {
            case Sum s -> {
                int total = -1;
                for (int i = 0; i < n.inputs().size(); i++) {
                    double c = s.coefficients().get(i);
                    int x = in(n, i);
                    if (total >= 0 && c == -1) total = program.sub(total, x);
                    else {
                        int term = scaled(c, x, n.dtype());
                        total = total < 0 ? term : program.add(total, term);
                    }
                }
                yield total;
            }
            case Mul m -> {
                int product = in(n, 0);
                for (int i = 1; i < n.inputs().size(); i++) product = program.mul(product, in(n, i));
                yield product;
            }
            case Apply a -> program.inline(a.fn().program(), in(n, 0))[0];
            case Compare c ->
                program.op(
                        switch (c.relation()) {
                            case LT -> ScalarOp.LT;
                            case LE -> ScalarOp.LE;
                            case GT -> ScalarOp.GT;
                            case GE -> ScalarOp.GE;
                            case EQ -> ScalarOp.EQ;
                            case NE -> ScalarOp.NE;
                        },
                        in(n, 0),
                        in(n, 1));
            case IsFinite f -> program.op(ScalarOp.IS_FINITE, in(n, 0));
            case Select s ->
                n.dtype() == DType.BOOL
                        ? choose(in(n, 0), in(n, 1), in(n, 2))
                        : program.select(in(n, 0), in(n, 1), in(n, 2));
            case Cast c -> cast(n);
            case Iota iota ->
                domain.dim(iota.axis()) == 1
                        ? program.constant(0)
                        : load(Source.INDEX, DType.I64, 1 << iota.axis(), -1, 0);
            case Broadcast b -> {
                Node base = Storage.base(n.input(0));
                yield base.op() instanceof Constant c
                        ? program.constant(c.value())
                        : data(base, maskOf(n.input(0).shape()));
            }
            default -> throw new IllegalStateException("not elementwise: " + n);
        };
    }

    /** Small whole factors are part of the structure; others are arguments, so that kernels are shared among layers. */
    private int scaled(double c, int x, DType dtype) {
        if (c == 1) return x;
        if (c == -1) return program.neg(x);
        if (c == Math.rint(c) && Math.abs(c) <= 4) return program.scale(c, x);
        return program.mul(load(Source.ARGUMENT, dtype, 0, -1, c), x);
    }

    private int choose(int c, int a, int b) {
        return program.op(
                ScalarOp.OR, program.op(ScalarOp.AND, c, a), program.op(ScalarOp.AND, program.op(ScalarOp.NOT, c), b));
    }

    private int cast(Node n) {
        int x = in(n, 0);
        DType from = n.input(0).dtype();
        if (from == DType.BOOL) return program.select(x, program.constant(1), program.constant(0));
        if (n.dtype() == DType.BOOL) return program.op(ScalarOp.NE, x, program.constant(0));
        if (from.isFloat() && n.dtype().isInteger()) {
            int down = program.op(ScalarOp.FLOOR, x);
            int up = program.neg(program.op(ScalarOp.FLOOR, program.neg(x)));
            return program.select(program.op(ScalarOp.LT, x, program.constant(0)), up, down);
        }
        return x;
    }

    /** Drops axes of extent 1 and joins neighbours that every operand treats alike. */
    private Plan.Fused collapse(DType compute, ScalarProgram built, List<Result> results, List<Target> targets) {
        var extents = new ArrayList<Integer>();
        var merged = new ArrayList<List<Integer>>();
        int last = -1;
        for (int axis = 0; axis < domain.rank(); axis++) {
            if (domain.dim(axis) == 1) continue;
            boolean joins = last >= 0 && (long) extents.getLast() * domain.dim(axis) <= Integer.MAX_VALUE;
            for (int k = 0; joins && k < masks.size(); k++) {
                joins = bit(masks.get(k), axis) == bit(masks.get(k), last)
                        && !(sources.get(k) == Source.INDEX && bit(masks.get(k), axis));
            }
            for (int k = 0; joins && k < results.size(); k++) {
                joins = bit(results.get(k).axes(), axis) == bit(results.get(k).axes(), last);
            }
            if (joins) {
                int at = extents.size() - 1;
                extents.set(at, extents.get(at) * domain.dim(axis));
                merged.getLast().add(axis);
            } else {
                extents.add(domain.dim(axis));
                merged.add(new ArrayList<>(List.of(axis)));
            }
            last = axis;
        }
        boolean scalar = extents.isEmpty();
        if (scalar) extents.add(1);
        var kernelLoads = new ArrayList<Load>();
        for (int k = 0; k < masks.size(); k++) {
            int mask = scalar && sources.get(k) == Source.DATA ? 1 : project(masks.get(k), merged);
            kernelLoads.add(new Load(sources.get(k), dtypes.get(k), mask));
        }
        var kernelResults = new ArrayList<Result>();
        for (Result r : results) {
            int mask = scalar ? 1 : project(r.axes(), merged);
            kernelResults.add(new Result(scalar ? Kind.STORE : r.kind(), r.dtype(), mask));
        }
        return CanonicalKernel.of(new Plan.Fused(
                new Kernel(compute, extents.size(), kernelLoads, built, kernelResults),
                extents,
                buffers,
                arguments,
                targets.stream().map(Target::buffer).toList(),
                targets.stream().map(Target::mode).toList(),
                targets.getFirst().node().path()));
    }

    private static boolean bit(int mask, int i) {
        return (mask >> i & 1) != 0;
    }

    private static int project(int mask, List<List<Integer>> merged) {
        int out = 0;
        for (int i = 0; i < merged.size(); i++) if (bit(mask, merged.get(i).getFirst())) out |= 1 << i;
        return out;
    }
}
