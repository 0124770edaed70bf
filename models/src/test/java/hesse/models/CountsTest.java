package hesse.models;

import static org.junit.jupiter.api.Assertions.assertEquals;

import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.nn.Conv;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.nn.Norm;
import hesse.nn.Parameter;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Numbers of parameters as published, or as counted by other implementations. */
class CountsTest {
    private static Forward declare(Model model, Shape output, DType dtype, int... input) {
        var g = new Graph();
        var f = Forward.declaring(g, DType.F32, Mode.EVAL);
        Node z = model.apply(f, g.input("x", dtype, Shape.of(input)));
        assertEquals(output, z.shape());
        return f;
    }

    private static long count(Forward f) {
        return f.parameters().stream().mapToLong(p -> p.shape().size()).sum();
    }

    @Test
    void mlpOfFourLayers() {
        var f = declare(
                new Mlp(List.of(1000, 1000, 1000), 10, Activations.named("relu")),
                Shape.of(2, 10),
                DType.F32,
                2,
                28,
                28,
                1);
        assertEquals(2_797_010, count(f));
        assertEquals(
                List.of("layers.0.weight", "layers.0.bias", "layers.1.weight"),
                f.parameters().stream().limit(3).map(Parameter::name).toList());
    }

    @Test
    void cnnOfTwoBlocks() {
        var blocks = List.of(16, 32).stream()
                .map(c -> new Cnn.Block(Conv.of(c, 3), Norm.layer(), Cnn.Pool.max(2), Cnn.Order.CONV_ACT_NORM))
                .toList();
        var f = declare(
                new Cnn(blocks, List.of(), 10, Activations.named("relu")), Shape.of(2, 10), DType.F32, 2, 32, 32, 3);
        assertEquals(25_674, count(f));
        assertEquals(
                List.of(
                        "blocks.0.conv.weight [16, 3, 3, 3]",
                        "blocks.0.conv.bias [16]",
                        "blocks.0.norm.weight [16]",
                        "blocks.0.norm.bias [16]",
                        "blocks.1.conv.weight [32, 16, 3, 3]",
                        "blocks.1.conv.bias [32]",
                        "blocks.1.norm.weight [32]",
                        "blocks.1.norm.bias [32]",
                        "head.weight [10, 2048]",
                        "head.bias [10]"),
                f.parameters().stream().map(p -> p.name() + " " + p.fileShape()).toList());
    }
}
