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

    private static void counts(long expected, Model model, Shape output, DType dtype, int... input) {
        assertEquals(expected, count(declare(model, output, dtype, input)));
    }

    @Test
    void residualNets() {
        var relu = Activations.named("relu");
        for (var stem : ResNet.Stem.values()) {
            long first = stem == ResNet.Stem.CIFAR ? 3 * 3 * 3 * 64 : 7 * 7 * 3 * 64;
            counts(
                    25_557_032 - 7 * 7 * 3 * 64 + first,
                    new ResNet(50, stem, 1000, relu, Norm.batch()),
                    Shape.of(1, 1000),
                    DType.F32,
                    1,
                    64,
                    64,
                    3);
        }
        var imagenet = ResNet.Stem.IMAGENET;
        counts(
                11_689_512,
                new ResNet(18, imagenet, 1000, relu, Norm.batch()),
                Shape.of(1, 1000),
                DType.F32,
                1,
                224,
                224,
                3);
        counts(
                21_797_672,
                new ResNet(34, imagenet, 1000, relu, Norm.batch()),
                Shape.of(1, 1000),
                DType.F32,
                1,
                64,
                64,
                3);
        counts(
                44_549_160,
                new ResNet(101, imagenet, 1000, relu, Norm.batch()),
                Shape.of(1, 1000),
                DType.F32,
                1,
                64,
                64,
                3);
    }

    @Test
    void wideResidualNets() {
        var relu = Activations.named("relu");
        counts(36_479_194, new WideResNet(28, 10, 0, 10, relu, Norm.batch()), Shape.of(2, 10), DType.F32, 2, 32, 32, 3);
        counts(2_748_890, new WideResNet(16, 4, 0.3, 10, relu, Norm.batch()), Shape.of(2, 10), DType.F32, 2, 32, 32, 3);
        counts(77_850, new WideResNet(10, 1, 0, 10, relu, Norm.batch()), Shape.of(2, 10), DType.F32, 2, 32, 32, 3);
    }

    @Test
    void transformers() {
        var gelu = Activations.named("gelu_tanh");
        var papers = new Transformer(128, 64, 6, 8, 32, 128, 4, true, gelu, Norm.layer());
        counts(1_626_496, papers, Shape.of(2, 64, 128), DType.I64, 2, 64);
        counts(1_626_496, papers, Shape.of(2, 5, 128), DType.I64, 2, 5);
        var small = new Gpt(50_257, 1024, 12, 12, 768, gelu, Norm.layer());
        counts(124_439_808, small, Shape.of(1, 8, 50_257), DType.I64, 1, 8);
        var vit = new VisionTransformer(16, 12, 12, 768, 1000, Activations.named("gelu"), Norm.layer());
        counts(86_567_656, vit, Shape.of(1, 1000), DType.F32, 1, 224, 224, 3);
        var vitS = new VisionTransformer(16, 12, 6, 384, 1000, Activations.named("gelu"), Norm.layer());
        counts(22_050_664, vitS, Shape.of(1, 1000), DType.F32, 1, 224, 224, 3);
    }

    @Test
    void matricesOfGptAreStoredTransposed() {
        var f = declare(
                new Gpt(11, 5, 1, 2, 6, Activations.named("gelu_tanh"), Norm.layer()),
                Shape.of(1, 5, 11),
                DType.I64,
                1,
                5);
        assertEquals(
                List.of(
                        "transformer.wte.weight [11, 6]",
                        "transformer.wpe.weight [5, 6]",
                        "transformer.h.0.ln_1.weight [6]",
                        "transformer.h.0.ln_1.bias [6]",
                        "transformer.h.0.attn.c_attn.weight [6, 18]",
                        "transformer.h.0.attn.c_attn.bias [18]",
                        "transformer.h.0.attn.c_proj.weight [6, 6]",
                        "transformer.h.0.attn.c_proj.bias [6]",
                        "transformer.h.0.ln_2.weight [6]",
                        "transformer.h.0.ln_2.bias [6]",
                        "transformer.h.0.mlp.c_fc.weight [6, 24]",
                        "transformer.h.0.mlp.c_fc.bias [24]",
                        "transformer.h.0.mlp.c_proj.weight [24, 6]",
                        "transformer.h.0.mlp.c_proj.bias [6]",
                        "transformer.ln_f.weight [6]",
                        "transformer.ln_f.bias [6]"),
                f.parameters().stream().map(p -> p.name() + " " + p.fileShape()).toList());
    }
}
