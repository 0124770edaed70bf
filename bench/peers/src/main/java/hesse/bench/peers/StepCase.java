package hesse.bench.peers;

import hesse.run.Config;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A training step: a network, its batch and a method, the same on both sides. The images are made, since the work does not depend on them;
 * momentum, weight decay and Nesterov's step are those of the presets.
 *
 * @param network mlp: 784-1000-1000-10, GELU; cnn: the preset fashion-cnn; wrn: WideResNet-16-4, GELU
 * @param batch examples
 */
record StepCase(String network, int batch, String method) {
    /** Strength of the penalty ρ‖∇L‖. */
    static final double RHO = 0.05;

    static final double MOMENTUM = 0.9;
    static final double WEIGHT_DECAY = 5e-4;

    /** What is compared of a step. */
    static final List<String> FIGURES = List.of("loss", "gradient_norm", "update_norm");

    private static final int CLASSES = 10;

    /** Reads {@code step NETWORK METHOD}. */
    static StepCase of(String line) {
        var words = line.split(" ");
        return new StepCase(words[1], words[1].equals("wrn") ? 32 : 128, words[2]);
    }

    /** Hesse's configuration of it; writes its data into a folder. */
    Config config(int threads, Path folder) throws IOException {
        int[] sizes = switch (network) {
            case "mlp" -> new int[] {batch, 784};
            case "cnn" -> new int[] {batch, 1, 28, 28};
            default -> new int[] {batch, 3, 32, 32};
        };
        var data = folder.resolve("data.safetensors");
        Safetensors.write(data, examples(Shape.of(sizes)));
        var settings = new ArrayList<>(List.of(
                "data.name=file",
                "data.train=" + data,
                "data.batch=" + batch,
                "device.backend=cpu",
                "device.threads=" + threads,
                "method=" + (method.equals("sgd") ? "{kind: sgd}" : "{kind: " + method + ", rho: " + RHO + "}")));
        var source = switch (network) {
            case "mlp" -> {
                var file = folder.resolve("mlp.yaml");
                Files.writeString(file, """
                                model: {kind: mlp, hidden: [1000, 1000], activation: gelu}
                                loss: {kind: cross-entropy}
                                optimizer: {kind: sgd, lr: 0.05, momentum: %s, nesterov: true, weight_decay: %s}
                                train: {epochs: 1, seed: 0}
                                """.formatted(MOMENTUM, WEIGHT_DECAY));
                yield file.toString();
            }
            case "cnn" -> "fashion-cnn";
            default -> {
                settings.add("data.augment=[]");
                yield "cifar-wrn-16-4";
            }
        };
        return Config.load(source, settings);
    }

    private Map<String, Tensor> examples(Shape shape) {
        var random = new Random(shape.size());
        var x = Tensor.allocate(DType.F32, shape);
        for (long i = 0; i < x.size(); i++) x.set(i, random.nextGaussian());
        var y = Tensor.allocate(DType.I64, Shape.of(batch));
        for (int i = 0; i < batch; i++) y.set(i, i % CLASSES);
        return Map.of("x", x, "y", y);
    }
}
