package hesse.models;

import hesse.graph.Node;
import hesse.nn.Forward;
import hesse.nn.Layers;
import hesse.nn.Model;
import hesse.scalar.ScalarFn;
import java.util.List;

/** A multilayer perceptron: {@code layers.0}, {@code layers.1}, …, with activations between them. */
public record Mlp(List<Integer> hidden, int classes, ScalarFn activation) implements Model {
    public Mlp {
        hidden = List.copyOf(hidden);
    }

    @Override
    public Node apply(Forward f, Node x) {
        for (int i = 0; i < hidden.size(); i++) {
            var layer = f.in("layers." + i);
            x = Layers.activation(layer, Layers.linear(layer, x, hidden.get(i)), activation);
        }
        return Layers.linear(f.in("layers." + hidden.size()), x, classes);
    }
}
