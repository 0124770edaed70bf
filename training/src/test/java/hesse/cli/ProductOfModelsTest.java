package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.graph.Graph;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.Parameter;
import hesse.run.Config;
import hesse.run.HashedCase;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
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
        assertEquals(
                Files.readAllLines(of.resolve("parameters.txt")),
                f.parameters().stream()
                        .map(p ->
                                p.name() + "\t" + results.get("hvp." + p.name()).shape())
                        .toList());
        var names = f.parameters().stream().map(Parameter::name).toList();
        var folded = new LinkedHashMap<>(results);
        var kinds = HashedCase.kinds(expected);
        assertEquals(8, kinds.size(), kinds::toString);
        for (var kind : kinds) HashedCase.fold(folded, kind, names, results);
        var vector = Safetensors.read(folder.resolve("vector.safetensors")).tensors();
        HashedCase.assertClose(expected, folded, names, List.copyOf(vector.values()));
    }

    /** The published files of GPT-2: names without the prefix, causal masks beside the parameters, the tied head once more. */
    @Test
    void aFileOfGptAsItIsPublished() {
        Path of = CASES.resolve("golden/gpt-ce");
        var published = new LinkedHashMap<String, Tensor>();
        Safetensors.read(of.resolve("weights.safetensors"))
                .tensors()
                .forEach((name, t) -> published.put(name.replaceFirst("^transformer\\.", ""), t));
        var mask = Tensor.allocate(DType.F32, Shape.of(1, 1, 5, 5));
        for (int i = 0; i < 5; i++) for (int j = 0; j <= i; j++) mask.set(5L * i + j, 1);
        for (int layer = 0; layer < 2; layer++) published.put("h." + layer + ".attn.bias", mask);
        published.put("lm_head.weight", published.get("wte.weight"));
        Safetensors.write(folder.resolve("weights.safetensors"), published);
        Safetensors.write(
                folder.resolve("vector.safetensors"),
                Safetensors.read(of.resolve("vector.safetensors")).tensors());
        var results = product(of.resolve("config.yaml"), folder, of.resolve("batch.safetensors"));
        Safetensors.read(of.resolve("expected.safetensors"))
                .tensors()
                .forEach((key, e) -> assertTrue(error(e, results.get(key)) < 1e-9, key));
    }
}
