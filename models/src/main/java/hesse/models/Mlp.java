package hesse.models;

import hesse.graph.Node;
import hesse.nn.Forward;
import hesse.nn.Layers;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.scalar.ScalarFn;
import java.util.List;

/**
 * A multilayer perceptron: {@code layers.0}, {@code layers.1}, …, with activations between them.
 *
 * @param norm before each activation, {@code norms.0}, {@code norms.1}, …
 */
public record Mlp(List<Integer> hidden, int classes, ScalarFn activation, Norm norm) implements Model {
    public Mlp {
        hidden = List.copyOf(hidden);
    }

    public Mlp(List<Integer> hidden, int classes, ScalarFn activation) {
        this(hidden, classes, activation, Norm.none());
    }

    @Override
    public Node apply(Forward f, Node x) {
        for (int i = 0; i < hidden.size(); i++) {
            var layer = f.in("layers." + i);
            x = Layers.norm(f.in("norms." + i), Layers.linear(layer, x, hidden.get(i)), norm);
            x = Layers.activation(layer, x, activation);
        }
        return Layers.linear(f.in("layers." + hidden.size()), x, classes);
    }
}
