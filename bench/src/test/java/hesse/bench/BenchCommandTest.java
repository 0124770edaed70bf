package hesse.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.bench.proof.MethodTables;
import hesse.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code hesse bench} from the command line, on the digits in the jar. */
class BenchCommandTest {
    private static final String SMALL_CNN = "model={kind: cnn, activation: gelu, dense: [],"
            + " blocks: [{channels: 4, kernel: 3, norm: batch}, {channels: 4, kernel: 3, norm: batch, pool: global_avg}]}";

    private record Outcome(int code, String out, String err) {
        JsonNode json() {
            assertEquals(0, code, err);
            return new JsonMapper().readTree(out);
        }
    }

    private static Outcome bench(String... args) {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        var all = new ArrayList<>(List.of("bench"));
        all.addAll(Arrays.asList(args));
        int code = Main.run(
                all.toArray(String[]::new),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
        return new Outcome(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void overheadListsEachMethodBesidePlainDescent() {
        var json = bench(
                        "overhead",
                        "digits-cnn",
                        "--methods=sam,psam,hessian-trace",
                        "--steps=3",
                        "--warm-up=0",
                        "--threads=1",
                        "--json",
                        "--set=data.batch=8",
                        "--set=method={kind: psam, rho: 0.1}",
                        "--set=" + SMALL_CNN)
                .json();
        var methods = json.get("methods");
        assertEquals(
                List.of("sgd", "sam", "psam", "hessian_trace", "configured"),
                methods.valueStream().map(m -> m.get("method").asString()).toList());
        assertEquals(1, methods.get(0).get("contractions_ratio").asDouble());
        assertEquals(1, methods.get(0).get("ratio").asDouble());
        assertEquals(2, methods.get(1).get("contractions_ratio").asDouble(), 1e-9);
        double psam = methods.get(2).get("contractions_ratio").asDouble();
        assertTrue(2 < psam && psam < 3, "psam " + psam);
        assertEquals(psam, methods.get(4).get("contractions_ratio").asDouble());
        for (var m : methods) {
            assertEquals(3, m.get("milliseconds").size());
            assertTrue(m.get("median_ms").asDouble() > 0);
            assertTrue(m.get("ratio_quartiles").get(0).asDouble()
                    <= m.get("ratio_quartiles").get(1).asDouble());
            assertTrue(m.get("bytes_ratio").asDouble() >= 1);
        }
    }

    @Test
    void withoutTimedStepsOnlyCountsAreMade() {
        var methods = bench(
                        "overhead",
                        "digits-mlp",
                        "--methods=psam",
                        "--steps=0",
                        "--threads=1",
                        "--json",
                        "--set=model.hidden=[8]")
                .json()
                .get("methods");
        assertEquals(2, methods.size());
        assertTrue(methods.get(1).get("contractions_ratio").asDouble() > 2);
        assertTrue(methods.get(1).path("median_ms").isMissingNode());
    }

    @Test
    void overheadOfAllMethodsLeavesOutWhatTheLossDoesNotAllow() {
        var run = bench(
                "overhead",
                "digits-mlp",
                "--steps=1",
                "--warm-up=0",
                "--threads=1",
                "--set=loss={kind: mse}",
                "--set=model.hidden=[5]",
                "--set=data.batch=4");
        assertEquals(0, run.code, run.err);
        for (var name : MethodTables.ALL.keySet()) {
            boolean listed = run.out.lines().anyMatch(l -> l.startsWith(name + " "));
            assertEquals(!MethodTables.needsCrossEntropy(name), listed, name + " in\n" + run.out);
        }
    }

    @Test
    void planTellsOperationsBytesTimesAndWhatIsKept() {
        var json = bench(
                        "plan",
                        "digits-cnn",
                        "--rounds=1",
                        "--warm-up=0",
                        "--threads=1",
                        "--json",
                        "--set=data.batch=8",
                        "--set=" + SMALL_CNN)
                .json();
        double madds = 0;
        for (var s : json.get("steps")) {
            if (s.get("kind").asString().equals("contraction"))
                madds += s.get("operations").asDouble() / 2;
            assertTrue(s.get("ms").asDouble() >= 0);
        }
        // forward and filter gradient of both convolutions, input gradient of the second, three products of the head
        double convolutions = 8 * 64 * 9 * (4 * 2 + 16 * 3);
        assertEquals(convolutions + 3 * 8 * 4 * 10, madds);
        assertEquals(madds, json.get("multiply_adds").asDouble());
        assertEquals(8, json.get("contractions").asInt());
        assertEquals(2, json.get("batch_norms").asInt());
        assertTrue(json.get("tensors_per_batch_norm").asDouble() > 1);
        assertTrue(json.get("live_bytes").asLong() <= json.get("slab_bytes").asLong());
        assertTrue(json.get("slab_bytes").asLong() < json.get("bytes").asLong());
        assertTrue(json.get("peak_gflops").asDouble() > 0);
    }

    @Test
    void plansOfMicroBatchesCountEachRun() {
        String[] args = {"plan", "digits-mlp", "--rounds=0", "--json", "--threads=1", "--set=data.batch=64"};
        var whole = bench(args).json();
        var parts = Arrays.copyOf(args, args.length + 1);
        parts[args.length] = "--set=train.micro_batch=16";
        var divided = bench(parts).json();
        assertEquals(1, whole.get("plans").asInt());
        assertEquals(
                whole.get("multiply_adds").asDouble(),
                divided.get("multiply_adds").asDouble());
        assertEquals(
                4 * whole.get("contractions").asInt(),
                divided.get("contractions").asInt());
    }

    @Test
    void mistakesAreUsageErrors() {
        assertEquals(2, bench("overhead", "digits-mlp", "--methods=simulated-annealing").code);
        assertTrue(bench("overhead", "digits-mlp", "--methods=simulated-annealing")
                .err
                .contains("choose from sgd, sam"));
        assertEquals(2, bench("overhead", "digits-mlp", "--steps=-1").code);
        assertEquals(2, bench("plan", "digits-mlp", "--rounds=-1").code);
        assertEquals(2, bench().code);
    }

    @Test
    void kernelsListsEachContractionBesideThePeak() {
        var json = bench("kernels", "--seconds=0", "--json").json();
        var rows = json.get("contractions").valueStream().toList();
        assertEquals(
                ContractionCase.DIRECTIONS.size() * ContractionCase.WRN_16_4.size(),
                rows.size(),
                "one row a contraction");
        for (var row : rows) {
            assertTrue(
                    row.get("gflops").asDouble() > 0 && row.get("peak_gflops").asDouble() > 0, row::toString);
            assertEquals(
                    row.get("gflops").asDouble() / row.get("peak_gflops").asDouble(),
                    row.get("share").asDouble(),
                    1e-9);
        }
        assertEquals(2, bench("kernels", "--threads=0").code());
    }
}
