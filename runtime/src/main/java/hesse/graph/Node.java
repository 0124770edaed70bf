package hesse.graph;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;

/**
 * One value of a {@link Graph}: an op applied to inputs. Identity is equality: within a graph the same op on the same inputs
 * is the same node. The creation index is a topological order.
 */
public final class Node {
    private final Graph graph;
    private final int index;
    private final Op op;
    private final List<Node> inputs;
    private final Type type;
    private final String path;

    Node(Graph graph, int index, Op op, List<Node> inputs, Type type, String path) {
        this.graph = graph;
        this.index = index;
        this.op = op;
        this.inputs = inputs;
        this.type = type;
        this.path = path;
    }

    public Graph graph() {
        return graph;
    }

    /** Place in the order of creation; inputs always have smaller ones. */
    public int index() {
        return index;
    }

    public Op op() {
        return op;
    }

    public List<Node> inputs() {
        return inputs;
    }

    public Node input(int i) {
        return inputs.get(i);
    }

    public Type type() {
        return type;
    }

    public Shape shape() {
        return type.shape();
    }

    public DType dtype() {
        return type.dtype();
    }

    /** The layer path under which the node was first made, for messages; may be empty. */
    public String path() {
        return path;
    }

    @Override
    public int hashCode() {
        return index;
    }

    @Override
    public boolean equals(Object o) {
        return this == o;
    }

    /** For example {@code %7 = MatMul[...](%3, %5) : f64[4, 3]}. */
    @Override
    public String toString() {
        var text = new StringBuilder("%").append(index).append(" = ").append(op).append('(');
        for (int i = 0; i < inputs.size(); i++) {
            if (i > 0) text.append(", ");
            text.append('%').append(inputs.get(i).index);
        }
        return text.append(") : ").append(type).toString();
    }
}
