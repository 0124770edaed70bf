package hesse.cases;

import hesse.backend.reference.GraphInterpreter;
import hesse.graph.Apply;
import hesse.graph.Node;
import hesse.scalar.Pieces;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** What the interpreter says of a graph at a point: its values, and on which smooth piece they lie. */
final class Smoothness {
    private Smoothness() {}

    /**
     * What was computed.
     *
     * @param piece a number that differs where a comparison, a choice, a place of a maximum or a kinked function has another outcome
     */
    record Point(List<double[]> values, long piece) {}

    static Point evaluate(List<Node> outputs, Map<String, double[]> inputs) {
        long[] piece = {17};
        var values = GraphInterpreter.evaluate(outputs, inputs, (node, in, value) -> {
            if (!node.dtype().isFloat()) {
                piece[0] = 31 * piece[0] + Arrays.hashCode(value);
            } else if (node.op() instanceof Apply a && Pieces.hasSeveral(a.fn().program())) {
                for (double x : in.getFirst()) piece[0] = 31 * piece[0] + Pieces.of(a.fn().program(), x);
            }
        });
        return new Point(values, piece[0]);
    }
}
