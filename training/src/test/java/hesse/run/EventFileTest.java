package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** TensorBoard's event files of runs, read back by others than their writer. */
class EventFileTest {
    private static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @TempDir
    Path folder;

    private Path train(String name, boolean resume, int steps) throws InterruptedException {
        var config = Config.load(
                "digits-mlp",
                List.of(
                        "model.hidden=[8]",
                        "method={kind: psam, rho: 0.1}",
                        "optimizer.schedule=constant",
                        "data.limit=80",
                        "data.batch=20",
                        "train={steps: " + steps + ", log_every: 1, checkpoint_every: 2}",
                        "probes=[{kind: top_eigenvalues, k: 2, every: 3}, {kind: trace, every: 4}, {kind: density, every: 5}]",
                        "device.threads=1"));
        Path run = folder.resolve(name);
        try (var context = RunContext.open(config, Optional.empty(), Optional.empty(), line -> {});
                var trainer = new Trainer(context, run, resume, SILENT)) {
            trainer.run();
        }
        return run;
    }

    private static List<EventRecords.Event> events(Path run) throws IOException {
        var all = EventRecords.read(run.resolve(EventFile.NAME));
        assertEquals("brain.Event:2", all.getFirst().version());
        return all.subList(1, all.size());
    }

    private static List<JsonNode> lines(Path file) throws IOException {
        return Files.readAllLines(file).stream().map(JSON::readTree).toList();
    }

    /** Steps and numbers without those that are times. */
    private static List<String> numbers(Path run) throws IOException {
        return events(run).stream()
                .filter(e -> e.scalars().keySet().stream().noneMatch(t -> t.startsWith("time/")))
                .map(e -> e.step() + " " + e.scalars())
                .toList();
    }

    @Test
    void everyLineOfMetricsAndTimingsIsAnEvent() throws Exception {
        double before = System.currentTimeMillis() / 1e3;
        var run = train("run", false, 6);
        var events = events(run);
        var metrics = lines(run.resolve("metrics.jsonl"));
        var timings = lines(run.resolve("timings.jsonl"));
        assertEquals(metrics.size() + timings.size(), events.size());
        int next = 0;
        for (var line : metrics) {
            while (events.get(next).scalars().containsKey("time/seconds")) next++;
            var e = events.get(next++);
            assertEquals(line.path("step").asLong(), e.step());
            if (line.has("split")) {
                var tag = line.path("split").asString() + "/loss";
                assertEquals(line.path("loss").floatValue(), e.scalars().get(tag));
            } else if (line.path("probe").asString().equals("top_eigenvalues")) {
                var second = e.scalars().get("top_eigenvalues/values/1");
                assertEquals(line.path("values").get(1).floatValue(), second);
            } else if (line.path("probe").asString().equals("trace")) {
                var estimate = line.path("hessian").path("estimate").floatValue();
                assertEquals(estimate, e.scalars().get("trace/hessian/estimate"));
            } else {
                assertTrue(e.scalars().size() < 40, "a density is no set of curves");
            }
        }
        var timed = events.stream()
                .filter(e -> e.scalars().containsKey("time/seconds"))
                .toList();
        for (int i = 0; i < timings.size(); i++) {
            var seconds = timings.get(i).path("seconds").floatValue();
            assertEquals(seconds, timed.get(i).scalars().get("time/seconds"));
        }
        double after = System.currentTimeMillis() / 1e3;
        assertTrue(events.stream().allMatch(e -> e.wallTime() >= before - 1e-3 && e.wallTime() <= after));
    }

    @Test
    void aResumedRunHasEveryEventOnce() throws Exception {
        var whole = numbers(train("whole", false, 8));
        var run = train("cut", false, 5);
        var file = run.resolve(EventFile.NAME);
        // what a crash leaves: events beyond the newest whole checkpoint, the last one torn
        Files.delete(run.resolve("checkpoints/step-00000005/manifest"));
        Files.write(file, new byte[] {57, 0, 0, 0, 0}, StandardOpenOption.APPEND);
        assertEquals(whole, numbers(train("cut", true, 8)));
        // and a run that lost all its checkpoints begins anew
        Files.move(run.resolve("checkpoints"), folder.resolve("away"));
        assertEquals(whole, numbers(train("cut", true, 8)));
    }

    @Test
    void damageEndsWhatIsKept() throws Exception {
        var run = train("run", false, 4);
        var file = run.resolve(EventFile.NAME);
        int whole = events(run).size();
        var bytes = Files.readAllBytes(file);
        bytes[bytes.length - 5] ^= 1;
        Files.write(file, bytes);
        EventFile.open(run).close();
        assertEquals(whole - 1, events(run).size());
        Files.write(file, "something else entirely".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        EventFile.open(run).close();
        assertEquals(0, events(run).size());
    }

    /** TensorBoard itself, where a Python has it: {@code HESSE_TENSORBOARD_PYTHON}, or {@code python3}. */
    @Test
    @Tag("slow")
    void tensorBoardReadsTheSame() throws Exception {
        var python = Optional.ofNullable(System.getenv("HESSE_TENSORBOARD_PYTHON"))
                .filter(p -> !p.isEmpty())
                .orElse("python3");
        assumeTrue(status(python, "-c", "import tensorboard") == 0, "no TensorBoard for " + python);
        var run = train("run", false, 6);
        var expected = new TreeMap<String, Map<Long, Float>>();
        for (var e : events(run)) {
            e.scalars()
                    .forEach((tag, value) -> expected.computeIfAbsent(tag, t -> new LinkedHashMap<>())
                            .put(e.step(), value));
        }
        var out = folder.resolve("read.json");
        assertEquals(0, status(python, "-c", """
                import json, sys
                from tensorboard.backend.event_processing import event_accumulator
                found = event_accumulator.EventAccumulator(sys.argv[1])
                found.Reload()
                tags = {t: [[s.step, s.value] for s in found.Scalars(t)] for t in found.Tags()["scalars"]}
                json.dump(tags, open(sys.argv[2], "w"))
                """, run.toString(), out.toString()));
        var read = new TreeMap<String, Map<Long, Float>>();
        for (var tag : JSON.readTree(Files.readString(out)).properties()) {
            var series = new LinkedHashMap<Long, Float>();
            for (var point : tag.getValue())
                series.put(point.get(0).asLong(), point.get(1).floatValue());
            read.put(tag.getKey(), series);
        }
        assertEquals(expected, read);
        assertTrue(read.size() > 10, read::toString);
    }

    private static int status(String... command) throws InterruptedException {
        var all = new ArrayList<>(List.of(command));
        try {
            var process = new ProcessBuilder(all)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!process.waitFor(120, TimeUnit.SECONDS)) process.destroyForcibly();
            return process.exitValue();
        } catch (IOException e) {
            return -1;
        }
    }
}
