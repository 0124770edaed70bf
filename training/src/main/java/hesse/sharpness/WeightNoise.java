package hesse.sharpness;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Gradients at randomly perturbed weights: the mean over draws of ∇L(θ + σ v), v ~ N(0, I), and of ∇L(θ − σ v) for antithetic pairs
 * (section 5.1 of Dauphin, Agarwala, Mobahi 2024). 1.00 × SGD for each pass, and a forward pass at θ
 * for the loss that is reported and for running statistics.
 */
public record WeightNoise(Strength sigma2, int draws, boolean antithetic) implements Method {
    @Override
    public List<Node> second(Objective o, List<Node> first) {
        Node sigma = Ops.sqrt(o.strength("sigma2"));
        var passes = new ArrayList<List<Node>>();
        for (int k = 0; k < draws; k++) {
            var v = o.probe(k, MethodConfig.Distribution.NORMAL);
            passes.add(o.gradientAt(Method.plus(o.parameters(), sigma, v)));
            if (antithetic) passes.add(o.gradientAt(Method.plus(o.parameters(), Ops.neg(sigma), v)));
        }
        var mean = new ArrayList<Node>();
        for (int i = 0; i < o.parameters().size(); i++) {
            int at = i;
            mean.add(SecondOrder.mean(passes.stream().map(p -> p.get(at)).toList()));
        }
        return mean;
    }

    @Override
    public Map<String, Strength> strengths() {
        return Map.of("sigma2", sigma2);
    }
}
