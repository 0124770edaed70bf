package hesse.plan;

import hesse.graph.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A map from the nodes of one graph, by their creation index. */
final class NodeMap<T> {
    private final List<@Nullable T> values = new ArrayList<>();

    /** The value of a node that has one. */
    T get(Node n) {
        @Nullable T v = find(n);
        if (v == null) throw new IllegalStateException("nothing known of " + n);
        return v;
    }

    T getOr(Node n, T otherwise) {
        @Nullable T v = find(n);
        return v != null ? v : otherwise;
    }

    @Nullable
    T find(Node n) {
        return n.index() < values.size() ? values.get(n.index()) : null;
    }

    boolean has(Node n) {
        return find(n) != null;
    }

    void put(Node n, T value) {
        while (values.size() <= n.index()) values.add(null);
        values.set(n.index(), value);
    }

    T computeIfAbsent(Node n, Supplier<T> make) {
        @Nullable T v = find(n);
        if (v != null) return v;
        T made = make.get();
        put(n, made);
        return made;
    }

    T merge(Node n, T value, BinaryOperator<T> with) {
        @Nullable T v = find(n);
        T now = v == null ? value : with.apply(v, value);
        put(n, now);
        return now;
    }
}
