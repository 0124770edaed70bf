package hesse.graph;

import java.util.List;

/** A mistake in shapes, element types or attributes, found while a graph is built; names the layer path and the shapes. */
public final class ShapeException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    private final boolean located;

    public ShapeException(String message) {
        this(message, false);
    }

    private ShapeException(String message, boolean located) {
        super(message);
        this.located = located;
    }

    /** The same mistake, said to be at the graph's present layer path, or, between layers, where the layers of these nodes meet. */
    ShapeException among(Graph graph, List<Node> nodes) {
        if (located) return this;
        if (!graph.path().isEmpty()) return located("at " + graph.path());
        var layers = nodes.stream()
                .map(ShapeException::origin)
                .filter(p -> !p.isEmpty())
                .distinct()
                .toList();
        return switch (layers.size()) {
            case 0 -> this;
            case 1 -> located("after " + layers.getFirst());
            default -> located("where " + String.join(" and ", layers) + " meet");
        };
    }

    /** The layer that a node, or what it was made from, belongs to. */
    private static String origin(Node node) {
        while (node.path().isEmpty() && !node.inputs().isEmpty())
            node = node.inputs().getFirst();
        return node.path();
    }

    private ShapeException located(String where) {
        return new ShapeException(where + ": " + getMessage(), true);
    }
}
