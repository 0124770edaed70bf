package hesse.graph;

import java.util.List;

/** Each element's index along one axis. */
public record Iota(int axis, Type type) implements ZeroDerivative {
    @Override
    public Type infer(List<Node> inputs) {
        return type;
    }
}
