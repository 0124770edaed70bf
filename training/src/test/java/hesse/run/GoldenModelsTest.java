package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.graph.Graph;
import hesse.models.ConfiguredModel;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.NormStatistics;
import hesse.nn.Parameter;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Residual nets and vision Transformers of full depth, in f64, against an independent implementation. */
class GoldenModelsTest {
    private static final double TOLERANCE = 1e-9;
    /** A parameter's tensor counts with at least this share of the whole vector's norm: some derivatives are exactly zero. */
    private static final double FLOOR = 1e-3;

    @TempDir
    Path temporary;

    @TestFactory
    Stream<DynamicTest> wideResidualNetsAreThoseOfAnIndependentImplementation() {
        return tests(name -> name.startsWith("wrn"));
    }

    /** Tens of millions of parameters: minutes and gigabytes. */
    @TestFactory
    @Tag("slow")
    Stream<DynamicTest> largeModelsAreThoseOfAnIndependentImplementation() {
        return tests(name -> !name.startsWith("wrn"));
    }

    private Stream<DynamicTest> tests(Predicate<String> names) {
        return Golden.cases("golden-models").stream()
                .filter(f -> names.test(f.getFileName().toString()))
                .map(f -> dynamicTest(f.getFileName().toString(), () -> check(f)));
    }

    private void check(Path folder) throws IOException {
        var config = Config.load(folder.resolve("config.yaml").toString(), List.of());
        var model = config.model().build(Optional.empty(), OptionalInt.empty());
        var mode = folder.getFileName().toString().endsWith("-eval") ? Mode.EVAL : Mode.TRAIN;
        var f = Forward.declaring(new Graph(), DType.F64, mode);
        model.model().apply(f, model.inputs().node(f.graph(), "x", 1, DType.F64));
        assertEquals(
                Files.readAllLines(folder.resolve("parameters.txt")),
                f.parameters().stream()
                        .map(p -> p.name() + "\t" + p.fileShape())
                        .toList());
        HashedCase.write(temporary, f.parameters(), f.buffers());

        var expected = new LinkedHashMap<>(
                Safetensors.read(folder.resolve("expected.safetensors")).tensors());
        var kinds = expected.keySet().stream()
                .filter(n -> n.startsWith("fold."))
                .map(n -> n.substring(5))
                .toList();
        var names = f.parameters().stream().map(Parameter::name).toList();
        var actual = new LinkedHashMap<String, Tensor>();
        actual.putAll(compute(config, model, mode, folder, Set.of("loss", "logits", "jvp", "vhv", "vgv", "vnv")));
        for (var kind : kinds) {
            HashedCase.fold(actual, kind, names, compute(config, model, mode, folder, Set.of(kind)));
        }

        double v = Golden.norm(List.copyOf(Safetensors.read(temporary.resolve("vector.safetensors"))
                .tensors()
                .values()));
        for (var q : List.of("loss", "logits", "jvp")) {
            close(q, Golden.distance(expected.get(q), actual.get(q)), Golden.norm(List.of(expected.get(q))));
        }
        var products = Map.of("vhv", "hvp", "vgv", "gnvp", "vnv", "nmevp");
        products.forEach(
                (q, kind) -> close(q, Golden.distance(expected.get(q), actual.get(q)), v * whole(expected, kind)));
        double ofNme = whole(expected, "nmevp");
        for (var kind : kinds) {
            double whole = Math.max(whole(expected, kind), kind.startsWith("nme_") ? FLOOR * ofNme : 0);
            for (int i = 0; i < names.size(); i++) {
                double scale = Math.max(expected.get("norm." + kind).get(i), FLOOR * whole);
                String what = kind + "." + names.get(i);
                close(what, difference("norm." + kind, i, expected, actual), scale);
                for (int k = 0; k < HashedCase.FOLDS; k++) {
                    close(what, difference("fold." + kind, i * HashedCase.FOLDS + k, expected, actual), scale);
                }
            }
        }
    }

    private static double difference(String name, long at, Map<String, Tensor> expected, Map<String, Tensor> actual) {
        return Math.abs(expected.get(name).get(at) - actual.get(name).get(at));
    }

    private static double whole(Map<String, Tensor> expected, String kind) {
        return Golden.norm(List.of(expected.get("norm." + kind)));
    }

    private static void close(String what, double error, double scale) {
        assertTrue(error <= TOLERANCE * scale, () -> what + " is off by " + error + " of " + scale);
    }

    private Map<String, Tensor> compute(
            Config config, ConfiguredModel model, Mode mode, Path folder, Set<String> quantities) {
        var request = new Products.Request(
                model,
                config.loss().function(),
                temporary.resolve("weights.safetensors"),
                folder.resolve("batch.safetensors"),
                Optional.of(temporary.resolve("vector.safetensors")),
                quantities,
                Optional.empty(),
                NormStatistics.BATCH,
                mode,
                DType.F64,
                0);
        try (var backend = Backends.open("cpu", BackendOptions.defaults().withThreads(2), line -> {})) {
            return Products.compute(request, backend);
        }
    }
}
