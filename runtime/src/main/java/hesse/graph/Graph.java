package hesse.graph;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A pure function under construction. Nodes are hash-consed: {@link #apply} returns the existing node when the same op was
 * already applied to the same inputs, after bringing it to normal form. Not thread safe.
 */
public final class Graph {
    private final List<Node> nodes = new ArrayList<>();
    private final Map<Key, Node> interned = new HashMap<>();
    private final List<String> scopes = new ArrayList<>();

    /** A named value given from outside: a parameter, a batch, a scalar setting. One node per name. */
    public Node input(String name, DType dtype, Shape shape) {
        return intern(new Input(name, new Type(dtype, shape)), List.of());
    }

    /** A tensor whose elements all have one value. */
    public Node constant(double value, DType dtype, Shape shape) {
        return intern(new Constant(value, new Type(dtype, shape)), List.of());
    }

    public Node constant(double value, Type type) {
        return constant(value, type.dtype(), type.shape());
    }

    public Node zeros(Type type) {
        return constant(0, type);
    }

    /**
     * Applies an op in normal form: the result may be another op, or an input itself.
     *
     * @throws ShapeException naming the layer path, the shapes and the remedy when the inputs do not fit
     */
    public Node apply(Op op, List<Node> inputs) {
        try {
            return op.normalize(this, inputs);
        } catch (ShapeException e) {
            throw e.among(this, inputs);
        }
    }

    public Node apply(Op op, Node... inputs) {
        return apply(op, List.of(inputs));
    }

    /** The node of exactly this op on exactly these inputs; for the ops' own normal forms. */
    Node intern(Op op, List<Node> inputs) {
        int[] ids = new int[inputs.size()];
        for (int i = 0; i < ids.length; i++) {
            Node in = inputs.get(i);
            if (in.graph() != this) throw new IllegalArgumentException("node " + in + " belongs to another graph");
            ids[i] = in.index();
        }
        var key = new Key(op, ids);
        Node known = interned.get(key);
        if (known != null) return known;
        Type type = op.infer(inputs);
        var node = new Node(this, nodes.size(), op, List.copyOf(inputs), type, path());
        nodes.add(node);
        interned.put(key, node);
        return node;
    }

    /** All nodes, in order of creation. */
    public List<Node> nodes() {
        return Collections.unmodifiableList(nodes);
    }

    public int size() {
        return nodes.size();
    }

    public Node node(int index) {
        return nodes.get(index);
    }

    /** Names what is built until the returned scope is closed; nested names are joined by dots. */
    public Scope scope(String name) {
        scopes.add(name);
        int depth = scopes.size();
        return () -> {
            while (scopes.size() >= depth) scopes.removeLast();
        };
    }

    /** The current layer path. */
    public String path() {
        return String.join(".", scopes);
    }

    /** An open layer name. */
    public interface Scope extends AutoCloseable {
        @Override
        void close();
    }

    private record Key(Op op, int[] inputs) {
        @Override
        public boolean equals(Object o) {
            return o instanceof Key k && op.equals(k.op) && Arrays.equals(inputs, k.inputs);
        }

        @Override
        public int hashCode() {
            return 31 * op.hashCode() + Arrays.hashCode(inputs);
        }
    }
}
