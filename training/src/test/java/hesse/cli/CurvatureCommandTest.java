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
        assertTrue(CommandLineRun.of(arguments("--what", "trace", "--estimator", "xtrace", "--probes", "5"))
                .failed(2)
                .contains("xtrace"));
        CommandLineRun.of("curvature", "--what", "top").failed(2);
        CommandLineRun.of("curvature", folder.toString(), "--what", "top").failed(1);
    }

    private JsonNode json(String... more) {
        var all = new ArrayList<>(List.of(more));
        all.add("--json");
        return JsonMapper.builder()
                .build()
                .readTree(
                        CommandLineRun.of(arguments(all.toArray(String[]::new))).done());
    }

    @Test
    void drawsLandscapesOfLossAndNmeInPixelsAndAsSvg() throws Exception {
        Path png = folder.resolve("plane.png");
        Path svg = folder.resolve("plane.svg");
        var plane = json(
                        "--what",
                        "landscape",
                        "--directions",
                        "eigen:2,layers.1.weight[3]",
                        "--range",
                        "-0.5:0.5,0:1",
                        "--points",
                        "5",
                        "--nme",
                        "--plot",
                        png + "," + svg)
                .get("landscape");
        assertEquals("eigenvector 2", plane.get("directions").get(0).asString());
        assertEquals("layers.1.weight[3]", plane.get("directions").get(1).asString());
        assertEquals(-0.5, plane.get("steps").get(0).get(0).asDouble());
        var expected = Safetensors.read(CASE.resolve("expected.safetensors")).tensors();
        assertEquals(
                expected.get("loss").get(0), plane.get("loss").get(0).get(2).asDouble(), 1e-12);
        assertEquals(5, plane.get("nme").size());
        for (String name : List.of("plane.png", "plane-landscape-nme.png")) {
            var image = javax.imageio.ImageIO.read(folder.resolve(name).toFile());
            var colours = new java.util.HashSet<Integer>();
            for (int x = 0; x < image.getWidth(); x += 5) {
                for (int y = 0; y < image.getHeight(); y += 5) colours.add(image.getRGB(x, y));
            }
            assertTrue(colours.size() > 20, name + " has " + colours.size() + " colours");
        }
        String drawn = Files.readString(svg);
        assertEquals(25 + 64 + 1, drawn.split("<rect", -1).length - 1);
        assertTrue(Files.readString(folder.resolve("plane-landscape-nme.svg")).contains("|N|"));
    }

    @Test
    void printsTablesOfNumbersInShort() {
        var out = CommandLineRun.of(arguments(
                        "--what", "landscape,top", "--directions", "gradient,random:4", "--points", "3", "--k", "2"))
                .done();
        assertTrue(out.contains("landscape.loss 3 × 3 numbers (--json)"), out);
        assertTrue(out.contains("[-1.0, 0.0, 1.0]") && out.contains("[gradient, random 4]"), out);
        assertTrue(!out.contains("[D@") && !out.contains("[[D"), out);
    }

    /** Trained by Adam, the edge is that of the preconditioned Hessian, with the state beside the checkpoint's weights. */
    @Test
    void adamsEdgeTakesItsStateFromTheCheckpoint() {
        Path run = folder.resolve("adam");
        CommandLineRun.of(
                        "train",
                        "digits-mlp-edge",
                        "--set",
                        "optimizer={kind: adam, lr: 1.0e-3}",
                        "--set",
                        "train.steps=4",
                        "--set",
                        "probes=[{kind: sam_edge, every: 4, tolerance: 1.0e-6}]",
                        "--set",
                        "model.hidden=[4]",
                        "--set",
                        "data.limit=60",
                        "--set",
                        "data.batch=60",
                        "--threads",
                        "1",
                        "--precision",
                        "f64",
                        "--quiet",
                        "--out",
                        run.toString())
                .done();
        var mapper = JsonMapper.builder().build();
        JsonNode probe = mapper.readTree(lines(run.resolve("metrics.jsonl")).stream()
                .filter(l -> l.contains("sam_edge"))
                .findFirst()
                .orElseThrow());
        JsonNode edge = mapper.readTree(CommandLineRun.of(
                                "curvature",
                                run.toString(),
                                "--what",
                                "edge",
                                "--k",
                                "1",
                                "--json",
                                "--backend",
                                "cpu",
                                "--threads",
                                "1")
                        .out())
                .get("edge");
        for (var name : List.of("lambda_1", "preconditioned_lambda_1", "effective_lambda_1", "optimizer_edge")) {
            double expected = probe.get(name).asDouble();
            assertEquals(expected, edge.get(name).asDouble(), 1e-5 * expected, name);
        }
        assertEquals(38e3, edge.get("optimizer_edge").asDouble(), 1e-6);
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void goesFromOneSetOfWeightsToAnother() throws Exception {
        Path other = folder.resolve("other.safetensors");
        var tensors = new java.util.LinkedHashMap<>(
                Safetensors.read(CASE.resolve("weights.safetensors")).tensors());
        var bias = tensors.get("layers.0.bias");
        double[] moved = new double[(int) bias.size()];
        for (int i = 0; i < moved.length; i++) moved[i] = bias.get(i) + 0.5;
        tensors.put("layers.0.bias", hesse.tensor.Tensor.of(bias.shape(), moved));
        Safetensors.write(other, tensors, java.util.Map.of());
        var line = json("--what", "landscape", "--directions", "to:" + other, "--range", "0:1", "--points", "2")
                .get("landscape");
        var there = arguments("--what", "frobenius", "--probes", "2", "--json");
        for (int i = 0; i < there.length; i++) if (there[i].equals("--weights")) there[i + 1] = other.toString();
        var loss = JsonMapper.builder()
                .build()
                .readTree(CommandLineRun.of(there).done())
                .get("loss");
        assertEquals(loss.asDouble(), line.get("loss").get(1).asDouble(), 1e-12);
    }

    @Test
    void effectiveDimensionsLogarithmicAxesAndDifferencesAreLabelled() throws Exception {
        var exact = json("--what", "top,density", "--k", "1", "--prior", "0.1", "--probes", "4");
        assertTrue(
                exact.get("density").get("effective_dimension").get("estimate").asDouble() > 0);
        assertEquals(
                1000,
                exact.get("density").get("log10").get("negative").get("grid").size());
        assertEquals("hessian", exact.get("operator").asString());
        assertTrue(exact.get("contractions").asDouble() > 10);
        var approximate = json("--what", "top", "--k", "1", "--finite-difference", "1e-3", "--micro-batch", "3");
        assertTrue(approximate.get("operator").asString().contains("central differences, radius 0.001"));
        double value = exact.get("top").get("values").get(0).asDouble();
        assertEquals(value, approximate.get("top").get("values").get(0).asDouble(), 1e-3 * value);
    }

    @Test
    void tracesEndWhenTheyAreGoodEnough() throws Exception {
        for (var estimator : List.of("hutchinson", "hutchpp", "xtrace")) {
            var t = json("--what", "trace", "--estimator", estimator, "--probes", "20000", "--relative", "0.2")
                    .get("trace")
                    .get("hessian");
            assertTrue(
                    t.get("stderr").asDouble()
                            <= 0.2 * Math.abs(t.get("estimate").asDouble()),
                    t.toString());
            assertTrue(t.get("probes").asInt() < 20000, t.toString());
        }
    }

    @Test
    void brokenWeightsAndEmptyBatchesAreRefused() {
        var tensors = new java.util.LinkedHashMap<>(
                Safetensors.read(CASE.resolve("weights.safetensors")).tensors());
        var bias = tensors.get("layers.1.bias");
        double[] broken = new double[(int) bias.size()];
        broken[1] = Double.NaN;
        tensors.put("layers.1.bias", hesse.tensor.Tensor.of(bias.shape(), broken));
        Path nan = folder.resolve("nan.safetensors");
        Safetensors.write(nan, tensors, java.util.Map.of());
        var all = arguments("--what", "top");
        for (int i = 0; i < all.length; i++) if (all[i].equals("--weights")) all[i + 1] = nan.toString();
        var said = CommandLineRun.of(all).failed(1);
        assertTrue(said.contains("layers.1.bias") && said.contains("NaN"), said);

        Path empty = folder.resolve("empty.safetensors");
        Safetensors.write(
                empty,
                java.util.Map.of(
                        "x",
                        hesse.tensor.Tensor.of(hesse.tensor.Shape.of(0, 4)),
                        "y",
                        hesse.tensor.Tensor.of(hesse.tensor.DType.I64, hesse.tensor.Shape.of(0))),
                java.util.Map.of());
        all = arguments("--what", "top");
        for (int i = 0; i < all.length; i++) if (all[i].equals("--batch")) all[i + 1] = empty.toString();
        said = CommandLineRun.of(all).failed(2);
        assertTrue(said.contains("no examples"), said);
    }

    @Test
    void saysWhatIsWrongWithALandscape() {
        assertTrue(CommandLineRun.of(arguments("--what", "landscape", "--directions", "uphill"))
                .failed(2)
                .contains("gradient"));
        assertTrue(CommandLineRun.of(arguments("--what", "landscape", "--range", "1:0"))
                .failed(2)
                .contains("1:0"));
        assertTrue(CommandLineRun.of(arguments("--what", "landscape", "--directions", "layers.7.weight[0]"))
                .failed(2)
                .contains("layers.1.weight"));
        CommandLineRun.of(arguments("--what", "landscape", "--directions", "gradient,random,filters"))
                .failed(2);
        CommandLineRun.of(arguments(
                        "--what", "trace", "--plot", folder.resolve("x.png").toString()))
                .failed(2);
    }
}
