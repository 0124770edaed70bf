package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import hesse.backend.Backend;
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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Residual nets and vision Transformers of full depth, in f64, against an independent implementation. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GoldenModelsTest {
    /** So many vectors of all parameters at a time: more would take more memory, fewer would go through the model more often. */
    private static final int KINDS_AT_ONCE = 2;

    @TempDir
    Path temporary;

    /** One for all, for many of their kernels are the same. */
    private final Backend backend =
            Backends.open("cpu", BackendOptions.defaults().withThreads(2), line -> {});

    @AfterAll
    void close() {
        backend.close();
    }

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
        var kinds = HashedCase.kinds(expected);
        var names = f.parameters().stream().map(Parameter::name).toList();
        var actual = new LinkedHashMap<String, Tensor>();
        actual.putAll(compute(config, model, mode, folder, Set.of("loss", "logits", "jvp", "vhv", "vgv", "vnv")));
        for (int i = 0; i < kinds.size(); i += KINDS_AT_ONCE) {
            var some = kinds.subList(i, Math.min(kinds.size(), i + KINDS_AT_ONCE));
            var tensors = compute(config, model, mode, folder, Set.copyOf(some));
            for (var kind : some) HashedCase.fold(actual, kind, names, tensors);
        }

        var vector = Safetensors.read(temporary.resolve("vector.safetensors")).tensors();
        HashedCase.assertClose(expected, actual, names, List.copyOf(vector.values()));
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
        return Products.compute(request, backend);
    }
}
