package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import hesse.models.Inputs;
import hesse.models.ModelConfig;
import hesse.models.ModelDescription;
import hesse.nn.Parameter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** The models of the presets, and names and shapes that other programs read. */
class PresetModelsTest {
    private static final Map<String, Inputs> DATA = Map.of(
            "digits", new Inputs.Images(1, 8, 8),
            "mnist", new Inputs.Images(1, 28, 28),
            "fashion-mnist", new Inputs.Images(1, 28, 28),
            "cifar-10", new Inputs.Images(3, 32, 32),
            "imagenet", new Inputs.Images(3, 224, 224),
            "tiny-shakespeare", new Inputs.Tokens(64));

    @Test
    void everyPresetsModelFitsItsData() {
        var totals = Map.of(
                "mnist-mlp-edge",
                2_797_010L,
                "cifar-cnn-edge",
                25_674L,
                "cifar-wrn-28-10",
                36_479_194L,
                "cifar-wrn-16-4",
                2_748_890L,
                "imagenet-resnet50",
                25_557_032L,
                "shakespeare-transformer",
                1_626_496L);
        for (String preset : Presets.NAMES) {
            var config = Config.load(preset, List.of());
            String name = config.requireData().name();
            var classes = name.equals("imagenet") ? 1000 : 10;
            var built = config.model().build(Optional.of(DATA.get(name)), OptionalInt.of(classes));
            var description = ModelDescription.of(built.model(), built.inputs());
            if (totals.containsKey(preset)) assertEquals(totals.get(preset), description.total(), preset);
        }
    }

    @Test
    void keysAndShapesAreTorchvisions() throws IOException {
        torchvision("resnet18", "{kind: resnet, depth: 18, inputs: [3, 224, 224], classes: 1000, activation: relu}");
        torchvision("resnet50", "{kind: resnet, depth: 50, inputs: [3, 224, 224], classes: 1000, activation: relu}");
        torchvision("vit_b_16", "{kind: vit, size: b, patch: 16, inputs: [3, 224, 224], classes: 1000}");
    }

    private static void torchvision(String name, String model) throws IOException {
        var root = hesse.config.ConfigNode.parse(name, "model: " + model);
        var config = ModelConfig.read(root.child("model"));
        root.finish();
        var built = config.build(Optional.empty(), OptionalInt.empty());
        var description = ModelDescription.of(built.model(), built.inputs());
        try (var in = PresetModelsTest.class.getResourceAsStream("/golden-models/torchvision-" + name + ".txt")) {
            var lines = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(l -> !l.startsWith("#"))
                    .toList();
            assertEquals(
                    lines.stream().filter(l -> !isBuffer(l)).toList(),
                    description.parameters().stream()
                            .map(PresetModelsTest::line)
                            .toList());
            assertEquals(
                    lines.stream().filter(PresetModelsTest::isBuffer).toList(),
                    description.buffers().stream()
                            .map(b -> b.name() + "\t" + b.shape())
                            .toList());
        }
    }

    private static boolean isBuffer(String line) {
        return line.contains(".running_") || line.contains(".num_batches_tracked");
    }

    private static String line(Parameter p) {
        return p.name() + "\t" + p.fileShape();
    }
}
