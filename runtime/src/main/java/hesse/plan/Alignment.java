package hesse.plan;

import hesse.graph.ConvFilterGradient;
import hesse.graph.MatMul;
import hesse.graph.Node;
import hesse.graph.Sum;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Moves steps of an order a little later, next to others that read the same memory, so that one pass serves them all: a sum to the next
 * sum over the same index space; a weight gradient behind the sums over the input that has to be made again for it.
 */
final class Alignment {
    /** How many steps ahead a neighbour is looked for. */
    private static final int STEPS = 24;
    /** How many contractions a weight gradient may be put off: the cotangent it reads lives that much longer. */
    private static final int CONTRACTIONS = 4;

    private final Storage storage;
    private final List<Node> order;

    private Alignment(Storage storage, List<Node> order) {
        this.storage = storage;
        this.order = new ArrayList<>(order);
    }

    static List<Node> of(Storage storage, List<Node> order) {
        var a = new Alignment(storage, order);
        for (int i = 0; i < a.order.size(); i++) while (a.moves(i)) {}
        return a.order;
    }

    /** Puts off what stands at i, if that helps; something else stands there then. */
    private boolean moves(int i) {
        Node u = order.get(i);
        if (storage.remakes() && !storage.remadeFor(u).isEmpty()) return false;
        if (Storage.isReduction(u)) return put(List.of(u), nextSum(i, u));
        return isWeightGradient(u) && behindSumsOverInput(i, u);
    }

    /** Moves steps behind the one at a place. */
    private boolean put(List<Node> moved, int behind) {
        if (behind < 0) return false;
        Node last = order.get(behind);
        if (moved.contains(last)) return false;
        order.removeAll(moved);
        order.addAll(order.indexOf(last) + 1, moved);
        return true;
    }

    private boolean isContraction(Node n) {
        return Erasure.isContraction(n) || storage.isAccumulation(n);
    }

    /** Sums over examples: the results are weights' cotangents. */
    static boolean isWeightGradient(Node n) {
        if (n.op() instanceof Sum) return n.inputs().stream().allMatch(Alignment::isWeightGradient);
        return n.op() instanceof ConvFilterGradient
                || n.op() instanceof MatMul m && m.transposeA() && n.shape().rank() == 2;
    }

    private boolean reads(Node reader, Node u) {
        return storage.stepOperands(reader).contains(u);
    }

    private boolean readsAny(Node reader, List<Node> nodes) {
        return nodes.stream().anyMatch(u -> reads(reader, u));
    }

    /** The place before the next sum over the same index space, or -1; contractions and whoever reads u are not passed. */
    private int nextSum(int i, Node u) {
        for (int j = i + 1; j < order.size() && j <= i + STEPS; j++) {
            Node n = order.get(j);
            if (isContraction(n) || reads(n, u)) return -1;
            if (Storage.isReduction(n) && domain(n).equals(domain(u))) return j - 1;
        }
        return -1;
    }

    /** Moves a weight gradient, and what is made of it at once, behind the next sums over an input of it that is no kept value. */
    private boolean behindSumsOverInput(int i, Node u) {
        var inputs = new ArrayList<Shape>();
        var contractions = u.op() instanceof Sum ? u.inputs() : List.of(u);
        for (Node c : contractions) {
            for (Node in : c.inputs()) {
                Node b = Storage.base(in);
                if (Storage.isLight(b) && !storage.isKept(b)) inputs.add(b.shape());
            }
        }
        if (inputs.isEmpty()) return false;
        var operands = storage.stepOperands(u);
        var moved = new ArrayList<>(List.of(u));
        int passed = 0;
        for (int j = i + 1; j < order.size() && j <= i + STEPS; j++) {
            Node n = order.get(j);
            if (readsAny(n, moved)) {
                if (isContraction(n)) return false;
                moved.add(n);
                continue;
            }
            if (isContraction(n) && !isWeightGradient(n)) passed += contractions(n);
            if (passed > CONTRACTIONS) return false;
            boolean found = Storage.isReduction(n)
                    && passed > 0
                    && inputs.contains(domain(n))
                    && storage.stepOperands(n).stream()
                            .anyMatch(o -> operands.contains(o)
                                    && o.shape().size() == domain(n).size());
            if (!found) continue;
            while (j + 1 < order.size()
                    && Storage.isReduction(order.get(j + 1))
                    && domain(order.get(j + 1)).equals(domain(n))
                    && !readsAny(order.get(j + 1), moved)) j++;
            return put(moved, j);
        }
        return false;
    }

    private static int contractions(Node n) {
        return n.op() instanceof Sum ? n.inputs().size() : 1;
    }

    private static Shape domain(Node reduction) {
        return reduction.input(0).shape();
    }
}
