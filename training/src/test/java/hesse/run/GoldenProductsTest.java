package hesse.run;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.error.UserException;
import hesse.nn.Mode;
import hesse.sharpness.Method;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** Every product and every method's update, in f64, against an independent implementation. */
@ParameterizedClass
@ValueSource(strings = {"reference", "cpu", "cuda"})
class GoldenProductsTest {
    private static final double TOLERANCE = 1e-9;

    private final String backend;

    GoldenProductsTest(String backend) {
        this.backend = backend;
    }

    @TestFactory
    Stream<DynamicTest> productsAreThoseOfAnIndependentImplementation() {
        return Golden.cases("golden").stream()
                .map(folder -> dynamicTest(folder.getFileName().toString(), () -> products(folder)));
    }

    @TestFactory
    Stream<DynamicTest> updatesAreThoseOfAnIndependentImplementation() {
        return Golden.cases("golden-methods").stream()
                .flatMap(folder -> lines(folder.resolve("methods.yaml")).map(line -> {
                    var name = line.substring(0, line.indexOf(':'));
                    var table = line.substring(line.indexOf(':') + 1).strip();
                    return dynamicTest(folder.getFileName() + " " + name, () -> update(folder, name, table));
                }));
    }

    private void products(Path folder) {
        var expected = Safetensors.read(folder.resolve("expected.safetensors")).tensors();
        var quantities = new LinkedHashSet<>(Products.QUANTITIES);
        quantities.removeIf(q -> expected.keySet().stream().noneMatch(n -> n.equals(q) || n.startsWith(q + ".")));
        check(folder, expected, request(folder, List.of(), quantities, false));
    }

    private void update(Path folder, String name, String table) {
        var expected = Safetensors.read(folder.resolve("expected-" + name + ".safetensors"))
                .tensors();
        check(folder, expected, request(folder, List.of("method=" + table), Set.of(), true));
    }

    /** On a machine without a GPU its cases are skipped. */
    private Backend open() {
        try {
            return Backends.open(backend, BackendOptions.defaults().withThreads(2), line -> {});
        } catch (UserException e) {
            assumeTrue(!backend.equals("cuda"), e.getMessage());
            throw e;
        }
    }

    private void check(Path folder, Map<String, Tensor> expected, Products.Request request) {
        Map<String, Tensor> actual;
        try (Backend b = open()) {
            actual = Products.compute(request, b);
        }
        var vector = Safetensors.read(folder.resolve("vector.safetensors")).tensors();
        double norm = Golden.norm(vector.entrySet().stream()
                .filter(e -> !e.getKey().startsWith("probe."))
                .map(Map.Entry::getValue)
                .toList());
        var errors = Golden.errors(expected, actual, norm);
        errors.forEach((quantity, e) -> assertTrue(e <= TOLERANCE, () -> quantity + " is off by " + e + ": " + errors));
    }

    private static Products.Request request(
            Path folder, List<String> overrides, Set<String> quantities, boolean method) {
        var config = Config.load(folder.resolve("config.yaml").toString(), overrides);
        return new Products.Request(
                config.model().build(Optional.empty(), OptionalInt.empty()),
                config.loss().function(),
                folder.resolve("weights.safetensors"),
                folder.resolve("batch.safetensors"),
                Optional.of(folder.resolve("vector.safetensors")),
                quantities,
                method ? Optional.of(Method.of(config.method())) : Optional.empty(),
                config.normStatistics().inFurtherPasses(),
                folder.getFileName().toString().endsWith("-eval") ? Mode.EVAL : Mode.TRAIN,
                DType.F64,
                0);
    }

    private static Stream<String> lines(Path file) {
        try {
            return Files.readAllLines(file).stream().filter(l -> !l.isBlank());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
