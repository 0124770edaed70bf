package hesse.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.config.ConfigException;
import hesse.config.ConfigNode;
import hesse.graph.ShapeException;
import hesse.nn.Initializer;
import hesse.nn.Parameter;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class ModelConfigTest {
    private static final Inputs CIFAR = new Inputs.Images(3, 32, 32);

    private static ModelConfig read(String model) {
        var root = ConfigNode.parse("run.yaml", "model: " + model);
        var config = ModelConfig.read(root.child("model"));
        root.finish();
        return config;
    }

    private static ModelDescription describe(String model) {
        var built = read(model).build(Optional.empty(), OptionalInt.empty());
        return ModelDescription.of(built.model(), built.inputs());
    }

    private static void refused(String model, String... parts) {
        var e = assertThrows(ConfigException.class, () -> read(model));
        for (String part : parts) assertTrue(e.getMessage().contains(part), e.getMessage());
    }

    @Test
    void everyKindIsReadWithItsKeys() {
        assertEquals(
                2_797_010,
                describe("{kind: mlp, inputs: [1, 28, 28], classes: 10, hidden: [1000, 1000, 1000]}")
                        .total());
        assertEquals(
                List.of(
                        "layers.0.weight",
                        "layers.0.bias",
                        "norms.0.weight",
                        "norms.0.bias",
                        "layers.1.weight",
                        "layers.1.bias"),
                describe("{kind: mlp, inputs: 4, classes: 2, hidden: [3], norm: batch}").parameters().stream()
                        .map(Parameter::name)
                        .toList());
        assertEquals(
                25_674,
                describe(
                                "{kind: cnn, inputs: [3, 32, 32], classes: 10, norm: layer, blocks: ["
                                        + "{channels: 16, kernel: 3, pool: max2, order: conv_act_norm}, {channels: 32, kernel: 3, pool: max2}]}")
                        .total());
        assertEquals(
                11_689_512,
                describe("{kind: resnet, depth: 18, inputs: [3, 64, 64], classes: 1000}")
                        .total());
        assertEquals(
                77_850,
                describe("{kind: wrn, depth: 10, width: 1, inputs: [3, 32, 32], classes: 10}")
                        .total());
        assertEquals(
                1_626_496,
                describe("{kind: transformer, vocab: 128, context: 64, layers: 6, heads: 8, key-size: 32, width: 128}")
                        .total());
        assertEquals(
                86_567_656,
                describe("{kind: vit, size: b, patch: 16, inputs: [3, 224, 224], classes: 1000}")
                        .total());
        assertEquals(
                124_439_808,
                describe("{kind: gpt, vocab: 50257, context: 1024, layers: 12, heads: 12, width: 768}")
                        .total());
    }

    @Test
    void theDataSetGivesWhatTheSectionLeavesOpen() {
        var built = read("{kind: mlp, hidden: [5]}").build(Optional.of(CIFAR), OptionalInt.of(10));
        assertEquals(CIFAR, built.inputs());
        assertEquals(10, built.classes());
        var named = read("{kind: mlp, hidden: [5], inputs: 3072, classes: 12}");
        assertEquals(CIFAR, named.build(Optional.of(CIFAR), OptionalInt.of(10)).inputs());
        assertEquals(12, named.build(Optional.of(CIFAR), OptionalInt.of(10)).classes());
        assertEquals(
                new Inputs.Features(3072),
                named.build(Optional.empty(), OptionalInt.empty()).inputs());
    }

    @Test
    void whatNobodyGivesIsAskedFor() {
        var config = read("{kind: resnet, depth: 18}");
        var e = assertThrows(ConfigException.class, () -> config.build(Optional.empty(), OptionalInt.of(3)));
        assertEquals(
                "run.yaml:1: model lacks 'inputs', [channels, height, width], and no data set gives it",
                e.getMessage());
        e = assertThrows(ConfigException.class, () -> config.build(Optional.of(CIFAR), OptionalInt.empty()));
        assertTrue(e.getMessage().contains("model lacks 'classes'"), e.getMessage());
        e = assertThrows(
                ConfigException.class, () -> config.build(Optional.of(new Inputs.Features(64)), OptionalInt.of(10)));
        assertTrue(e.getMessage().contains("the examples of the data set are vectors of 64"), e.getMessage());
        e = assertThrows(
                ConfigException.class,
                () -> read("{kind: mlp, hidden: [], inputs: 20}").build(Optional.of(CIFAR), OptionalInt.of(10)));
        assertTrue(
                e.getMessage().contains("says vectors of 20") && e.getMessage().contains("images of 3×32×32"),
                e.getMessage());
    }

    @Test
    void mistakesAreNamedTogether() {
        refused(
                "{kind: cnn, blocks: [{channels: 4, kernel: 2}, {channels: 0, kernel: 3, pool: max}], hiden: 3}",
                "model.blocks.0.padding should be a number or 'valid': 'same' takes an odd kernel, not 2",
                "model.blocks.1.channels should be a whole number, at least 1",
                "model.blocks.1.pool should be none, max2",
                "unknown key 'hiden'");
        refused("{kind: wrn, depth: 12, width: 1}", "model.depth should be 6·b + 4", "is 12");
        refused("{kind: resnet, stem: cifar}", "model lacks 'depth'");
        refused("{kind: resnet, depth: 19}", "one of 18, 34, 50, 101");
        refused("{kind: rezznet, depth: 18}", "did you mean 'resnet'?");
        refused("{kind: vit, patch: 4, size: b, layers: 2}", "unknown key 'layers'");
        refused("{kind: gpt, vocab: 3, context: 2, layers: 1, heads: 4, width: 6}", "multiple of the 4 heads, is 6");
        refused(
                "{kind: mlp, hidden: [3], inputs: [3, 4]}",
                "model.inputs should be [channels, height, width], is [3, 4]");
    }

    @Test
    void imagesThatBecomeTooSmallNameTheLayer() {
        var built = read("{kind: cnn, inputs: [3, 8, 8], classes: 2, blocks: [{channels: 4, kernel: 3, pool: max4},"
                        + " {channels: 4, kernel: 3, pool: max4}]}")
                .build(Optional.empty(), OptionalInt.empty());
        var e = assertThrows(ShapeException.class, () -> ModelDescription.of(built.model(), built.inputs()));
        assertEquals("at blocks.1: a 4×4 pooling window does not fit images [1, 2, 2, 4]", e.getMessage());
    }

    @Test
    void patchesThatDoNotTileTheImageNameTheLayer() {
        var e = assertThrows(
                ShapeException.class, () -> describe("{kind: vit, size: s, patch: 5, inputs: [3, 8, 10], classes: 2}"));
        assertEquals(
                "at conv_proj: a vision transformer takes images [N, H, W, C] that patches of shape [5, 5] tile,"
                        + " got [1, 8, 10, 3]",
                e.getMessage());
    }

    @Test
    void initialisationsReachTheLayers() {
        var glorot = describe("{kind: mlp, inputs: 30, classes: 10, hidden: [20], init: glorot}")
                .parameters();
        assertEquals(
                Initializer.TruncatedNormal.ofDrawn(Math.sqrt(2.0 / 50)),
                glorot.getFirst().initializer());
        assertEquals(Initializer.ZEROS, glorot.get(1).initializer());
        var scaled = describe("{kind: transformer, vocab: 9, context: 4, layers: 6, heads: 2, key_size: 3, width: 5}");
        assertEquals(
                new Initializer.TruncatedNormal(0.02),
                scaled.parameters().getFirst().initializer());
        assertEquals(
                Initializer.TruncatedNormal.ofDrawn(Math.sqrt(2.0 / 6 / 5)),
                find(scaled, "blocks.0.attention.query.weight").initializer());
        var head = (Initializer.TruncatedNormal) find(scaled, "head.weight").initializer();
        assertEquals(1 / Math.sqrt(5), head.deviation(), 1e-15);
    }

    private static Parameter find(ModelDescription d, String name) {
        return d.parameters().stream()
                .filter(p -> p.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void multiplyAddsAreCountedPerExample() {
        var d = describe("{kind: cnn, inputs: [3, 8, 8], classes: 2, blocks: [{channels: 4, kernel: 3, pool: max2}]}");
        assertEquals(
                List.of(
                        new ModelDescription.Layer("blocks.0.conv", Shape.of(1, 8, 8, 4), 8 * 8 * 4 * 27),
                        new ModelDescription.Layer("head", Shape.of(1, 2), 64 * 2)),
                d.layers());
        assertEquals(Shape.of(1, 2), d.output());
        assertEquals(DType.F32, new Inputs.Features(3).dtype(DType.F32));
    }
}
