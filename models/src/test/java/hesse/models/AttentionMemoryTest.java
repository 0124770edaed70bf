package hesse.models;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Curvature;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.nn.CrossEntropy;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.Norm;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.plan.PlanCost;
import hesse.plan.Planner;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What a Transformer's step needs over long sequences, read off its plan. */
class AttentionMemoryTest {
    private static final int HEADS = 2;
    private static final int KEY_SIZE = 16;

    enum Step {
        GRADIENT((c, v) -> c.gradient()),
        PSAM(Curvature::hvp),
        HESSIAN_TRACE(Curvature::gradVhv);

        private final BiFunction<Curvature, List<Node>, List<Node>> update;

        Step(BiFunction<Curvature, List<Node>, List<Node>> update) {
            this.update = update;
        }
    }

    @ParameterizedTest
    @EnumSource
    void twiceTheSequenceTakesAtMostTwiceTheMemory(Step step) {
        long[] bytes = {slab(step, 1024), slab(step, 2048), slab(step, 4096)};
        for (int i = 1; i < bytes.length; i++) {
            // were all scores kept, it would be close to 4
            double ratio = (double) bytes[i] / bytes[i - 1];
            assertTrue(ratio <= 2.02, () -> step + ": " + Arrays.toString(bytes));
        }
    }

    private static long slab(Step step, int length) {
        return plan(step, length, 2).slabBytes();
    }

    /**
     * A gradient has 6 products with scores as a factor or the result, PSAM 18. Making scores and their cotangents and tangents again in
     * each pass that needs them adds 1, and 6 at least.
     */
    @ParameterizedTest
    @CsvSource({"GRADIENT, 6, 7", "PSAM, 18, 25.1"})
    void scoresAreMadeAgainOncePerPass(Step step, int kept, double remade) {
        double rest = PlanCost.multiplyAdds(plan(step, 512, 1)) / 512 - kept * products(512) / 512;
        double all = PlanCost.multiplyAdds(plan(step, 2048, 1)) - 2048 * rest;
        assertTrue(all / products(2048) <= remade + 1e-9, () -> step + ": " + all / products(2048));
    }

    /** Multiply-adds of one product over all heads. */
    private static double products(int length) {
        return (double) HEADS * length * length * KEY_SIZE;
    }

    private static Plan plan(Step step, int length, int layers) {
        var g = new Graph();
        var f = Forward.declaring(g, DType.F32, Mode.TRAIN);
        Node x = g.input("x", DType.I64, Shape.of(1, length));
        var model = new Transformer(
                16, length, layers, HEADS, KEY_SIZE, 32, 4, true, Activations.named("gelu_tanh"), Norm.layer());
        Node logits = model.apply(f, x);
        Node y = g.input("y", DType.I64, Shape.of(1, length));
        var theta = List.copyOf(f.parameterNodes().values());
        var c = Curvature.of(theta, logits, z -> new CrossEntropy().apply(z, y));
        var gradient = c.gradient();
        Node norm = Ops.norm(gradient);
        var v = new ArrayList<Node>();
        for (Node n : gradient) v.add(Ops.mark(Ops.div(n, norm)));
        var second = step.update.apply(c, v);
        var out = new LinkedHashMap<String, Node>();
        for (int i = 0; i < theta.size(); i++) {
            Node update = Ops.add(gradient.get(i), Ops.scale(0.1, second.get(i)));
            out.put(f.parameters().get(i).name(), Ops.sub(theta.get(i), Ops.scale(0.1, update)));
        }
        return Planner.plan(Computation.of(out));
    }
}
