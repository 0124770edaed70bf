package hesse.graph;

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

    /** The same mistake, said to be at a layer path, unless it already says where it is. */
    ShapeException at(String path) {
        return located || path.isEmpty() ? this : new ShapeException("at " + path + ": " + getMessage(), true);
    }
}
