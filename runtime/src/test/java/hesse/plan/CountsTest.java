package hesse.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Reverse;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.plan.Nets.Net;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Holds scheduled plans to the multiply-adds and live activations that sharing makes possible, recomputation included: per quantity,
 * contractions in units of a gradient's, and peak memory of 30 layers in units of one contraction output per layer.
 */
class CountsTest {
    private static Computation outputs(List<Node> nodes) {
        Map<String, Node> out = new LinkedHashMap<>();
        for (int i = 0; i < nodes.size(); i++) out.put("out" + i, nodes.get(i));
        return Computation.of(out);
    }

    private static List<Node> join(List<Node> a, List<Node> b) {
        var all = new ArrayList<>(a);
        all.addAll(b);
        return all;
    }

    private static List<Node> psam(Net net) {
        var g = net.curvature().gradient();
        Node norm = Ops.norm(g);
        var h = net.curvature().hvp(g.stream().map(x -> Ops.div(x, norm)).toList());
        var update = new ArrayList<Node>();
        for (int i = 0; i < g.size(); i++) update.add(Ops.add(g.get(i), Ops.scale(0.1, h.get(i))));
        return update;
    }

    private static List<Node> penalised(Net net, Function<List<Node>, Node> form) {
        return Reverse.gradient(Ops.add(net.loss(), form.apply(net.direction("v"))), net.parameters());
    }

    private static double contractions(Net net, List<Node> outputs) {
        return PlanCost.multiplyAdds(Planner.plan(outputs(outputs)))
                / PlanCost.multiplyAdds(Planner.plan(outputs(net.curvature().gradient())));
    }

    private static void between(String what, double low, double value, double high) {
        assertTrue(low <= value && value <= high, what + ": " + value + " is not within " + low + " … " + high);
    }

    private static Map<String, Net> nets(int depth) {
        var nets = new LinkedHashMap<String, Net>();
        nets.put("mlp", Nets.mlp(depth, 8, 16, "gelu"));
        nets.put("cnn with batch norm", Nets.cnn(depth, 4, 4, 6, false, "gelu"));
        nets.put("residual net", Nets.cnn(depth, 4, 4, 6, true, "gelu"));
        return nets;
    }

    @TestFactory
    Stream<DynamicTest> contractionsOfScheduledPlansAreAtTheirFloor() {
        return Stream.of(3, 10, 50)
                .flatMap(depth -> nets(depth).entrySet().stream()
                        .map(e -> DynamicTest.dynamicTest(
                                e.getKey() + " of depth " + depth, () -> counts(e.getValue(), depth))));
    }

    private static void counts(Net net, int depth) {
        var c = net.curvature();
        var v = net.direction("v");
        between("gradient and Hv", 2.6, contractions(net, join(c.gradient(), c.hvp(v))), 3.0);
        between("psam", 2.6, contractions(net, psam(net)), 3.0);
        between("tr(G), shared sweep", 2.3, contractions(net, penalised(net, c::vgv)), 2.7);
        between("tr(H), shared sweep", 3.5, contractions(net, penalised(net, c::vhv)), 4.35);
        between("vHv, forward", 1.3, contractions(net, List.of(c.vhv(v))), 1.7);
        between("gradient and gradient of vGv", 2.3, contractions(net, join(c.gradient(), c.gradVgv(v))), 3.35);
        // 14/3 where the first layer has an input gradient too
        between("gradient and gradient of vHv", 3.5, contractions(net, join(c.gradient(), c.gradVhv(v))), 4.67);
        if (depth == 3) return;
        var split = join(join(c.gradient(), c.hvp(v)), c.hvpWithoutActivation(v));
        between("with the activation part split off", 3.4, contractions(net, split), 4.31);
        between("and with G", 4.0, contractions(net, join(split, c.gnvp(v))), 4.97);
    }

    /** Peak slab over 30 outputs of the layers' contractions. */
    private static double peak(List<Node> outputs, long layer) {
        return Planner.plan(outputs(outputs)).slabBytes() / (30.0 * layer);
    }

    private static void peaks(Net net, long layer, double psam) {
        var c = net.curvature();
        var v = net.direction("v");
        between("sgd", 0.9, peak(c.gradient(), layer), 1.1);
        between("Hv", 1.8, peak(c.hvp(v), layer), 2.2);
        between("tr(G)", 1.8, peak(penalised(net, c::vgv), layer), 2.2);
        between("psam", 2.7, peak(psam(net), layer), psam);
        between("tr(H)", 2.7, peak(penalised(net, c::vhv), layer), 3.3);
        between("vHv, forward", 0.05, peak(List.of(c.vhv(v)), layer), 0.3);
    }

    @Test
    void peakActivationsOfThirtyDenseLayers() {
        peaks(Nets.mlp(30, 8, 2048, "gelu"), 8 * 8 * 2048, 3.2);
    }

    @Test
    void peakActivationsOfThirtyConvolutionsWithBatchNorm() {
        peaks(Nets.cnn(30, 8, 32, 12, false, "gelu"), 8 * 8 * 32 * 12 * 12, 3.2);
    }

    @Test
    void peakActivationsOfThirtyResidualBlocks() {
        // the cotangent of the residual stream is kept beside those of the branches
        peaks(Nets.cnn(30, 8, 32, 12, true, "gelu"), 8 * 8 * 32 * 12 * 12, 4.1);
    }

    private static String planText() {
        Net net = Nets.cnn(5, 3, 2, 4, true, "silu");
        return Planner.plan(outputs(join(psam(net), penalised(net, net.curvature()::vhv))))
                .text();
    }

    @Test
    void planTextIsEqualInAnotherJvm() throws Exception {
        var command = new ArrayList<String>();
        command.add(ProcessHandle.current().info().command().orElseThrow());
        String modules = System.getProperty("jdk.module.path", "");
        String path = System.getProperty("java.class.path");
        command.addAll(List.of(
                "-cp",
                path
                        + java.io.File.pathSeparator
                        + modules.replace(";", java.io.File.pathSeparator)
                        + java.io.File.pathSeparator
                        + location(CountsTest.class)
                        + java.io.File.pathSeparator
                        + location(Planner.class),
                CountsTest.class.getName()));
        var process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String other = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor());
        assertEquals(planText(), other);
    }

    private static String location(Class<?> c) throws Exception {
        return java.nio.file.Path.of(
                        c.getProtectionDomain().getCodeSource().getLocation().toURI())
                .toString();
    }

    /** Prints the plan's text, for the other JVM. */
    public static void main(String[] args) {
        System.out.print(planText());
    }
}
