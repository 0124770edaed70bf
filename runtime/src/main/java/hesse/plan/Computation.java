package hesse.plan;

import hesse.graph.Graph;
import hesse.graph.Input;
import hesse.graph.Node;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What is to be computed: named outputs of one graph. An output named like an input of the graph takes its place: the input's
 * buffer holds the new value afterwards, written after every reader of the old one.
 */
public record Computation(List<Output> outputs) {
    /** How an output meets what its buffer held before. */
    public enum Mode {
        WRITE,
        /** Added to the buffer's content; for sums over micro-batches. */
        ACCUMULATE
    }

    /** One named result. */
    public record Output(String name, Node node, Mode mode) {}

    public Computation {
        outputs = List.copyOf(outputs);
        var names = new java.util.HashSet<String>();
        for (var o : outputs) {
            if (!names.add(o.name())) throw new IllegalArgumentException("two outputs are named " + o.name());
        }
    }

    /** Outputs that overwrite their buffers. */
    public static Computation of(Map<String, Node> outputs) {
        return new Computation(outputs.entrySet().stream()
                .map(e -> new Output(e.getKey(), e.getValue(), Mode.WRITE))
                .toList());
    }

    public Graph graph() {
        return outputs.getFirst().node().graph();
    }

    /** The nodes asked for, in order. */
    public List<Node> nodes() {
        return outputs.stream().map(Output::node).toList();
    }

    /** The named inputs that the outputs depend on, in order of creation. */
    public Map<String, Node> inputs() {
        var found = new LinkedHashMap<String, Node>();
        for (Node n : Live.of(nodes())) if (n.op() instanceof Input in) found.put(in.name(), n);
        return found;
    }
}
