package hesse.experiment.figure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Outcome;
import hesse.experiment.outcome.Outcomes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A figure's numbers are those of the outcomes, and both pictures can be drawn of them. */
class FigureTest {
    @TempDir
    Path folder;

    private static Outcomes outcomes() {
        var all = new ArrayList<Outcome>();
        for (int seed = 0; seed < 2; seed++) {
            for (double rho : new double[] {0, 0.1, 1}) {
                var values = Map.of("accuracy", rho == 1 ? Double.NaN : 0.5 + rho + 0.2 * seed);
                all.add(new Outcome("", "sam", Map.of("rho", rho), seed, false, values, Path.of("run")));
            }
            all.add(new Outcome("", "sgd", Map.of(), seed, false, Map.of("accuracy", 0.4), Path.of("run")));
        }
        return new Outcomes(all);
    }

    private static Figure figure(String yaml) {
        var n = ConfigNode.parse("figure", yaml);
        var kind = FigureKind.read(n);
        n.finish();
        return kind.of(outcomes());
    }

    @Test
    void curvesHaveMeansBandsAndLevels() {
        var figure = figure("{kind: curves, measure: accuracy, along: rho, x: ρ, y: accuracy}");
        var lines = ((Figure.Lines) figure.panels().getFirst()).lines();
        assertEquals(
                List.of("sam", "sgd"), lines.stream().map(Figure.Line::name).toList());
        var sam = lines.getFirst();
        assertArrayEquals(new double[] {0, 0.1, 1}, sam.x());
        assertEquals(0.7, sam.y()[1], 1e-12);
        assertEquals(0.1, sam.high()[1] - sam.y()[1], 1e-12);
        assertTrue(Double.isNaN(sam.y()[2]));
        assertArrayEquals(new double[] {0, 1}, lines.get(1).x());
        assertEquals(Figure.Style.DASHED, lines.get(1).style());
        assertEquals(6, figure.csv().lines().count());
        assertTrue(figure.csv().contains(",sgd,0,0.4,0.4,0.4\n"), figure.csv());
    }

    @Test
    void everyKindOfPanelIsDrawn() throws Exception {
        var panels = new ArrayList<Figure.Panel>();
        panels.addAll(
                figure("{kind: curves, measure: accuracy, along: rho, x: ρ, y: accuracy, log_x: true, log_y: true}")
                        .panels());
        panels.addAll(figure("{kind: bars, measures: [accuracy], log: true, unit: share}")
                .panels());
        panels.addAll(figure("{kind: scatter, x: [accuracy], y: accuracy, arms: [sgd]}")
                .panels());
        panels.add(new Figure.Heat(
                "plane",
                new Figure.Axes("a", "b", false, false),
                "loss",
                new double[] {0, 1},
                new double[] {0, 1, 2},
                new double[][] {{1, 2}, {3, Double.NaN}, {5, 6}}));
        panels.add(new Figure.Lines("empty", new Figure.Axes("a", "b", true, true), List.of()));
        var drawing = new Drawing(new Figure(panels));
        drawing.png(folder.resolve("f.png"));
        drawing.svg(folder.resolve("f.svg"));
        var png = ImageIO.read(folder.resolve("f.png").toFile());
        long dark = 0;
        for (int x = 0; x < png.getWidth(); x++)
            for (int y = 0; y < png.getHeight(); y++) if ((png.getRGB(x, y) & 0xFFFFFF) != 0xFFFFFF) dark++;
        assertTrue(dark > 5000, dark + " coloured pixels");
        assertTrue(Files.readString(folder.resolve("f.svg")).contains("</svg"));
    }

    private Outcome run(long seed) throws java.io.IOException {
        var run = Files.createDirectories(folder.resolve("run" + seed));
        var lines = new StringBuilder();
        for (int step = 10; step <= 30; step += 10) {
            lines.append("{\"step\":" + step + ",\"probe\":\"sam_edge\",\"lambda_1\":" + (step + 2 * seed) + "}\n");
        }
        lines.append("{\"step\":30,\"probe\":\"density\",\"grid\":[0,1,2],\"values\":[0.5,0.25,0.125]}\n");
        Files.writeString(run.resolve("metrics.jsonl"), lines);
        Files.writeString(
                run.resolve("timings.jsonl"), "{\"step\":20,\"seconds\":0.5}\n{\"step\":30,\"seconds\":0.1}\n");
        return new Outcome("", "sam", Map.of("method.rho", 0.5), seed, false, Map.of(), run);
    }

    private Figure figureOfRuns(String yaml) throws java.io.IOException {
        var n = ConfigNode.parse("figure", yaml);
        var kind = FigureKind.read(n);
        n.finish();
        return kind.of(new Outcomes(List.of(run(0), run(1))));
    }

    @Test
    void tracesAreMeansOverSeedsAgainstStepsAndTheFirstSeedAgainstSeconds() throws Exception {
        var figure = figureOfRuns(
                "{kind: traces, y: eigenvalue, seconds: true, series: {λ₁: {lines: sam_edge, value: lambda_1}}}");
        var steps = (Figure.Lines) figure.panels().getFirst();
        assertEquals("sam, rho = 0.5", steps.title());
        var line = steps.lines().getFirst();
        assertArrayEquals(new double[] {10, 20, 30}, line.x());
        assertArrayEquals(new double[] {11, 21, 31}, line.y());
        assertEquals(1, line.high()[0] - line.y()[0], 1e-12);
        var seconds = ((Figure.Lines) figure.panels().get(1)).lines().getFirst();
        assertArrayEquals(new double[] {5, 10, 11}, seconds.x(), 1e-12);
        assertArrayEquals(new double[] {10, 20, 30}, seconds.y());
    }

    @Test
    void densitiesAreThoseOfTheLastMeasurement() throws Exception {
        var line = ((Figure.Lines) figureOfRuns("{kind: densities}").panels().getFirst())
                .lines()
                .getFirst();
        assertArrayEquals(new double[] {0, 1, 2}, line.x());
        assertArrayEquals(new double[] {0.5, 0.25, 0.125}, line.y());
    }
}
