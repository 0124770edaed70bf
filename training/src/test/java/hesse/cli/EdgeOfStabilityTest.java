package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The preset on handwritten digits trains at the edge of stability: at 2/η by descent, at SAM's edge far below it by SAM. */
class EdgeOfStabilityTest {
    @TempDir
    Path folder;

    private List<JsonNode> checks(String name, String... more) throws IOException {
        Path run = folder.resolve(name);
        var arguments = new ArrayList<>(List.of("train", "digits-mlp-edge", "--threads", "1", "--quiet", "--out"));
        arguments.add(run.toString());
        arguments.addAll(List.of(more));
        CommandLineRun.of(arguments.toArray(String[]::new)).done();
        var mapper = JsonMapper.builder().build();
        var found = new ArrayList<JsonNode>();
        for (var line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            var node = mapper.readTree(line);
            if (node.has("probe")) found.add(node);
        }
        return found;
    }

    private static double value(JsonNode check, String name) {
        return check.get(name).asDouble();
    }

    private static double median(List<JsonNode> checks, ToDoubleFunction<JsonNode> of) {
        double[] sorted = checks.stream().mapToDouble(of).sorted().toArray();
        return sorted[sorted.length / 2];
    }

    @Test
    void descentSharpensUpToTwoOverEtaAndStaysThere() throws IOException {
        var checks = checks("gd", "--set", "train.steps=2700", "--set", "probes.0.every=150");
        assertEquals(18, checks.size());
        assertTrue(value(checks.getFirst(), "lambda_1") < 0.75 * value(checks.getFirst(), "two_over_eta"));
        for (var c : checks.subList(9, 18)) {
            assertEquals(1, value(c, "lambda_1") / value(c, "two_over_eta"), 0.1, c.toString());
        }
        assertTrue(checks.stream().anyMatch(c -> value(c, "lambda_1") >= value(c, "two_over_eta")));
    }

    @Test
    void samStaysAtItsOwnEdgeAndAlignsItsGradient() throws IOException {
        var checks = checks(
                "sam",
                "--set",
                "method.kind=sam",
                "--set",
                "method.rho=0.01",
                "--set",
                "optimizer.lr=0.5",
                "--set",
                "train.steps=1800",
                "--set",
                "probes.0.every=100");
        var late = checks.subList(checks.size() / 2, checks.size());
        double ratio = median(late, c -> value(c, "lambda_1") / value(c, "sam_edge"));
        assertEquals(1, ratio, 0.1);
        for (var c : late) assertTrue(value(c, "lambda_1") < 0.6 * value(c, "two_over_eta"), c.toString());
        long better = checks.stream()
                .filter(c -> value(c, "alignment_sam") > value(c, "alignment_gradient"))
                .count();
        assertTrue(better > 0.8 * checks.size(), better + " of " + checks.size());
    }
}
