package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.tensor.Safetensors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code hesse curvature} from outside, on a small network with known spectra. */
class CurvatureCommandTest {
    private static final Path CASE = Path.of("src/test/resources/golden-curvature/mlp-ce");

    @TempDir
    Path folder;

    private static String[] arguments(String... more) {
        var all = new ArrayList<>(List.of(
                "curvature",
                "--config",
                CASE.resolve("config.yaml").toString(),
                "--weights",
                CASE.resolve("weights.safetensors").toString(),
                "--batch",
                CASE.resolve("batch.safetensors").toString(),
                "--backend",
                "reference"));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    @Test
    void printsWhatWasAskedForAsJson() throws Exception {
        Path vectors = folder.resolve("v.safetensors");
        Path plot = folder.resolve("d.svg");
        JsonNode json = JsonMapper.builder()
                .build()
                .readTree(CommandLineRun.of(arguments(
                                "--what",
                                "top,split,trace,edge,density",
                                "--k",
                                "2",
                                "--tol",
                                "1e-10",
                                "--json",
                                "-o",
                                vectors.toString(),
                                "--plot",
                                plot.toString()))
                        .done());
        var expected = Safetensors.read(CASE.resolve("expected.safetensors")).tensors();
        assertEquals(expected.get("loss").get(0), json.get("loss").asDouble(), 1e-12);
        assertEquals(83, json.get("parameters").asInt());
        var top = json.get("top");
        for (int i = 0; i < 2; i++) {
            assertEquals(
                    expected.get("eigenvalues.hessian").get(i),
                    top.get("values").get(i).asDouble(),
                    1e-8);
            var parts = top.get("split").get(i);
            double sum = Stream.of("gauss_newton", "nme_act", "nme_rest")
                    .mapToDouble(n -> parts.get(n).asDouble())
                    .sum();
            assertEquals(top.get("values").get(i).asDouble(), sum, 1e-8);
        }
        var trace = json.get("trace").get("hessian");
        assertEquals(
                expected.get("trace.hessian").get(0),
                trace.get("estimate").asDouble(),
                5 * trace.get("stderr").asDouble());
        assertEquals(100, trace.get("probes").asInt());
        assertEquals(1000, json.get("density").get("grid").size());
        assertEquals(
                top.get("values").get(0).asDouble(),
                json.get("edge").get("lambda_1").asDouble(),
                1e-8);
        assertTrue(Safetensors.read(vectors).tensors().containsKey("vectors.1.layers.0.weight"));
        assertTrue(Files.readString(plot).contains("<polyline"));
    }

    @Test
    void saysWhatIsWrong() {
        assertTrue(CommandLineRun.of(arguments("--what", "topp")).failed(2).contains("top"));
        assertTrue(CommandLineRun.of(arguments("--what", "top", "--parameters", "conv*"))
                .failed(2)
                .contains("conv*"));
        assertTrue(CommandLineRun.of(arguments("--what", "top", "--k", "84"))
                .failed(2)
                .contains("84"));
        CommandLineRun.of("curvature", "--what", "top").failed(2);
        CommandLineRun.of("curvature", folder.toString(), "--what", "top").failed(1);
    }
}
