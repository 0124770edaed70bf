package hesse.graph;

/** A mistake in shapes, element types or attributes, found while a graph is built; names the layer path and the shapes. */
public final class ShapeException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    public ShapeException(String message) {
        super(message);
    }
}
