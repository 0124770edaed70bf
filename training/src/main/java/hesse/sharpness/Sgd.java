package hesse.sharpness;

import hesse.graph.Node;
import java.util.List;

/** Plain gradient descent: minimises L(θ); the update is g. One contraction pass (1.00 × SGD). */
public record Sgd() implements Method {
    @Override
    public List<Node> second(Objective o, List<Node> first) {
        return o.gradient();
    }
}
