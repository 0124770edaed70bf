package hesse.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What plans move between contractions, and what they keep alive. */
class TrafficTest {
    private static Plan plan(List<Node> outputs) {
        Map<String, Node> out = new LinkedHashMap<>();
        for (int i = 0; i < outputs.size(); i++) out.put("out" + i, outputs.get(i));
        return Planner.plan(Computation.of(out));
    }

    private static List<Node> psam(Nets.Net net) {
        var g = net.curvature().gradient();
        Node norm = Ops.norm(g);
        var h = net.curvature().hvp(g.stream().map(x -> Ops.div(x, norm)).toList());
        var update = new ArrayList<Node>();
        for (int i = 0; i < g.size(); i++) update.add(Ops.add(g.get(i), Ops.scale(0.1, h.get(i))));
        return update;
    }

    /**
     * Tensors read and written per batch norm with its activation, and of these the writes that make a contraction's operand again; from
     * two depths, so that the ends of the net drop out.
     */
    private static double[] perLayer(java.util.function.Function<Nets.Net, List<Node>> of) {
        var t = new Traffic[2];
        for (int i = 0; i < 2; i++) t[i] = Traffic.of(plan(of.apply(Nets.cnn(10 + 10 * i, 8, 32, 12, false, "gelu"))));
        return new double[] {
            (t[1].reads() + t[1].writes() - t[0].reads() - t[0].writes()) / 10.0, (t[1].remade() - t[0].remade()) / 10.0
        };
    }

    /** One pass over each tensor that is needed: 8 for a gradient and 22 for PSAM, beside what is made again because it is not kept. */
    @Test
    void batchNormsMoveNoTensorTwice() {
        double[] sgd = perLayer(net -> net.curvature().gradient());
        double[] psam = perLayer(TrafficTest::psam);
        System.out.println(
                "tensors per batch norm: gradient " + Arrays.toString(sgd) + ", psam " + Arrays.toString(psam));
        assertTrue(sgd[0] - sgd[1] <= 8 && sgd[1] <= 1, "gradient " + Arrays.toString(sgd));
        assertTrue(psam[0] - psam[1] <= 22 && psam[1] <= 5, "psam " + Arrays.toString(psam));
    }

    @Test
    void whatIsLiveFitsIntoTheSlabAndNearlyFillsIt() {
        for (var net : List.of(Nets.mlp(10, 64, 16, "gelu"), Nets.cnn(10, 4, 4, 6, true, "gelu"))) {
            var plan = plan(psam(net));
            long live = Traffic.of(plan).liveBytes();
            assertTrue(live <= plan.slabBytes(), live + " of " + plan.slabBytes());
            assertTrue(live >= 0.8 * plan.slabBytes(), live + " of " + plan.slabBytes());
        }
    }

    @Test
    void aValueIsLiveNoLongerThanFromItsFirstToItsLastStep() {
        var net = Nets.mlp(1, 8, 4, "gelu");
        var plan = plan(net.curvature().gradient());
        long slab = 0;
        for (var b : plan.buffers()) if (b.place() == Plan.Place.SLAB) slab += b.bytes();
        assertTrue(Traffic.of(plan).liveBytes() < slab);
        assertEquals(0, Traffic.of(plan).reads(), "a perceptron has no image activations");
    }
}
