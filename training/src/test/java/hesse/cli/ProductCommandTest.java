package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** {@code hesse product} from files to a file; the numbers themselves are held to golden values elsewhere. */
class ProductCommandTest {
    private static final Path CASE = Path.of("src/test/resources/golden/mlp-gelu-ce");

    @TempDir
    Path folder;

    private CommandLineRun product(String... more) {
        return run(
                CASE.resolve("config.yaml"),
                CASE.resolve("weights.safetensors"),
                CASE.resolve("batch.safetensors"),
                more);
    }

    private CommandLineRun run(Path config, Path weights, Path batch, String... more) {
        var args = new ArrayList<>(List.of(
                "product",
                "--quiet",
                "--config",
                config.toString(),
                "--weights",
                weights.toString(),
                "--batch",
                batch.toString(),
                "--out",
                folder.resolve("out/o.safetensors").toString()));
        args.addAll(Arrays.asList(more));
        return CommandLineRun.of(args.toArray(String[]::new));
    }

    private Map<String, Tensor> results() {
        return Safetensors.read(folder.resolve("out/o.safetensors")).tensors();
    }

    private static double distance(Tensor a, Tensor b) {
        assertEquals(a.shape(), b.shape());
        double sum = 0;
        double norm = 0;
        for (long i = 0; i < a.size(); i++) {
            sum += Math.pow(a.get(i) - b.get(i), 2);
            norm += Math.pow(a.get(i), 2);
        }
        return Math.sqrt(sum / Math.max(norm, 1e-12));
    }

    @ParameterizedTest
    @CsvSource({"reference,f32,F64,1e-9", "cpu,f64,F64,1e-9", "cpu,f32,F32,1e-4", "auto,f32,F32,1e-4"})
    void resultsAreWrittenInThePrecisionThatWasChosen(String backend, String precision, DType dtype, double tolerance) {
        var out = product(
                        "--vector",
                        CASE.resolve("vector.safetensors").toString(),
                        "--backend",
                        backend,
                        "--precision",
                        precision)
                .done();
        var expected = Safetensors.read(CASE.resolve("expected.safetensors")).tensors();
        var actual = results();
        expected.forEach((name, e) -> {
            assertTrue(actual.containsKey(name), name);
            assertEquals(dtype, actual.get(name).dtype());
            assertTrue(distance(e, actual.get(name)) < tolerance, name + " " + distance(e, actual.get(name)));
        });
        assertTrue(out.contains("loss ") && out.contains("vhv "), out);
        assertFalse(
                actual.keySet().stream().anyMatch(n -> n.startsWith("vector.") || n.startsWith("update.")),
                actual.keySet().toString());
    }

    @Test
    void aVectorThatWasDrawnIsWrittenAndGivesTheSameAgain() {
        product("--precision", "f64", "--compute", "hvp", "--seed", "3").done();
        var first = results();
        var vector = new LinkedHashMap<String, Tensor>();
        first.forEach((name, t) -> {
            if (name.startsWith("vector.")) vector.put(name.substring(7), t);
        });
        assertEquals(6, vector.size());
        var file = folder.resolve("v.safetensors");
        Safetensors.write(file, vector);
        product("--precision", "f64", "--compute", "hvp", "--vector", file.toString())
                .done();
        results().forEach((name, t) -> assertEquals(0, distance(t, first.get(name)), name));
        assertEquals(6, results().size());
    }

    @Test
    void aMethodAddsItsUpdate() {
        product("--precision", "f64", "--compute", "gradient,update", "--method", "psam", "--rho", "0")
                .done();
        var results = results();
        assertEquals(12, results.size());
        results.forEach((name, t) -> {
            if (name.startsWith("update."))
                assertTrue(distance(t, results.get(name.replace("update.", "gradient."))) < 1e-14, name);
        });
        product("--precision", "f64", "--compute", "gradient", "--set", "method={kind: psam, rho: 0.1}")
                .done();
        assertTrue(results().keySet().stream().anyMatch(n -> n.startsWith("update.")));
        assertTrue(product("--method", "sam").failed(2).contains("method lacks 'rho'"));
        assertTrue(product("--method", "sam", "--rho", "1", "--nme", "none")
                .failed(2)
                .contains("unknown key 'nme' in method"));
    }

    @Test
    void scalarsArePrintedAsJson() {
        var json = new JsonMapper()
                .readTree(product("--compute", "loss,vgv", "--json").done());
        assertTrue(json.get("loss").asDouble() > 0 && json.get("vgv").asDouble() >= 0);
    }

    @Test
    void mistakesEndWith2() {
        assertTrue(product("--compute", "loss,hpv")
                .failed(2)
                .contains("there is no quantity 'hpv' (did you mean 'hvp'?)"));
        assertTrue(product("--mode", "test").failed(2).contains("--mode"));
        assertTrue(product("--precision", "f16").failed(2).contains("one of f32, f64, tf32, bf16"));
        assertTrue(
                product("--precision", "bf16", "--backend", "cpu").failed(2).contains("bf16 needs the backend cuda"));
        assertTrue(product("--seed", "many").failed(2).contains("--seed"));
        assertTrue(product("--threads", "0").failed(2).contains("at least 1"));
        assertTrue(product("--set", "model.classes=4").failed(2).contains("layers.2.weight"));
        assertTrue(CommandLineRun.of("product").failed(2).contains("Missing required options"));
    }

