package hesse.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.error.UserException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What stands in a report, and what ends it. */
class ReportTest {
    @TempDir
    Path folder;

    private final List<String> log = new ArrayList<>();

    private String page(Path... folders) throws Exception {
        var file = folder.resolve("report.html");
        Report.of(List.of(folders), log::add).write(file);
        return Files.readString(file);
    }

    private static JsonNode data(String page) {
        var m = Pattern.compile("<script id=\"report-data\" type=\"application/json\">(.*?)</script>")
                .matcher(page);
        assertTrue(m.find());
        return JsonMapper.builder().build().readTree(m.group(1));
    }

    private static JsonNode figure(JsonNode data, String title) {
        for (var f : data.path("figures")) if (f.path("title").asString().equals(title)) return f;
        throw new AssertionError("no figure " + title + " in " + data);
    }

    private static String row(String page, String first) {
        var m = Pattern.compile("<tr><th scope=\"row\">" + Pattern.quote(first) + "</th>.*")
                .matcher(page);
        assertTrue(m.find(), () -> "no row " + first);
        return m.group();
    }

    @Test
    void curvesAreMeansOverSeedsWithTheirStandardErrors() throws Exception {
        for (int seed = 0; seed < 3; seed++) MadeRuns.run(folder.resolve("runs/" + seed), "sgd", seed, 0.1 * seed);
        var page = page(folder.resolve("runs"));
        var lines = figure(data(page), "Test loss").path("series");
        assertEquals(1, lines.size());
        var last = lines.get(0);
        assertEquals(5, last.path("y").size());
        assertEquals(1.1, last.path("y").get(4).asDouble(), 1e-12);
        // the standard deviation of 0, 0.1, 0.2 is 0.1
        double error = 0.1 / Math.sqrt(3);
        assertEquals(1.1 - error, last.path("low").get(4).asDouble(), 1e-12);
        assertEquals(1.1 + error, last.path("high").get(4).asDouble(), 1e-12);
        assertEquals(100, last.path("x").path("step").get(4).asDouble());
        assertEquals(1, last.path("x").path("seconds").get(4).asDouble(), 1e-12);
        assertEquals(1e8, last.path("x").path("multiply_adds").get(4).asDouble(), 1);
        assertTrue(row(page, "sgd").contains("<td>1.1 ± 0.058</td>"), row(page, "sgd"));
    }

    @Test
    void groupsAreComparedAtTheBudgetThatAllReached() throws Exception {
        MadeRuns.run(folder.resolve("runs/a"), "sgd", 0, 0);
        MadeRuns.run(folder.resolve("runs/b"), "sam", 0, 0);
        MadeRuns.run(folder.resolve("runs/c"), "psam", 0, 0);
        var runs = Sources.of(List.of(folder.resolve("runs"))).runs().stream()
                .map(RunFolder::read)
                .toList();
        var groups = RunGroup.of(runs);
        assertEquals(
                List.of("sgd", "sam, rho 0.1", "psam, rho 0.1"),
                groups.stream().map(RunGroup::label).toList());
        var work = Matched.of(groups, Curve::multiplyAdds).orElseThrow();
        assertEquals(1e8, work.budget(), 1);
        // a third of PSAM's 100 steps, at the last evaluation before it
        assertEquals(
                List.of(100.0, 40.0, 20.0),
                work.rows().stream().map(Matched.Row::step).toList());
        assertEquals(1.8, work.rows().get(2).loss(), 1e-12);
        var time = Matched.of(groups, Curve::seconds).orElseThrow();
        assertEquals(
                List.of(100.0, 100.0, 100.0),
                time.rows().stream().map(Matched.Row::step).toList());
        assertTrue(row(page(folder.resolve("runs")), "psam, rho 0.1").contains("<td>3.00</td>"));
    }

    @Test
    void stepsThatWereDoneTwiceCountOnce() {
        var json = JsonMapper.builder().build();
        var lines = new ArrayList<JsonNode>();
        for (var line : List.of(
                "{\"step\":10,\"seconds\":1,\"multiply_adds\":5}",
                "{\"step\":20,\"seconds\":1,\"multiply_adds\":5}",
                "{\"step\":30,\"seconds\":1,\"multiply_adds\":5}",
                // gone on from a checkpoint at step 10
                "{\"step\":20,\"seconds\":2,\"multiply_adds\":5}")) lines.add(json.readTree(line));
        var clock = new RunClock(lines);
        assertEquals(30, clock.secondsAt(20));
        assertEquals(20, clock.secondsAt(15));
        assertEquals(100, clock.multiplyAddsAt(20));
        assertEquals(Double.NaN, clock.secondsAt(21));
    }

