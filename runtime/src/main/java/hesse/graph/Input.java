package hesse.graph;

import java.util.List;

/** A named value given from outside. */
public record Input(String name, Type type) implements ZeroDerivative {
    @Override
    public Type infer(List<Node> inputs) {
        return type;
    }
}
