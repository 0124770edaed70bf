package hesse.run;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/**
 * A run of very many small steps, with evaluations and checkpoints on the way, uses no more heap, memory beside the heap, open files or
 * time for a step at its end than near its beginning. {@code -Dhesse.steps=100000} for the figures of {@code docs/reliability.md}.
 */
@Tag("slow")
class LongRunTest {
    private static final int STEPS = Integer.getInteger("hesse.steps", 20_000);
    private static final int PARTS = 10;

    @TempDir
    Path folder;

    /** What the process holds after a collection. */
    private record Look(long step, double heap, double direct, double resident, long files) {
        static Look at(long step) throws IOException {
            System.gc();
            double heap =
                    ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 1048576.0;
            double direct = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                            .mapToLong(BufferPoolMXBean::getMemoryUsed)
                            .sum()
                    / 1048576.0;
            var resident = Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(l -> l.startsWith("VmRSS"))
                    .map(l -> l.replaceAll("\\D", ""))
                    .findFirst()
                    .orElseThrow();
            var system = (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            return new Look(
                    step, heap, direct, Double.parseDouble(resident) / 1024, system.getOpenFileDescriptorCount());
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void nothingGrowsOverManySteps() throws Exception {
        int every = STEPS / 100;
        var config = Config.load(
                "digits-mlp",
                List.of(
                        "model.hidden=[16]",
                        "method={kind: psam, rho: 0.05}",
                        "optimizer={kind: sgd, lr: 0.01, momentum: 0.9}",
                        "data.batch=16",
                        "data.augment=[{kind: crop, padding: 1, fill: zero}]",
                        "data.workers=2",
                        "device.threads=1",
                        "train={steps: " + STEPS + ", log_every: " + every + ", eval_every: " + 5 * every
                                + ", checkpoint_every: " + every + "}"));
        var run = folder.resolve("run");
        var looks = new ArrayList<Look>();
        try (var context = RunContext.open(config, Optional.empty(), Optional.empty(), line -> {});
                var trainer = new Trainer(context, run, false, SmallRuns.SILENT)) {
            var timings = run.resolve(RunDirectory.TIMINGS);
            var training = Thread.currentThread();
            var watcher = Thread.ofPlatform().start(() -> watch(timings, every, looks, training));
            trainer.run();
            watcher.join();
        }
        double[] seconds = seconds(run.resolve(RunDirectory.TIMINGS));
        for (int i = 0; i < looks.size(); i++) {
            var l = looks.get(i);
            int part = seconds.length / PARTS;
            System.out.printf(
                    Locale.ROOT,
                    "step %,9d: heap %6.1f MiB, direct %5.1f MiB, resident %6.1f MiB, %3d files, %6.1f µs a step%n",
                    l.step,
                    l.heap,
                    l.direct,
                    l.resident,
                    l.files,
                    median(seconds, i * part, (i + 1) * part) * 1e6);
        }
        assertTrue(looks.size() >= PARTS - 1, looks::toString);
        var early = looks.get(looks.size() / 3);
        var late = looks.getLast();
        assertTrue(late.heap < early.heap + 2, () -> early + " " + late);
        assertTrue(late.direct < early.direct + 2, () -> early + " " + late);
        assertTrue(late.files <= early.files + 4, () -> early + " " + late);
        assertTrue(late.resident < early.resident + 64, () -> early + " " + late);
        int half = seconds.length / 2;
        double before = median(seconds, half / 2, half);
        double after = median(seconds, half + half / 2, seconds.length);
        assertTrue(after < 2 * before, () -> "seconds a step: " + before + ", later " + after);
    }

    /** Looks when another tenth of the lines is there. */
    private static void watch(Path timings, int every, List<Look> looks, Thread training) {
        try {
            int seen = 0;
            while (training.isAlive() && looks.size() < PARTS) {
                Thread.sleep(5);
                long lines = Files.exists(timings)
                        ? Files.readString(timings).lines().count()
                        : 0;
                if (lines < seen + 100 / PARTS) continue;
                seen = (int) lines;
                looks.add(Look.at(lines * every));
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static double[] seconds(Path timings) throws IOException {
        var json = JsonMapper.shared();
        return Files.readAllLines(timings).stream()
                .mapToDouble(l -> json.readTree(l).path("seconds").asDouble())
                .toArray();
    }

    private static double median(double[] all, int from, int to) {
        double[] part = Arrays.copyOfRange(all, from, to);
        Arrays.sort(part);
        return part[part.length / 2];
    }
}