    @Test
    void verdictsStandWithRuleValuesAndFigure() throws Exception {
        MadeRuns.experiment(folder.resolve("B1"), "B1", "not reproduced");
        MadeRuns.run(folder.resolve("B1/runs/00ff"), "sgd", 0, 0);
        var page = page(folder.resolve("B1"));
        assertTrue(page.contains("<strong>not reproduced</strong>"));
        assertTrue(page.contains("a is above b"));
        assertTrue(row(page, "a, mean").contains("<td>1.5</td>"));
        var figure = figure(data(page), "B1: accuracy, test");
        assertTrue(figure.path("logX").asBoolean());
        assertEquals(2, figure.path("series").size());
        assertEquals(0.8, figure.path("series").get(0).path("high").get(1).asDouble());
        assertFalse(figure.path("series").get(1).has("high"), "no band where there is none");
        assertTrue(page.contains("data:image/svg+xml;base64,"));
        assertEquals(
                Map.of("B1", "not reproduced"),
                Report.of(List.of(folder), log::add).verdicts());
    }

    @Test
    void nothingReachesOutsideAndTextsStayTexts() throws Exception {
        var run = MadeRuns.run(folder.resolve("runs/<b>a"), "sgd", 0, 0);
        var configuration = Files.readString(run.resolve("config.yaml"));
        Files.writeString(
                run.resolve("config.yaml"), configuration.replace("gelu", "\"</script><script>alert('x')</script>\""));
        MadeRuns.run(folder.resolve("runs/plain"), "sgd", 0, 0);
        var page = page(folder.resolve("runs"));
        assertFalse(page.contains("<script>alert"), "a setting became a script");
        assertFalse(page.contains("<b>a"), "a name became an element");
        assertFalse(
                Pattern.compile("(src|href)=\"(?!data:|#)|@import|url\\(")
                        .matcher(page)
                        .find(),
                "something outside the file is asked for");
        assertTrue(page.contains("default-src 'none'"));
        assertEquals(3, page.split("</script>", -1).length - 1);
    }

    @Test
    void aRunUnderWayIsShownAsFarAsItIs() throws Exception {
        var run = MadeRuns.run(folder.resolve("run"), "sgd", 0, 0);
        Files.delete(run.resolve("summary.json"));
        Files.writeString(run.resolve("metrics.jsonl"), "{\"step\":110,\"spl", StandardOpenOption.APPEND);
        MadeRuns.run(folder.resolve("empty"), "sam", 0, 0);
        Files.delete(folder.resolve("empty/metrics.jsonl"));
        var page = page(folder.resolve("run"), folder.resolve("empty"));
        assertTrue(page.contains("<td>not finished</td>"));
        assertTrue(page.contains("<td>done, no metrics</td>"));
        assertEquals(
                1, log.stream().filter(l -> l.contains("empty has no metrics")).count(), log::toString);
        assertEquals(
                5,
                figure(data(page), "Test loss").path("series").get(0).path("y").size());
    }

    @Test
    void whatIsMissingOrDamagedIsNamed() throws Exception {
        var nowhere = folder.resolve("nowhere");
        var missing = assertThrows(UserException.class, () -> page(nowhere));
        assertEquals(1, missing.exitCode());
        assertTrue(missing.getMessage().contains("nowhere: does not exist"), missing.getMessage());
        var empty = Files.createDirectories(folder.resolve("empty"));
        var holdsNothing = assertThrows(UserException.class, () -> page(empty));
        assertEquals(2, holdsNothing.exitCode());
        var run = MadeRuns.run(folder.resolve("run"), "sgd", 0, 0);
        Files.writeString(run.resolve("metrics.jsonl"), "");
        var noMetrics = assertThrows(UserException.class, () -> page(run));
        assertTrue(noMetrics.getMessage().contains("has no metrics yet"), noMetrics.getMessage());
        Files.writeString(run.resolve("metrics.jsonl"), "{\"step\":1}\nno JSON\n");
        var damaged = assertThrows(UserException.class, () -> page(run));
        assertEquals(1, damaged.exitCode());
        assertTrue(damaged.getMessage().contains("metrics.jsonl: line 2 is no JSON"), damaged.getMessage());
    }
}
