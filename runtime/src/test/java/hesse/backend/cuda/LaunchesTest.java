package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.cases.Draw;
import hesse.cases.Seeds;
import hesse.cases.SmallNets;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Place;
import hesse.plan.Planner;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which steps of a plan start together. */
class LaunchesTest {
    /** A step in place of every parameter, along the gradient's direction. */
    private static Plan step(SmallNets kind, long seed) {
        var net = kind.build(seed, DType.F32);
        var g = net.curvature().gradient();
        var norm = Ops.norm(g);
        var hg = net.curvature().hvp(g.stream().map(n -> Ops.div(n, norm)).toList());
        var outputs = new LinkedHashMap<String, Node>();
        outputs.put("loss", net.curvature().loss());
        for (var i = 0; i < g.size(); i++) outputs.put("update" + i, Ops.add(g.get(i), Ops.scale(0.1, hg.get(i))));
        return Planner.plan(Computation.of(outputs));
    }

    private static boolean overlap(Buffer a, Buffer b) {
        boolean slab = a.place() == Place.SLAB && b.place() == Place.SLAB;
        return a.id() == b.id() || slab && a.offset() < b.offset() + b.bytes() && b.offset() < a.offset() + a.bytes();
    }

    private static boolean meet(Plan plan, List<Integer> some, List<Integer> others) {
        return some.stream().anyMatch(s -> others.stream().anyMatch(o -> overlap(plan.buffer(s), plan.buffer(o))));
    }

    @ParameterizedTest
    @EnumSource(SmallNets.class)
    void everyStepRunsOnceAndStepsThatTouchTheSameMemoryKeepTheirOrder(SmallNets kind) {
        Seeds.each(seed -> {
            var plan = step(kind, seed);
            var launches = Launches.of(plan);
            var at = new IdentityHashMap<Plan.Step, Integer>();
            for (var i = 0; i < launches.size(); i++) for (var s : launches.get(i)) at.put(s, i);
            assertEquals(
                    plan.steps().size(), launches.stream().mapToInt(List::size).sum());
            var steps = plan.steps();
            for (var i = 0; i < steps.size(); i++) {
                for (var k = i + 1; k < steps.size(); k++) {
                    var a = steps.get(i);
                    var b = steps.get(k);
                    boolean ordered = meet(plan, a.writes(), b.writes())
                            || meet(plan, a.writes(), b.reads())
                            || meet(plan, a.reads(), b.writes());
                    var order = "steps " + i + " and " + k;
                    if (ordered) assertTrue(at.get(a) < at.get(b), order);
                }
            }
        });
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    void manyUpdatesAreFewLaunchesAndNoneHoldsMoreThanItsParametersTake(DType dtype) {
        var d = new Draw(1, dtype);
        var outputs = new LinkedHashMap<String, Node>();
        for (var i = 0; i < 300; i++) {
            var w = d.normal(8 * (1 + i % 5));
            outputs.put("w" + i, Ops.sub(w, Ops.scale(0.1, d.normal(8 * (1 + i % 5)))));
        }
        var plan = Planner.plan(Computation.of(outputs));
        var launches = Launches.of(plan);
        assertEquals(300, plan.steps().size());
        var kernel = ((Fused) plan.steps().getFirst()).kernel();
        int room = FusedSource.room(kernel);
        assertEquals((300 + room - 1) / room, launches.size());
        assertTrue(room * FusedSource.recordSlots(kernel) * 8 + 8 <= 4096);
    }

    @ParameterizedTest
    @EnumSource(SmallNets.class)
    void sourcesOfAPlanHoldWhatIsLaunched(SmallNets kind) {
        var plan = step(kind, 5);
        Map<String, String> sources = CudaSources.of(plan);
        var wanted = new ArrayList<String>();
        for (var launch : Launches.of(plan)) if (launch.size() > 1) wanted.add("fused_together");
        assertEquals(
                !wanted.isEmpty(),
                sources.keySet().stream().anyMatch(s -> s.contains(" fused_together(")),
                kind.name());
    }
}
