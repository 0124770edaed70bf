package hesse.cases;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.backend.reference.ReferenceBackend;
import hesse.cases.Conformance.Finding;
import hesse.collective.Collective;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The suite that is run on users' machines notices what is wrong, and passes what is merely rounded. */
class ConformanceSuiteTest {
    private final long seed = System.nanoTime();
    private final SplittableRandom seeds = new SplittableRandom(seed);

    /** A backend in whose results something goes wrong, run by run. */
    private record Faulty(Backend good, Fault fault) implements Backend {
        interface Fault {
            /** @param run counted from 0 */
            void run(Executable executable, List<DeviceBuffer> outputs, int run);
        }

        @Override
        public String name() {
            return "faulty";
        }

        @Override
        public String description() {
            return name();
        }

        @Override
        public DeviceBuffer allocate(DType dtype, Shape shape) {
            return good.allocate(dtype, shape);
        }

        @Override
        public Executable compile(Computation computation) {
            var executable = good.compile(computation);
            var outputs = new ArrayList<DeviceBuffer>();
            int[] runs = {0};
            return new Executable() {
                @Override
                public Plan plan() {
                    return executable.plan();
                }

                @Override
                public void bind(String name, DeviceBuffer buffer) {
                    executable.bind(name, buffer);
                    if (name.startsWith("output ")) outputs.add(buffer);
                }

                @Override
                public void run() {
                    fault.run(executable, outputs, runs[0]++);
                }

                @Override
                public void close() {
                    executable.close();
                }
            };
        }

        @Override
        public void close() {
            good.close();
        }
    }

    private static void change(DeviceBuffer buffer, UnaryOperator<Double> how) {
        var t = buffer.read();
        if (!t.dtype().isFloat()) return;
        for (long i = 0; i < t.size(); i++) t.set(i, how.apply(t.get(i)));
        buffer.write(t);
    }

    private List<Finding> findings(Backend backend, Rounding rounding, String name) {
        var c = OpCases.all().stream()
                .filter(x -> x.name().equals(name))
                .findFirst()
                .orElseThrow();
        return Conformance.check(backend, c, rounding, seeds::nextLong);
    }

    private static List<String> failed(List<Finding> findings) {
        return findings.stream().filter(f -> !f.passed()).map(Finding::quantity).toList();
    }

    private String told(Object of) {
        return "seed " + seed + ": " + of;
    }

    @Test
    void rightResultsPass() {
        for (var rounding : Rounding.values()) {
            var all = findings(new ReferenceBackend(), rounding, "layer norm");
            assertEquals(List.of(), failed(all), told(all));
            assertEquals(6, all.size());
        }
    }

    @Test
    void aResultThatIsOffByTwiceTheToleranceIsReported() {
        for (var rounding : Rounding.values()) {
            var backend = new Faulty(new ReferenceBackend(), (executable, outputs, run) -> {
                executable.run();
                // one derivative among all that are right
                change(outputs.get(2), x -> x * (1 + 6 * rounding.allowed(2)));
            });
            var all = findings(backend, rounding, "square");
            assertEquals(List.of("second tangent"), failed(all), told(all));
        }
    }

    @Test
    void whatIsNotWrittenIsReported() {
        var all =
                findings(new Faulty(new ReferenceBackend(), (executable, outputs, run) -> {}), Rounding.F32, "square");
        assertEquals(5, failed(all).size(), told(all));
    }

    @Test
    void aRunThatLeavesOtherBitsThanTheFirstIsReported() {
        var backend = new Faulty(new ReferenceBackend(), (executable, outputs, run) -> {
            executable.run();
            if (run == 2) change(outputs.getFirst(), Math::nextUp);
        });
        assertEquals(List.of("same bits in every run"), failed(findings(backend, Rounding.F64, "square")));
    }

    @Test
    void aWrongProductOfANetIsReported() {
        var backend = new Faulty(new ReferenceBackend(), (executable, outputs, run) -> {
            executable.run();
            change(outputs.getLast(), x -> 1.1 * x + 0.1);
        });
        var all = Conformance.check(backend, SmallNets.MLP, Rounding.BF16, seeds::nextLong);
        assertEquals(List.of("grad vgv"), failed(all), told(all));
    }

    /** The tolerances leave room for what tensor cores do to the operands of contractions, and little more. */
    @Test
    void contractionsWithRoundedOperandsPassAndWithShorterOnesDoNot() {
        var fits = new ReferenceBackend(Collective.alone(), Rounding.TF32::round);
        for (var kind : List.of(SmallNets.MLP, SmallNets.MLP_WITH_LAYER_NORM, SmallNets.RESIDUAL_NET)) {
            var all = Conformance.check(fits, kind, Rounding.TF32, seeds::nextLong);
            assertEquals(List.of(), failed(all), told(all));
            // where f32 is asked for, tensor cores in silence are an error
            assertNotEquals(List.of(), failed(Conformance.check(fits, kind, Rounding.F32, seeds::nextLong)));
        }
    }
}
