package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.experiment.Experiment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code hesse reproduce} from outside, on the data in the jar. */
class ReproduceCommandTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final long MOST_SECONDS = 15 * 60;

    @TempDir
    Path folder;

    private CommandLineRun reproduce(String... ids) {
        var all = new ArrayList<>(java.util.List.of("reproduce"));
        all.addAll(java.util.List.of(ids));
        all.addAll(java.util.List.of(
                "--scale", "smoke", "--out", folder.toString(), "--quiet", "--json", "--backend", "cpu"));
        return CommandLineRun.of(all.toArray(String[]::new));
    }

    private JsonNode verdict(String id) throws IOException {
        return JSON.readTree(Files.readString(folder.resolve(id).resolve("verdict.json")));
    }

    private static String check(JsonNode verdict, String name) {
        for (var c : verdict.path("values").path("checks"))
            if (c.path("check").asString().equals(name))
                return c.path("verdict").asString();
        return "there is no check " + name;
    }

    private void assertWhole(String id) throws Exception {
        var at = folder.resolve(id);
        var verdict = verdict(id);
        assertEquals(id, verdict.path("id").asString());
        assertEquals("smoke", verdict.path("scale").asString());
        assertTrue(
                java.util.List.of("reproduced", "not reproduced", "inconclusive")
                        .contains(verdict.path("verdict").asString()),
                id);
        for (var key : java.util.List.of("rule", "values", "seeds", "needs")) assertTrue(verdict.has(key), id + key);
        assertTrue(Files.readAllLines(at.resolve("figure.csv")).size() > 1, id + " has no numbers in its figure");
        var png = ImageIO.read(at.resolve("figure.png").toFile());
        assertTrue(png.getWidth() > 300 && png.getHeight() > 300, id);
        var factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        var svg = factory.newDocumentBuilder().parse(at.resolve("figure.svg").toFile());
        assertEquals("svg", svg.getDocumentElement().getNodeName(), id);
        assertTrue(Files.readAllLines(at.resolve("table.csv")).size() > 1, id);
    }

    @Test
    void identitiesHold() throws Exception {
        reproduce("C2").done();
        assertWhole("C2");
        assertEquals("reproduced", verdict("C2").path("verdict").asString(), verdict("C2")::toString);
    }

    @Test
    void anUnknownExperimentIsAUsageError() {
        assertTrue(reproduce("Z9").failed(2).contains("A1"));
    }

    @Test
    @Tag("slow")
    void everyExperimentRunsAtSmoke() throws Exception {
        long began = System.nanoTime();
        reproduce("all").done();
        for (var id : Experiment.IDS) assertWhole(id);
        assertEquals("reproduced", verdict("C2").path("verdict").asString());
        assertEquals("reproduced", check(verdict("A2"), "bit identity of the gradient"));
        assertEquals("reproduced", check(verdict("A2"), "bit identity of the logits"));
        assertEquals("reproduced", check(verdict("E2"), "algebra"));
        double seconds = (System.nanoTime() - began) / 1e9;
        assertTrue(seconds < MOST_SECONDS, seconds + " s");
    }
}
