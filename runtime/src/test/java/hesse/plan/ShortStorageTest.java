package hesse.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.graph.Conv2d;
import hesse.graph.ConvFilterGradient;
import hesse.graph.ConvInputGradient;
import hesse.graph.MatMul;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Source;
import hesse.plan.Plan.Contraction;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Place;
import hesse.tensor.DType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Which tensors a plan for bf16 keeps in bf16, and which in f32. */
class ShortStorageTest {
    /** A step of PSAM with momentum: loss, new parameters, new velocities. */
    private static Computation psam(Nets.Net net) {
        Map<String, Node> out = new LinkedHashMap<>();
        var g = net.curvature().gradient();
        Node norm = Ops.norm(g);
        var h = net.curvature().hvp(g.stream().map(x -> Ops.div(x, norm)).toList());
        out.put("loss", net.loss());
        for (int i = 0; i < g.size(); i++) {
            Node p = net.parameters().get(i);
            Node velocity = net.graph().input("velocity" + i, p.dtype(), p.shape());
            Node moved = Ops.add(Ops.scale(0.9, velocity), Ops.add(g.get(i), Ops.scale(0.1, h.get(i))));
            out.put("velocity" + i, moved);
            out.put("new" + i, Ops.sub(p, Ops.scale(0.1, moved)));
        }
        return Computation.of(out);
    }

    private static List<Nets.Net> nets() {
        return List.of(
                Nets.cnn(DType.F32, 6, 8, 4, 8, true, "gelu"),
                Nets.cnn(DType.F32, 6, 8, 4, 8, false, "relu"),
                Nets.mlp(DType.F32, 6, 64, 16, "gelu"));
    }

    @Test
    void onlyOneTypeOfBufferBecomesShorterAndItIsWrittenOnceByKernelsAndContractions() {
        for (var net : nets()) {
            var plan = Planner.planShort(psam(net));
            var writers = new int[plan.buffers().size()];
            plan.steps().forEach(s -> s.writes().forEach(b -> writers[b]++));
            for (var b : plan.buffers()) {
                if (b.dtype() != DType.BF16) continue;
                assertEquals(Place.SLAB, b.place());
                assertEquals(1, writers[b.id()], b::toString);
            }
        }
    }

    @Test
    void statisticsStayLong() {
        int channels = 8;
        for (boolean residual : List.of(true, false)) {
            var plan = Planner.planShort(psam(Nets.cnn(DType.F32, 6, channels, 4, 8, residual, "gelu")));
            for (var b : plan.buffers()) {
                if (b.shape().size() == channels) assertTrue(b.dtype() != DType.BF16, b::toString);
            }
        }
    }

    @Test
    void kernelsReadAndWriteWhatTheBuffersHold() {
        for (var net : nets()) {
            var plan = Planner.planShort(psam(net));
            for (var step : plan.steps()) {
                if (!(step instanceof Fused f)) continue;
                for (int l = 0; l < f.kernel().loads().size(); l++) {
                    var load = f.kernel().loads().get(l);
                    if (load.source() == Source.DATA)
                        assertEquals(plan.buffer(f.inputs().get(l)).dtype(), load.dtype());
                }
                for (int r = 0; r < f.outputs().size(); r++) {
                    var result = f.kernel().results().get(r);
                    assertEquals(plan.buffer(f.outputs().get(r)).dtype(), result.dtype());
                    if (result.kind() != Kind.STORE) assertEquals(DType.F32, result.dtype(), "a statistic");
                }
            }
        }
    }

    @Test
    void gradientsOfParametersAndSumsOfContractionsStayLong() {
        for (var net : nets()) {
            var plan = Planner.planShort(psam(net));
            for (var step : plan.steps()) {
                if (!(step instanceof Contraction c)) continue;
                boolean gradient = c.op() instanceof ConvFilterGradient
                        || c.op() instanceof MatMul m
                                && m.transposeA()
                                && c.outShape().rank() == 2;
                if (gradient || c.accumulate())
                    assertEquals(DType.F32, plan.buffer(c.out()).dtype(), c::toString);
            }
        }
    }

    /** All of a convolutional net's images but those that several contractions are added up in, and those that a loss is made of. */
    @Test
    void imagesOfTheGradientAreShortAndTheSlabHalves() {
        var net = Nets.cnn(DType.F32, 8, 16, 8, 8, false, "gelu");
        Map<String, Node> out = new LinkedHashMap<>();
        var g = net.curvature().gradient();
        for (int i = 0; i < g.size(); i++) out.put("g" + i, g.get(i));
        var computation = Computation.of(out);
        var longer = Planner.plan(computation);
        var shorter = Planner.planShort(computation);
        assertEquals(longer.steps().size(), shorter.steps().size());
        int images = 0;
        int kept = 0;
        for (var step : shorter.steps()) {
            if (!(step instanceof Contraction c)) continue;
            if (!(c.op() instanceof Conv2d) && !(c.op() instanceof ConvInputGradient)) continue;
            images++;
            if (shorter.buffer(c.out()).dtype() != DType.BF16) kept++;
        }
        int inFull = kept;
        int all = images;
        assertTrue(all >= 14 && inFull <= 2, () -> inFull + " of " + all + " images in f32");
        double ratio = shorter.slabBytes() / (double) longer.slabBytes();
        System.out.println("slab of a gradient in bf16 over f32: " + ratio);
        assertTrue(ratio < 0.6, () -> "slab " + ratio);
    }

    @Test
    void textIsTheSameEachTime() {
        assertEquals(
                Planner.planShort(psam(Nets.cnn(DType.F32, 4, 8, 4, 8, true, "gelu")))
                        .text(),
                Planner.planShort(psam(Nets.cnn(DType.F32, 4, 8, 4, 8, true, "gelu")))
                        .text());
    }
}
