package hesse.plan;

import hesse.graph.Concat;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Pad;
import hesse.graph.Sum;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Sums of zero-padded pieces that lie side by side, as cotangents of something cut into slices are: written as the pieces in a row, so that
 * not each of them is as large as the whole.
 */
final class Tiles {
    /** A padded term: what is padded, its factor, and where it begins. */
    private record Tile(Node inner, double factor, int start) {}

    private Tiles() {}

    /**
     * The sum n in the new graph, or null if its padded terms do not cover one axis without gap or overlap.
     *
     * @param rebuilt of what n depends on
     */
    static @Nullable Node joined(Graph target, Node n, Sum s, NodeMap<Integer> uses, UnaryOperator<Node> rebuilt) {
        int axis = -1;
        var tiles = new ArrayList<Tile>();
        var rest = new ArrayList<Node>();
        var restFactors = new ArrayList<Double>();
        for (int i = 0; i < n.inputs().size(); i++) {
            Node t = n.input(i);
            double factor = s.coefficients().get(i);
            int along = t.op() instanceof Pad p && uses.get(t) == 1 ? axis(p) : -1;
            if (along >= 0 && (axis < 0 || axis == along)) {
                axis = along;
                tiles.add(new Tile(t.input(0), factor, ((Pad) t.op()).before().get(along)));
            } else {
                rest.add(rebuilt.apply(t));
                restFactors.add(factor);
            }
        }
        if (tiles.size() < 2 || !covers(tiles, axis, n)) return null;
        var parts = tiles.stream()
                .map(t -> Ops.scale(t.factor(), rebuilt.apply(t.inner())))
                .toList();
        Node whole = target.apply(new Concat(axis), parts);
        if (rest.isEmpty()) return whole;
        rest.add(whole);
        restFactors.add(1.0);
        return target.apply(new Sum(restFactors), List.copyOf(rest));
    }

    /** The only axis padded, or -1. */
    private static int axis(Pad p) {
        int axis = -1;
        for (int a = 0; a < p.before().size(); a++) {
            if (p.between().get(a) != 0) return -1;
            if (p.before().get(a) == 0 && p.after().get(a) == 0) continue;
            if (axis >= 0) return -1;
            axis = a;
        }
        return axis;
    }

    /** Whether the tiles, which it puts in order, follow one another from end to end. */
    private static boolean covers(List<Tile> tiles, int axis, Node n) {
        tiles.sort(Comparator.comparingInt(Tile::start));
        int end = 0;
        for (Tile t : tiles) {
            if (t.start() != end) return false;
            end += t.inner().shape().dim(axis);
        }
        return end == n.shape().dim(axis);
    }
}
