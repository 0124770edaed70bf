package hesse.backend;

import hesse.backend.cpu.CpuBackend;
import hesse.backend.reference.ReferenceBackend;
import hesse.cases.Checks;
import hesse.cases.OpCases;
import hesse.cases.Seeds;
import hesse.cases.SmallNets;
import hesse.tensor.DType;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The same cases on every backend that runs on any machine, in both precisions. */
class ConformanceTest {
    /** Named ways to open a backend; the CPU's also with every kernel vectorised, however small. */
    private record Opening(String name, List<DType> dtypes, Supplier<Backend> open) {}

    private static final List<DType> BOTH = List.of(DType.F64, DType.F32);
    private static final List<Opening> OPENINGS = List.of(
            new Opening("reference", BOTH, ReferenceBackend::new),
            new Opening("cpu", BOTH, () -> new CpuBackend(1)),
            new Opening("cpu, all compiled", BOTH, () -> new CpuBackend(2, 0, Integer.MAX_VALUE)),
            new Opening("cpu, all vectors", BOTH, () -> new CpuBackend(3, 0, 0)));

    @TestFactory
    Stream<DynamicTest> opsAgreeWithTheInterpreter() {
        return each((backend, dtype) -> {
            for (var c : OpCases.all()) Seeds.each(seed -> Checks.check(backend, c, dtype, seed));
        });
    }

    @TestFactory
    Stream<DynamicTest> netsAgreeWithTheInterpreter() {
        return each((backend, dtype) -> {
            for (var kind : SmallNets.values()) Seeds.each(seed -> Checks.check(backend, kind, dtype, seed));
        });
    }

    /** Small index spaces are interpreted: what that gives is what a kernel of their own gives. */
    @TestFactory
    Stream<DynamicTest> interpretedKernelsHaveTheBitsOfCompiledOnes() {
        return BOTH.stream()
                .map(dtype -> DynamicTest.dynamicTest(dtype.name(), () -> {
                    try (var interpreted = new CpuBackend(1, Integer.MAX_VALUE, Integer.MAX_VALUE);
                            var compiled = new CpuBackend(1, 0, Integer.MAX_VALUE)) {
                        for (var c : OpCases.all()) {
                            Seeds.each(seed -> Checks.same(interpreted, compiled, c, dtype, seed));
                        }
                        for (var kind : SmallNets.values()) {
                            Seeds.each(seed -> Checks.same(interpreted, compiled, kind, dtype, seed));
                        }
                    }
                }));
    }

    private interface Body {
        void run(Backend backend, DType dtype);
    }

    private static Stream<DynamicTest> each(Body body) {
        return OPENINGS.stream()
                .flatMap(o -> o.dtypes().stream()
                        .map(dtype -> DynamicTest.dynamicTest(o.name() + " " + dtype, () -> {
                            try (var backend = o.open().get()) {
                                body.run(backend, dtype);
                            }
                        })));
    }
}
