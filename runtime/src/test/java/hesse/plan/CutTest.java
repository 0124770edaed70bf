package hesse.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.Evaluation;
import hesse.backend.reference.ReferenceBackend;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.plan.Nets.Net;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Computations cut by their inputs: the same values, at the cost that is left when the primal pass stays. */
class CutTest {
    private static Map<String, Net> nets(int depth) {
        var nets = new LinkedHashMap<String, Net>();
        nets.put("mlp", Nets.mlp(depth, 8, 16, "gelu"));
        nets.put("cnn with batch norm", Nets.cnn(depth, 4, 4, 6, false, "gelu"));
        nets.put("residual net", Nets.cnn(depth, 4, 4, 6, true, "gelu"));
        return nets;
    }

    private static Computation outputs(String name, List<Node> nodes) {
        Map<String, Node> out = new LinkedHashMap<>();
        for (int i = 0; i < nodes.size(); i++) out.put(name + i, nodes.get(i));
        return Computation.of(out);
    }

    private static Set<String> names(List<Node> inputs) {
        var names = new HashSet<String>();
        for (Node n : inputs) names.add(((Input) n.op()).name());
        return names;
    }

    @Test
    void hessianVectorProductOnTheKeptPrimalPassCostsTwoGradients() {
        for (int depth : new int[] {3, 10, 30}) {
            nets(depth).forEach((kind, net) -> {
                var v = net.direction("v");
                var cut = Cut.by(outputs("hv", net.curvature().hvp(v)), names(v));
                double gradient = PlanCost.multiplyAdds(
                        Planner.plan(outputs("g", net.curvature().gradient())));
                double alone = PlanCost.multiplyAdds(Planner.plan(cut.varying())) / gradient;
                double first = PlanCost.multiplyAdds(Planner.plan(cut.fixed().orElseThrow())) / gradient;
                assertTrue(alone > 1.5 && alone <= 2.1, kind + " of depth " + depth + ": alone " + alone);
                assertTrue(first + alone <= 3.1, kind + " of depth " + depth + ": with primal " + (first + alone));
            });
        }
    }

    @Test
    void bothPartsTogetherGiveWhatTheWholeGives() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        nets(3).forEach((kind, net) -> {
            var v = net.direction("v");
            var nodes = new LinkedHashMap<String, Node>();
            var hv = net.curvature().hvp(v);
            var gv = net.curvature().gnvp(v);
            for (int i = 0; i < hv.size(); i++) {
                nodes.put("hv" + i, hv.get(i));
                nodes.put("gv" + i, gv.get(i));
            }
            nodes.put("loss", net.loss());
            var whole = Computation.of(nodes);
            Map<String, Tensor> given = new LinkedHashMap<>();
            whole.inputs().forEach((name, n) -> given.put(name, draw(n, random)));
            var cut = Cut.by(whole, names(v));
            try (var backend = new ReferenceBackend()) {
                var expected = Evaluation.run(backend, whole, given);
                var actual = Evaluation.run(backend, cut.fixed().orElseThrow(), given);
                assertTrue(actual.containsKey("loss"), "what does not vary belongs to the first part");
                given.putAll(actual);
                var results = new LinkedHashMap<>(actual);
                results.putAll(Evaluation.run(backend, cut.varying(), given));
                expected.forEach((name, e) -> {
                    var a = results.get(name);
                    for (long k = 0; k < e.size(); k++) {
                        assertEquals(
                                e.get(k),
                                a.get(k),
                                1e-12 * (1 + Math.abs(e.get(k))),
                                kind + " " + name + " seed " + seed);
                    }
                });
            }
        });
    }

    private static Tensor draw(Node n, Random random) {
        double[] values = new double[(int) n.shape().size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = n.dtype() == DType.I64 ? random.nextInt(4) : 0.3 * random.nextGaussian();
        }
        return Tensor.of(n.dtype(), n.shape(), values);
    }

    @Test
    void elementwiseValuesDoNotCross() {
        Net net = Nets.mlp(10, 8, 16, "gelu");
        var v = net.direction("v");
        var cut = Cut.by(outputs("hv", net.curvature().hvp(v)), names(v));
        // ten layers: outputs of their products, as many cotangents less one, and a few per example from the softmax
        long full = cut.fixed().orElseThrow().outputs().stream()
                .filter(o -> o.node().shape().size() >= 8 * 16)
                .count();
        assertTrue(full <= 22, full + " values of full size cross: " + cut.crossing());
    }

    @Test
    void aComputationThatNothingVariesInIsRefused() {
        Net net = Nets.mlp(2, 3, 2, "gelu");
        var gradient = outputs("g", net.curvature().gradient());
        assertThrows(IllegalArgumentException.class, () -> Cut.by(gradient, Set.of("absent")));
    }
}
