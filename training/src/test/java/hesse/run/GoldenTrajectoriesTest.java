package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whole training runs in f64, optimizers, schedules, methods and batch norm's statistics, against an independent implementation. */
class GoldenTrajectoriesTest {
    private static final double TOLERANCE = 1e-9;
    private static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);

    @TempDir
    Path folder;

    @TestFactory
    Stream<DynamicTest> runsAreThoseOfAnIndependentImplementation() {
        return Golden.cases("golden-trajectories").stream()
                .map(c -> dynamicTest(c.getFileName().toString(), () -> check(c)));
    }

    private void check(Path golden) throws Exception {
        Path run = folder.resolve(golden.getFileName());
        var config = Config.load(
                golden.resolve("config.yaml").toString(), List.of("device.backend=cpu", "device.threads=2"));
        try (var context = RunContext.open(config, Optional.empty(), Optional.empty(), line -> {});
                var trainer = new Trainer(context, run, false, SILENT)) {
            trainer.run();
        }
        var expected = Safetensors.read(golden.resolve("expected.safetensors")).tensors();
        var lines = metrics(run);
        var train = lines.stream()
                .filter(l -> l.path("split").asString().equals("train"))
                .toList();
        var errors = new LinkedHashMap<String, Double>();
        for (var key : List.of("loss", "lr", "gradient_norm", "update_norm")) {
            var values = train.stream()
                    .mapToDouble(l -> l.path(key).asDouble(Double.NaN))
                    .toArray();
            var actual = Tensor.of(Shape.of(values.length), values);
            errors.put(
                    key,
                    Golden.errors(expected(expected, key), java.util.Map.of(key, actual), 0)
                            .get(key));
        }
        var test = lines.getLast();
        errors.put(
                "test",
                Math.abs(
                        test.path("loss").asDouble() / expected.get("test_loss").get(0) - 1));
        assertEquals(expected.get("test_accuracy").get(0), test.path("accuracy").asDouble(), 1e-12);

        var weights = Safetensors.read(
                        new CheckpointFolder(run).of(train.size()).resolve(CheckpointFolder.WEIGHTS))
                .tensors();
        Safetensors.read(golden.resolve("final.safetensors")).tensors().forEach((name, e) -> {
            var a = weights.get(name);
            double whole = Math.max(Golden.norm(List.of(e)), 1e-3);
            errors.merge("weights", Golden.distance(e, a) / whole, Math::max);
        });
        errors.forEach((key, e) -> assertTrue(e <= TOLERANCE, () -> key + " is off by " + e + ": " + errors));
    }

    private static java.util.Map<String, Tensor> expected(java.util.Map<String, Tensor> all, String key) {
        return java.util.Map.of(key, java.util.Objects.requireNonNull(all.get(key)));
    }

    private static List<JsonNode> metrics(Path run) throws IOException {
        var json = JsonMapper.builder().build();
        return Files.readAllLines(run.resolve("metrics.jsonl")).stream()
                .map(json::readTree)
                .toList();
    }
}