    @Test
    void filesThatDoNotFitEndWith2AndAreListed() {
        var good = Safetensors.read(CASE.resolve("weights.safetensors")).tensors();
        var bad = new LinkedHashMap<>(good);
        bad.remove("layers.0.bias");
        bad.put("layers.9.bias", Tensor.of(Shape.of(1), 1));
        bad.put("layers.1.weight", Tensor.allocate(DType.F64, Shape.of(2, 2)));
        var file = folder.resolve("bad.safetensors");
        Safetensors.write(file, bad);
        var message = run(CASE.resolve("config.yaml"), file, CASE.resolve("batch.safetensors"))
                .failed(2);
        for (var name : new String[] {"layers.0.bias", "layers.9.bias", "layers.1.weight"})
            assertTrue(message.contains(name), message);

        var batch = folder.resolve("batch.safetensors");
        Safetensors.write(
                batch,
                Map.of("x", Tensor.allocate(DType.F32, Shape.of(2, 4)), "y", Tensor.allocate(DType.I64, Shape.of(2))));
        assertTrue(run(CASE.resolve("config.yaml"), CASE.resolve("weights.safetensors"), batch)
                .failed(2)
                .contains("x has shape [2, 4]"));
        Safetensors.write(batch, Map.of("x", Tensor.allocate(DType.F32, Shape.of(2, 5))));
        assertTrue(run(CASE.resolve("config.yaml"), CASE.resolve("weights.safetensors"), batch)
                .failed(2)
                .contains("a batch has x and y"));
    }

    @Test
    void batchesThatDoNotFitTheModelEndWith2() {
        var batch = folder.resolve("batch.safetensors");
        var x = Tensor.allocate(DType.F32, Shape.of(2, 5));
        for (var e : Map.of(
                        Tensor.of(DType.I64, Shape.of(2), 0, 3), "y holds 3 (element 1), the model has 3 classes",
                        Tensor.of(DType.I64, Shape.of(2), -1, 0), "y holds -1 (element 0)",
                        Tensor.allocate(DType.I64, Shape.of(2, 2)), "takes integer classes of shape [2]",
                        Tensor.allocate(DType.F32, Shape.of(2, 4)), "[2, 4]")
                .entrySet()) {
            Safetensors.write(batch, Map.of("x", x, "y", e.getKey()));
            var message = run(CASE.resolve("config.yaml"), CASE.resolve("weights.safetensors"), batch)
                    .failed(2);
            assertTrue(message.contains(e.getValue()), message);
        }
    }

    @Test
    void labelsAndProbesThatDoNotFitTheModelEndWith2() {
        var batch = folder.resolve("batch.safetensors");
        for (var labels : List.of(Tensor.allocate(DType.I64, Shape.of(3)), Tensor.allocate(DType.F32, Shape.of(2)))) {
            var x = Tensor.allocate(DType.F32, Shape.of(2, 5));
            Safetensors.write(batch, Map.of("x", x, "y", Tensor.allocate(DType.I64, Shape.of(2)), "y_sampled", labels));
            var message = run(
                            CASE.resolve("config.yaml"),
                            CASE.resolve("weights.safetensors"),
                            batch,
                            "--method",
                            "gn_trace",
                            "--sigma2",
                            "0.1")
                    .failed(2);
            assertTrue(
                    message.contains("y_sampled has shape " + labels.shape() + " and holds " + labels.dtype()),
                    message);
            assertTrue(message.contains("the method takes whole numbers [2]"), message);
        }
        var probes = new LinkedHashMap<>(
                Safetensors.read(CASE.resolve("vector.safetensors")).tensors());
        probes.forEach((name, t) -> assertTrue(!name.startsWith("probe."), name));
        probes.put("probe.1.layers.0.weight", Tensor.allocate(DType.F32, Shape.of(2, 2)));
        var file = folder.resolve("vector.safetensors");
        Safetensors.write(file, probes);
        var message = product("--vector", file.toString(), "--method", "weight_noise", "--sigma2", "0.1")
                .failed(2);
        assertTrue(message.contains("probe.1.layers.0.weight has shape [2, 2], the model's is [7, 5]"), message);
        assertTrue(message.contains("missing probe.1.layers.0.bias [7]"), message);
    }

    @Test
    void missingAndTruncatedFilesEndWith1() throws IOException {
        var missing = folder.resolve("missing");
        assertTrue(run(CASE.resolve("config.yaml"), missing, CASE.resolve("batch.safetensors"))
                .failed(1)
                .contains("no such file"));
        byte[] bytes = Files.readAllBytes(CASE.resolve("weights.safetensors"));
        var cut = Files.write(folder.resolve("cut"), Arrays.copyOf(bytes, bytes.length - 1));
        assertTrue(run(CASE.resolve("config.yaml"), cut, CASE.resolve("batch.safetensors"))
                .failed(1)
                .contains("truncated"));
        assertTrue(run(CASE.resolve("config.yaml"), CASE.resolve("weights.safetensors"), missing)
                .failed(1)
                .contains("no such file"));
        var blocked = Files.createFile(folder.resolve("file")).resolve("below/o.safetensors");
        assertTrue(product("--out", blocked.toString()).failed(2).contains("--out"));
    }
}
