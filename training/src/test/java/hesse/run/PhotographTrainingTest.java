package hesse.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.data.PhotographFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** ResNet-50 on photographs: from class folders and from tar shards the same run; the ImageNet arms of the papers' experiments. */
@Tag("slow")
class PhotographTrainingTest {
    private static final int CLASSES = 10;
    private static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);

    @TempDir
    static Path data;

    @TempDir
    Path runs;

    @BeforeAll
    static void makePhotographs() throws IOException {
        PhotographFiles.folders(data.resolve("imagenet/train"), CLASSES, 200);
        PhotographFiles.shards(data.resolve("imagenet/train"), data.resolve("webdataset/train"), 4);
        PhotographFiles.folders(data.resolve("imagenet/val"), CLASSES, 1);
    }

    private Path train(String name, String... more) throws InterruptedException {
        var set = new ArrayList<>(List.of(
                "train.steps=2",
                "train.log_every=1",
                "data.batch=2",
                "optimizer.warmup_epochs=0",
                "optimizer.lr=0.001",
                "device.backend=cpu"));
        set.addAll(List.of(more));
        var run = runs.resolve(name);
        try (var context = RunContext.open(
                        Config.load("imagenet-resnet50", set), Optional.of(data), Optional.empty(), line -> {});
                var trainer = new Trainer(context, run, false, SILENT)) {
            assertEquals(2000, context.data().train().size());
            assertEquals(2, trainer.run().steps());
        }
        return run;
    }

    @Test
    void foldersAndShardsTrainTheSameResNet50() throws Exception {
        var a = train("folders", "data.name=image-folder", "data.train=" + data.resolve("imagenet/train"));
        var b = train("shards", "data.name=webdataset", "data.train=" + data.resolve("webdataset/train"));
        assertEquals(Files.readString(a.resolve("metrics.jsonl")), Files.readString(b.resolve("metrics.jsonl")));
        var weights = "checkpoints/step-00000002/weights.safetensors";
        assertArrayEquals(Files.readAllBytes(a.resolve(weights)), Files.readAllBytes(b.resolve(weights)));
        for (var line : Files.readAllLines(a.resolve("timings.jsonl"))) {
            assertTrue(new JsonMapper().readTree(line).path("data_wait_seconds").asDouble() >= 0, line);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gelu sgd",
                "relu {kind: sam, rho: 0.05}",
                "gelu {kind: psam, rho: 0.1}",
                "relu {kind: psam, rho: 0.1}",
                "{kind: gelu, second_derivative: zero} {kind: psam, rho: 0.1}",
                "{kind: relu, second_derivative: {kind: gaussian, beta: 100}} {kind: psam, rho: 0.1}",
                "{kind: beta_gelu, beta: 1000} {kind: psam, rho: 0.1}",
                "gelu {kind: psam, rho: 0.1, nme: none}",
                "gelu {kind: gn_trace, sigma2: 1e-4}",
                "gelu {kind: gn_trace, sigma2: 1e-4, estimator: hutchinson}",
                "gelu {kind: hessian_trace, sigma2: 1e-6}",
                "gelu {kind: weight_noise, sigma2: 1e-5}"
            })
    void everyArmOfImageNetsExperimentsTakesTwoSteps(String arm) throws Exception {
        int cut = arm.startsWith("{") ? arm.indexOf("} {") + 1 : arm.indexOf(' ');
        var run = train(
                "arm",
                "model.activation=" + arm.substring(0, cut),
                "method=" + arm.substring(cut + 1),
                "data.augment=[{kind: resized_crop, size: 64}, flip]");
        var metrics = Files.readAllLines(run.resolve("metrics.jsonl"));
        assertEquals(3, metrics.size(), metrics.toString());
        assertTrue(metrics.getLast().contains("\"split\":\"test\""), metrics.getLast());
        for (var line : metrics) {
            double loss = new JsonMapper().readTree(line).path("loss").asDouble();
            // running statistics after two steps are far from those of the batches
            assertTrue(loss > 0 && loss < (line.contains("\"test\"") ? Double.MAX_VALUE : 100), line);
        }
    }
}
