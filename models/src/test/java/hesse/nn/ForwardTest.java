package hesse.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.graph.Graph;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.ShapeException;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ForwardTest {
    private final Graph g = new Graph();
    private final Node images = g.input("x", DType.F32, Shape.of(4, 6, 6, 3));

    /** What a user writes: a small residual net with dropout. */
    private static final class Own implements Model {
        @Override
        public Node apply(Forward f, Node x) {
            ScalarFn phi = Activations.parse("x * tanh(softplus(x))");
            x = Layers.batchNorm(f.in("bn"), Layers.conv2d(f.in("stem"), x, 8, 3));
            for (int i = 0; i < 2; i++) {
                var block = f.in("block" + i);
                Node h = Layers.activation(block, Layers.batchNorm(block.in("bn"), x), phi);
                x = Ops.add(x, Layers.dropout(block, Layers.conv2d(block.in("conv"), h, 8, 3), 0.25));
            }
            return Layers.linear(f.in("head"), Layers.globalAvgPool(f, x), 5);
        }
    }

    private static Map<String, Node> shifted(Forward f) {
        var other = new LinkedHashMap<String, Node>();
        f.parameterNodes().forEach((name, p) -> other.put(name, Ops.plus(p, 0.5)));
        return other;
    }

    @Test
    void parametersAreDeclaredInOrderUnderTheirPaths() {
        var f = Forward.declaring(g, DType.F32, Mode.TRAIN);
        new Own().apply(f, images);
        assertEquals(
                List.of(
                        "stem.weight",
                        "stem.bias",
                        "bn.weight",
                        "bn.bias",
                        "block0.bn.weight",
                        "block0.bn.bias",
                        "block0.conv.weight",
                        "block0.conv.bias",
                        "block1.bn.weight",
                        "block1.bn.bias",
                        "block1.conv.weight",
                        "block1.conv.bias",
                        "head.weight",
                        "head.bias"),
                f.parameters().stream().map(Parameter::name).toList());
        assertEquals(
                List.copyOf(f.parameterNodes().keySet()),
                f.parameters().stream().map(Parameter::name).toList());
        assertEquals(Shape.of(8, 3, 3, 3), f.parameters().getFirst().shape());
        assertEquals(9, f.buffers().size());
        assertEquals(9, f.bufferUpdates().size());
        f.bufferUpdates()
                .forEach((name, value) -> assertEquals(f.bufferNodes().get(name).type(), value.type()));
    }

    @Test
    void nodesCarryTheirPlace() {
        var f = Forward.declaring(g, DType.F32, Mode.TRAIN);
        new Own().apply(f, images);
        assertTrue(g.nodes().stream().anyMatch(n -> n.path().equals("block1.conv")));
        assertTrue(g.nodes().stream().noneMatch(n -> n.path().contains("block1.block1")));
        assertEquals("", g.path());
    }

    @Test
    void aSecondPassAtTheSameParametersIsTheSameNode() {
        var f = Forward.declaring(g, DType.F32, Mode.TRAIN);
        Node first = new Own().apply(f, images);
        assertSame(first, new Own().apply(f.again(f.parameterNodes(), NormStatistics.BATCH), images));
        assertNotSame(first, new Own().apply(f.again(f.parameterNodes(), NormStatistics.FROZEN), images));
    }

    @Test
    void aFurtherPassSharesDropoutMasksAndLeavesRunningStatisticsAlone() {
        var f = Forward.declaring(g, DType.F32, Mode.TRAIN);
        new Own().apply(f, images);
        long draws = draws();
        assertEquals(2, draws);
        for (var policy : NormStatistics.values()) {
            var again = f.again(shifted(f), policy);
            new Own().apply(again, images);
            assertEquals(draws, draws());
            assertEquals(Map.of(), again.bufferUpdates());
            assertEquals(f.parameters(), again.parameters());
        }
    }

    private long draws() {
        return g.nodes().stream()
                .filter(n -> n.op() instanceof hesse.graph.Random)
                .count();
    }

    @Test
    void frozenStatisticsAreTheFirstPassesConstants() {
        var f = Forward.declaring(g, DType.F32, Mode.TRAIN);
        Layers.batchNorm(f.in("bn"), images);
        Node moved = Ops.scale(2, images);
        int before = g.size();
        Layers.batchNorm(
                f.in("bn").again(f.parameterNodes(), NormStatistics.FROZEN).in("bn"), moved);
        assertEquals(
                2,
                g.nodes().subList(before, g.size()).stream()
                        .filter(n -> n.op() instanceof hesse.graph.StopGradient)
                        .count());
    }

    @Test
    void evaluationDrawsNothingAndUpdatesNothing() {
        var f = Forward.declaring(g, DType.F32, Mode.EVAL);
        new Own().apply(f, images);
        assertEquals(0, draws());
        assertEquals(Map.of(), f.bufferUpdates());
        assertEquals(9, f.buffers().size());
        var off = Forward.declaring(g, DType.F32, Mode.TRAIN).withoutDropout();
        new Own().apply(off, images);
        assertEquals(0, draws());
        assertTrue(g.nodes().stream()
                .noneMatch(n -> n.op() instanceof Input i && i.name().equals(Forward.SEED)));
    }

    @Test
    void aNameIsDeclaredOnce() {
        var f = Forward.declaring(g, DType.F32, Mode.TRAIN);
        Layers.conv2d(f.in("c"), images, 3, 3);
        var e = assertThrows(IllegalArgumentException.class, () -> Layers.conv2d(f.in("c"), images, 3, 3));
        assertTrue(e.getMessage().contains("'c.weight' is declared twice"), e.getMessage());
    }

    @Test
    void aFurtherPassNeedsEveryParameterInItsType() {
        var f = Forward.declaring(g, DType.F32, Mode.TRAIN);
        Layers.linear(f.in("head"), images, 5);
        var e = assertThrows(
                IllegalArgumentException.class,
                () -> f.again(Map.of("head.bias", f.parameterNodes().get("head.bias")), NormStatistics.BATCH));
        assertTrue(e.getMessage().contains("f32[5, 108] for parameter 'head.weight', got none"), e.getMessage());
    }

    @Test
    void shapeMistakesNameTheLayerAndBothShapes() {
        var f = Forward.declaring(g, DType.F32, Mode.TRAIN);
        message(
                "at blocks.3.conv: ",
                "[4, 1, 1, 3]",
                () -> Layers.conv2d(
                        f.in("blocks.3").in("conv"),
                        Layers.globalAvgPool(f, images),
                        Conv.of(8, 3).padding(0)));
        message(
                "at pool: ",
                "a 7×7 pooling window does not fit images [4, 6, 6, 3]",
                () -> Layers.maxPool(f.in("pool"), images, 7));
        message("at norm: ", "2 groups", () -> Layers.groupNorm(f.in("norm"), images, 2));
        message(
                "at norm: ",
                "more than one value per channel",
                () -> Layers.batchNorm(f.in("norm"), g.input("one", DType.F32, Shape.of(1, 3))));
        message(
                "where stem and side.conv meet: ",
                "shapes [[4, 6, 6, 8], [4, 6, 6, 4]] do not broadcast",
                () -> Ops.add(
                        Layers.conv2d(f.in("stem"), images, 8, 3),
                        Layers.conv2d(f.in("side").in("conv"), images, 4, 3)));
        message(
                "where stem.again and head meet: ",
                "[144, 8]",
                () -> Ops.matmul(
                        Ops.reshape(Layers.conv2d(f.in("stem").in("again"), images, 8, 3), 144, 8),
                        Layers.linear(f.in("head"), images, 5)));
        message(
                "at mix: ",
                "attention in 5 heads does not divide a width of 12, that of queries [4, 3, 12]",
                () -> f.in("mix").at(() -> Layers.attend(sequence(12), sequence(12), sequence(12), 5, true)));
        message(
                "at mix: ",
                "[4, 3, 12], [4, 3, 12] and [4, 3, 8]",
                () -> f.in("mix").at(() -> Layers.attend(sequence(12), sequence(12), sequence(8), 4, true)));
        message(
                "at a.b: ",
                "shapes [[4, 6, 6, 3], [4, 6, 6, 2]] do not broadcast",
                () -> f.in("a").in("b").at(() -> Ops.add(images, g.input("other", DType.F32, Shape.of(4, 6, 6, 2)))));
    }

    private Node sequence(int width) {
        return g.input("of " + width, DType.F32, Shape.of(4, 3, width));
    }

    private static void message(String start, String part, org.junit.jupiter.api.function.Executable body) {
        var e = assertThrows(ShapeException.class, body);
        assertTrue(e.getMessage().startsWith(start) && e.getMessage().contains(part), e.getMessage());
    }
}
