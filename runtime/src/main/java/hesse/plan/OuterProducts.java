package hesse.plan;

import hesse.graph.MatMul;
import hesse.graph.Node;
import hesse.graph.Sum;
import hesse.tensor.Shape;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Batched matrix products that are wide and cheap: each way at least twice as large as their inner dimension, as the scores of a chunk of
 * queries are in attention over a long sequence. They and what is made of them element by element are never kept from one pass to the
 * next, because all chunks together grow with the square of the sequence; each group of steps that needs one makes it again.
 */
final class OuterProducts {
    /** Products narrower than this are not worth making twice. */
    private static final int WIDE = 512;

    private final Set<Shape> shapes = new HashSet<>();

    /** @param updates values that take an input's place at the end of the plan, when nothing is made again any more */
    OuterProducts(List<Node> live, Set<Node> updates) {
        for (Node n : live) if (isOuter(n)) shapes.add(n.shape());
        for (Node n : updates) shapes.remove(n.shape());
    }

    boolean isEmpty() {
        return shapes.isEmpty();
    }

    private static boolean isOuter(Node n) {
        if (!(n.op() instanceof MatMul m) || n.shape().rank() < 3) return false;
        int rows = n.shape().dim(-2);
        int columns = n.shape().dim(-1);
        int inner = n.input(0).shape().dim(m.transposeA() ? -2 : -1);
        return Math.max(rows, columns) > WIDE && Math.min(rows, columns) >= 2 * inner;
    }

    /** Whether a value that would be kept is rather made again: a product, a sum of products, or an elementwise value of their shape. */
    boolean remakes(Node n) {
        if (!shapes.contains(n.shape())) return false;
        if (Erasure.isContraction(n)) return isOuter(n);
        if (n.op() instanceof Sum && n.inputs().stream().anyMatch(Erasure::isContraction)) {
            return n.inputs().stream().allMatch(x -> !Erasure.isContraction(x) || isOuter(x));
        }
        return Storage.isLight(n);
    }
}
