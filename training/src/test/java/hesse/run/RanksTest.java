package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.collective.Ranks;
import hesse.error.UserException;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A run of several ranks is the run of one process: same metrics, same weights, whatever their number, resumed or not. */
class RanksTest {
    private static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);
    private static final String CNN =
            "model={kind: cnn, activation: gelu, blocks: [{channels: 5, kernel: 3, pool: max2, norm: batch}]}";
    private static final JsonMapper JSON = JsonMapper.builder().build();
    /** A few steps amplify the rounding of sums taken in another order. */
    private static final double AGREES = 1e-9;

    @TempDir
    Path folder;

    private Path train(String name, int size, boolean resume, String... set) throws InterruptedException {
        var all = new ArrayList<>(List.of(
                CNN,
                "data.limit=150",
                "data.batch=40",
                "data.drop_last=false",
                "train.log_every=1",
                "train.steps=6",
                "device.threads=1",
                "device.backend=cpu",
                "device.precision=f64"));
        all.addAll(List.of(set));
        Path run = folder.resolve(name);
        if (size == 1) one(all, run, resume, Ranks.alone());
        else ThreadRanks.run(size, ranks -> one(all, run, resume, ranks));
        return run;
    }

    private static Trainer.Result one(List<String> set, Path run, boolean resume, Ranks ranks)
            throws InterruptedException {
        try (var context = RunContext.open(
                        Config.load("digits-mlp", set), Optional.empty(), Optional.empty(), line -> {}, ranks);
                var trainer = new Trainer(context, run, resume, SILENT)) {
            return trainer.run();
        }
    }

    private static void assertSame(Path a, Path b, int step) throws IOException {
        var first = Files.readAllLines(a.resolve("metrics.jsonl"));
        var second = Files.readAllLines(b.resolve("metrics.jsonl"));
        assertEquals(first.size(), second.size());
        for (int i = 0; i < first.size(); i++) {
            var p = JSON.readTree(first.get(i));
            var q = JSON.readTree(second.get(i));
            assertEquals(p.propertyNames().toString(), q.propertyNames().toString());
            for (var name : p.propertyNames()) {
                if (name.equals("residuals")) continue; // of an iteration that has converged: rounding
                assertSame(name, p.get(name), q.get(name));
            }
        }
        var w = weights(a, step);
        var v = weights(b, step);
        assertEquals(w.keySet(), v.keySet());
        w.forEach((name, t) -> {
            double[] x = t.toDoubleArray();
            double[] y = v.get(name).toDoubleArray();
            for (int i = 0; i < x.length; i++) assertEquals(x[i], y[i], AGREES * Math.max(1, Math.abs(x[i])), name);
        });
    }

    private static void assertSame(String name, JsonNode p, JsonNode q) {
        if (p.isArray()) {
            assertEquals(p.size(), q.size(), name);
            for (int i = 0; i < p.size(); i++) assertSame(name, p.get(i), q.get(i));
        } else if (p.isNumber()) {
            assertEquals(p.asDouble(), q.asDouble(), AGREES * Math.max(1, Math.abs(p.asDouble())), name);
        } else {
            assertEquals(p, q, name);
        }
    }

    private static Map<String, Tensor> weights(Path run, int step) {
        return Safetensors.read(run.resolve("checkpoints/step-%08d/weights.safetensors".formatted(step)))
                .tensors();
    }

    @ParameterizedTest
    @ValueSource(strings = {"{kind: sam, rho: 0.1}", "{kind: psam, rho: 0.1}", "{kind: gn_trace, sigma2: 1e-4}"})
    void theNumberOfRanksChangesNothing(String method) throws Exception {
        var alone = train("one", 1, false, "method=" + method);
        assertSame(alone, train("three", 3, false, "method=" + method), 6);
    }

    @Tag("slow")
    @Test
    void augmentationDropoutAndProbesAreThoseOfOneProcess() throws Exception {
        String[] set = {
            "model={kind: wrn, depth: 10, width: 1, dropout: 0.3}",
            "data.augment=[{kind: crop, padding: 1}]",
            "data.limit=60",
            "data.batch=20",
            "train.steps=3",
            "probes=[{kind: top_eigenvalues, k: 1, every: 3}]"
        };
        assertSame(train("one", 1, false, set), train("two", 2, false, set), 3);
    }

    @Test
    void aRunGoesOnWithAnotherNumberOfRanks() throws Exception {
        String[] set = {"method={kind: psam, rho: 0.1}", "optimizer.schedule=constant"};
        for (var steps : List.of("2", "4", "6")) {
            boolean resumed = !steps.equals("2");
            train("alone", 1, resumed, set[0], set[1], "train.steps=" + steps);
            train(
                    "ranks",
                    steps.equals("2") ? 2 : steps.equals("4") ? 3 : 1,
                    resumed,
                    set[0],
                    set[1],
                    "train.steps=" + steps);
        }
        assertSame(folder.resolve("alone"), folder.resolve("ranks"), 6);
    }

    /** Without synchronisation each rank normalises as a micro-batch of one process does. */
    @Test
    void ownStatisticsAreThoseOfMicroBatches() throws Exception {
        String[] set = {"method={kind: psam, rho: 0.1, norm_statistics: micro}", "data.limit=160"};
        var ranks = train("ranks", 2, false, set);
        var parts = train("parts", 1, false, set[0], set[1], "train.micro_batch=20");
        assertSame(parts, ranks, 6);
    }

    /** Groups of m-sharpness stay whole on one rank and are the same for any number of ranks. */
    @Test
    void groupsOfPerturbationsAreThoseOfOneProcess() throws Exception {
        String[] set = {"method={kind: sam, rho: 0.1, m: 5}", "data.limit=160", CNN.replace("batch", "layer")};
        assertSame(train("one", 1, false, set), train("four", 4, false, set), 6);
        var cut = assertThrows(
                UserException.class, () -> train("cut", 3, false, set), "40 examples on 3 ranks cut groups of 5");
        assertTrue(String.valueOf(cut.getMessage()).contains("method.m"), cut.getMessage());
    }

    /** All of them say the same, so that none has to be taken for dead. */
    @Test
    void ranksOfDifferentConfigurationsRefuseToStart() throws Exception {
        var messages = ThreadRanks.run(3, ranks -> {
            var set = new ArrayList<>(List.of("train.steps=1", "device.threads=" + (1 + ranks.rank())));
            if (ranks.rank() == 2) set.add("data.batch=22");
            var config = Config.load("digits-mlp", set);
            var e = assertThrows(
                    UserException.class, () -> Agreement.require(Agreement.facts(config), ranks), "data.batch differs");
            assertEquals(2, e.exitCode());
            return String.valueOf(e.getMessage());
        });
        assertEquals(1, new java.util.HashSet<>(messages).size(), messages::toString);
        assertTrue(messages.getFirst().contains("rank 2 has data.batch 22"), messages.getFirst());
        assertTrue(!messages.getFirst().contains("threads"), messages.getFirst());
    }
}
