package hesse.experiment.outcome;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.config.ConfigNode;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What measures read off a run's files. */
class MeasureTest {
    @TempDir
    Path run;

    @BeforeEach
    void write() throws IOException {
        Files.writeString(run.resolve("summary.json"), "{\"status\":\"done\",\"test\":{\"accuracy\":0.875}}");
        var lines = new StringBuilder();
        for (int step = 1; step <= 8; step++) {
            lines.append("{\"step\":" + step + ",\"split\":\"train\",\"loss\":" + (9 - step) + "}\n");
            lines.append("{\"step\":" + step + ",\"probe\":\"sam_edge\",\"lambda_1\":" + (-step * step)
                    + ",\"sam_edge\":2.0,\"values\":[3,4]}\n");
        }
        lines.append("{\"step\":8,\"probe\":\"density\",\"grid\":[0,1],\"values\":[5,\"NaN\"]}\n");
        // what a killed process leaves
        lines.append("{\"step\":9,\"probe\":\"sam_e");
        Files.writeString(run.resolve("metrics.jsonl"), lines);
        Files.writeString(
                run.resolve("timings.jsonl"), "{\"step\":4,\"seconds\":0.5}\n{\"step\":8,\"seconds\":0.25}\n");
    }

    private double value(String yaml, boolean diverged, Map<String, Path> others) {
        var n = ConfigNode.parse("measure", yaml);
        var measure = Measure.read(n);
        n.finish();
        return measure.of(run, diverged, name -> Optional.ofNullable(others.get(name)));
    }

    private double value(String yaml) {
        return value(yaml, false, Map.of());
    }

    @Test
    void ofASummary() {
        assertEquals(0.875, value("{kind: summary, path: test.accuracy, diverged: 0.1}"));
        assertEquals(0.1, value("{kind: summary, path: test.accuracy, diverged: 0.1}", true, Map.of()));
        assertTrue(Double.isNaN(value("{kind: summary, path: test.accuracy}", true, Map.of())));
        assertTrue(Double.isNaN(value("{kind: summary, path: test.error}")));
    }

    @Test
    void ofASeries() {
        String lambda = "{kind: series, lines: sam_edge, value: lambda_1, reduce: ";
        assertEquals(-64, value(lambda + "last}"));
        assertEquals(-1, value(lambda + "first}"));
        assertEquals(-16, value(lambda + "at_share, from: 0.5}"));
        assertEquals(-64, value(lambda + "min}"));
        assertEquals(-36, value(lambda + "median, from: 0.5}"));
        assertEquals(4, value(lambda + "doubling}"));
        assertEquals(-32, value("{kind: series, lines: sam_edge, value: lambda_1, over: sam_edge, reduce: last}"));
        assertEquals(4, value("{kind: series, lines: sam_edge, value: values.1, reduce: mean}"));
        assertEquals(0.5, value("{kind: series, lines: train, value: loss, minus: 4.5, reduce: share_positive}"));
        assertTrue(Double.isNaN(value("{kind: series, lines: trace, value: hessian.estimate}")));
    }

    @Test
    void secondsAreSummedOverSteps() {
        var clock = Series.seconds(run);
        assertEquals(2, clock.getFirst().value());
        assertEquals(3, clock.getLast().value());
        assertArrayEquals(new double[] {0, 1}, Series.lastArray(run, "density", "grid"));
    }

    @Test
    void ofTensorsByArm() throws IOException {
        var a = Files.createDirectories(run.resolve("a"));
        var b = Files.createDirectories(run.resolve("b"));
        Safetensors.write(
                a.resolve(TensorMeasure.FILE),
                Map.of("hvp.w", vector(1, 2), "hvp.b", vector(3), "loss", Tensor.of(DType.F64, Shape.SCALAR, 4)));
        Safetensors.write(
                b.resolve(TensorMeasure.FILE),
                Map.of("gnvp.w", vector(1, 0), "gnvp.b", vector(3), "nmevp.w", vector(0, 2), "nmevp.b", vector(0)));
        var arms = Map.of("a", a, "b", b);
        run = a;
        String sum = "{kind: tensors, left: {a.hvp: 1}, right: {b.gnvp: 1, b.nmevp: 1}, compare: ";
        assertEquals(0, value(sum + "relative}", false, arms));
        assertEquals(0, value(sum + "bits}", false, arms));
        assertEquals(1, value(sum + "cosine}", false, arms), 1e-15);
        String part = "{kind: tensors, left: {self.hvp: 1}, right: {b.gnvp: 1}, compare: ";
        assertEquals(2 / Math.sqrt(10), value(part + "relative}", false, arms), 1e-15);
        assertEquals(1, value(part + "bits}", false, arms));
        assertEquals(Math.sqrt(1.4), value(part + "ratio}", false, arms), 1e-15);
        run = b;
        assertTrue(Double.isNaN(value(sum + "relative}", false, arms)), "another arm's comparison");
    }

    private static Tensor vector(double... values) {
        return Tensor.of(DType.F64, Shape.of(values.length), values);
    }

    @Test
    void relativeToAnotherArm() throws IOException {
        var other = Files.createDirectories(run.resolve("other"));
        Files.writeString(other.resolve("summary.json"), "{\"test\":{\"accuracy\":0.5}}");
        assertEquals(1.75, value("{kind: summary, path: test.accuracy, over_arm: b}", false, Map.of("b", other)));
        assertTrue(Double.isNaN(value("{kind: summary, path: test.accuracy, over_arm: b}")));
    }

    @Test
    void ofAPlane() throws IOException {
        Files.writeString(
                run.resolve("landscape.json"),
                "{\"steps\":[[0,1,2,3,4],[0,1]],\"loss\":[[0,1,4,9,16],[0,1,4,9,99]],\"nme\":[[0,0,8,0,0],[0,0,9,0,0]]}");
        assertEquals(0.2, value("{kind: plane, reading: nme_share, threshold: 0.5}"), 1e-15);
        assertEquals(9, value("{kind: plane, reading: nme_max}"));
        assertEquals(0.75, value("{kind: plane, reading: quadratic_share, threshold: 0.01}"), 1e-15);
    }
}
