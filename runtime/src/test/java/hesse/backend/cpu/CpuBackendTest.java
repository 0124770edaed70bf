package hesse.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.collective.Collective;
import hesse.error.UserException;
import hesse.graph.AllReduce;
import hesse.graph.Graph;
import hesse.graph.Ops;
import hesse.plan.Computation;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

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

    /** Sums that last until they are let go: a run that is under way for certain. */
    private static final class Waiting implements Collective {
        private final CountDownLatch begun = new CountDownLatch(1);
        private final CountDownLatch release = new CountDownLatch(1);

        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int size() {
            return 2;
        }

        @Override
        public String description() {
            return "waiting";
        }

        @Override
        public void sum(long address, long elements, DType dtype) {
            begun.countDown();
            try {
                release.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void broadcast(long address, long elements, DType dtype, int root) {}

        @Override
        public void close() {}
    }

    @Test
    void whileOneThreadRunsAPlanAnotherCanNeitherUseNorFreeWhatItWorksOn() throws Exception {
        var g = new Graph();
        var x = g.input("x", DType.F64, Shape.of(3));
        var computation = Computation.of(Map.of("y", g.apply(new AllReduce(1, 0), Ops.scale(2, x))));
        var waiting = new Waiting();
        var backend = new CpuBackend(2, waiting);
        var plan = backend.compile(computation);
        var in = backend.allocate(DType.F64, Shape.of(3));
        var out = backend.allocate(DType.F64, Shape.of(3));
        in.write(Tensor.of(Shape.of(3), 1, 2, 3));
        plan.bind("x", in);
        plan.bind("y", out);
        var failures = new ConcurrentLinkedQueue<Throwable>();
        var runner = Thread.ofPlatform()
                .name("runner")
                .uncaughtExceptionHandler((t, e) -> failures.add(e))
                .start(plan::run);
        waiting.begun.await();
        try {
            for (Executable misuse : List.<Executable>of(
                    plan::run,
                    () -> plan.runTimed(new long[plan.plan().steps().size()]),
                    () -> plan.bind("y", out),
                    () -> backend.compile(computation).close(),
                    plan::close,
                    backend::close)) {
                var refused = assertThrows(IllegalStateException.class, misuse);
                assertTrue(
                        refused.getMessage().contains("in use by thread 'runner'; it is for one thread at a time"),
                        refused.getMessage());
            }
            for (var buffer : List.of(in, out)) {
                var refused = assertThrows(IllegalStateException.class, buffer::close);
                assertTrue(refused.getMessage().contains("in use by a computation"), refused.getMessage());
            }
        } finally {
            waiting.release.countDown();
            runner.join();
        }
        assertEquals(List.of(), List.copyOf(failures));
        assertEquals(6, out.read().get(2), "the run under way was not disturbed");
        plan.run();
        for (AutoCloseable open : List.<AutoCloseable>of(in, out, plan, backend)) open.close();
        assertThrows(IllegalStateException.class, plan::run);
        assertThrows(IllegalStateException.class, in::read);
        assertThrows(IllegalStateException.class, () -> in.write(Tensor.of(Shape.of(3), 1, 2, 3)));
    }

    @Test
    void aFailedRunLeavesTheBackendUsable() {
        var g = new Graph();
        var x = g.input("x", DType.F64, Shape.of(3));
        try (var backend = new CpuBackend(1);
                var in = backend.allocate(DType.F64, Shape.of(3));
                var out = backend.allocate(DType.F64, Shape.of(3))) {
            var twice = backend.compile(Computation.of(Map.of("y", Ops.scale(2, x))));
            twice.bind("x", in);
            assertThrows(IllegalStateException.class, twice::run, "y is not bound");
            twice.bind("y", out);
            twice.run();
            twice.close();
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
