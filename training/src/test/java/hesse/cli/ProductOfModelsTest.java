package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.graph.Graph;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.run.Config;
import hesse.run.HashedCase;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code hesse product} on a residual net and on Transformers of words and of images, from files to a file. */
class ProductOfModelsTest {
    private static final Path CASES = Path.of("src/test/resources");

    @TempDir
    Path folder;

    private Map<String, Tensor> product(Path config, Path inputs, Path batch) {
        Path out = folder.resolve("o.safetensors");
        CommandLineRun.of(
                        "product",
                        "--quiet",
                        "--config",
                        config.toString(),
                        "--weights",
                        inputs.resolve("weights.safetensors").toString(),
                        "--batch",
                        batch.toString(),
                        "--vector",
                        inputs.resolve("vector.safetensors").toString(),
                        "--precision",
                        "f64",
                        "--backend",
                        "cpu",
                        "--out",
                        out.toString())
                .done();
        return Safetensors.read(out).tensors();
    }

    private static double error(Tensor expected, Tensor actual) {
        assertEquals(expected.shape(), actual.shape());
        double error = 0;
        double norm = 0;
        for (long i = 0; i < expected.size(); i++) {
            error += Math.pow(expected.get(i) - actual.get(i), 2);
            norm += Math.pow(expected.get(i), 2);
        }
        return Math.sqrt(error / Math.max(norm, 1e-6));
    }

    @ParameterizedTest
    @ValueSource(strings = {"transformer-ce", "vit-ce", "gpt-ce"})
    void transformers(String name) {
        Path of = CASES.resolve("golden").resolve(name);
        var results = product(of.resolve("config.yaml"), of, of.resolve("batch.safetensors"));
        var expected = Safetensors.read(of.resolve("expected.safetensors")).tensors();
        assertTrue(expected.size() > 100, name);
        expected.forEach((key, e) -> assertTrue(error(e, results.get(key)) < 1e-9, key));
    }

    @Test
    void aWideResidualNet() throws IOException {
        Path of = CASES.resolve("golden-models/wrn-10-1");
        var config = Config.load(of.resolve("config.yaml").toString(), List.of());
        var model = config.model().build(Optional.empty(), OptionalInt.empty());
        var f = Forward.declaring(new Graph(), DType.F64, Mode.TRAIN);
        model.model().apply(f, model.inputs().node(f.graph(), "x", 1, DType.F64));
        HashedCase.write(folder, f.parameters(), f.buffers());
        var results = product(of.resolve("config.yaml"), folder, of.resolve("batch.safetensors"));
        var expected = Safetensors.read(of.resolve("expected.safetensors")).tensors();
        for (var key : List.of("loss", "logits", "jvp", "vhv", "vgv", "vnv")) {
            assertTrue(error(expected.get(key), results.get(key)) < 1e-9, key);
        }
        var shapes = Files.readAllLines(of.resolve("parameters.txt"));
        assertEquals(
                shapes,
                f.parameters().stream()
                        .map(p ->
                                p.name() + "\t" + results.get("hvp." + p.name()).shape())
                        .toList());
    }
}
