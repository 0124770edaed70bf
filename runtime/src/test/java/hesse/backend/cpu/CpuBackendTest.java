package hesse.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.error.UserException;
import hesse.graph.Graph;
import hesse.graph.Ops;
import hesse.plan.Computation;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Kernels work on bare addresses; misuse must end in an exception before they start. */
class CpuBackendTest {
    @Test
    void closedBuffersAndExecutablesAreRefused() {
        var g = new Graph();
        var x = g.input("x", DType.F64, Shape.of(3));
        try (var backend = new CpuBackend(1)) {
            var twice = backend.compile(Computation.of(Map.of("y", Ops.scale(2, x))));
            var in = backend.allocate(DType.F64, Shape.of(3));
            var out = backend.allocate(DType.F64, Shape.of(3));
            in.write(Tensor.of(Shape.of(3), 1, 2, 3));
            twice.bind("x", in);
            assertThrows(IllegalStateException.class, twice::run, "y is not bound");
            twice.bind("y", out);
            twice.run();
            assertEquals(6, out.read().get(2));
            in.close();
            in.close();
            assertThrows(IllegalStateException.class, twice::run);
            twice.close();
            twice.close();
            assertThrows(IllegalStateException.class, twice::run);
        }
    }

    @Test
    void memoryThatIsNotThereIsRefusedBeforeItIsTaken() {
        try (var backend = new CpuBackend(1)) {
            var e = assertThrows(
                    UserException.class, () -> backend.allocate(DType.F64, Shape.of(Integer.MAX_VALUE, 4096)));
            assertTrue(e.getMessage().contains("MiB are available"), e.getMessage());
        }
        var g = new Graph();
        var a = g.input("a", DType.F32, Shape.of(1 << 20, 1));
        var b = g.input("b", DType.F32, Shape.of(1, 1 << 20));
        var product = Ops.matmul(a, b);
        try (var backend = new CpuBackend(1)) {
            var e = assertThrows(
                    UserException.class,
                    () -> backend.compile(Computation.of(Map.of("s", Ops.sumAll(Ops.mul(product, product))))));
            assertTrue(e.getMessage().contains("needs 4194304 MiB"), e.getMessage());
        }
    }
}
