package hesse.graph;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Dual;
import hesse.autodiff.Reverse;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Graphs of up to 100,000 nodes are built and differentiated on a small stack, in time and size proportional to them. */
class LargeGraphsTest {
    private static final int NODES = 100_000;
    private static final int FEWER = 30_000;
    private static final ScalarFn TANH = Activations.named("tanh");

    /** Builds a scalar from one input, differentiates it forward and backward and forward over backward. */
    private static void differentiate(String what, int most, UnaryOperator<Node> body) {
        var failure = new AtomicReference<Throwable>();
        var sizes = new int[2];
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            var thread = new Thread(
                    null,
                    () -> {
                        var g = new Graph();
                        Node x = g.input("x", DType.F64, Shape.of(2, 3));
                        Node v = g.input("v", DType.F64, Shape.of(2, 3));
                        Node y = Ops.sumAll(body.apply(x));
                        sizes[0] = g.size();
                        var gradient = Reverse.gradient(y, List.of(x));
                        Dual.tangents(gradient, Map.of(x, v));
                        Dual.tangent(y, Map.of(x, v));
                        sizes[1] = g.size();
                    },
                    what,
                    256 << 10);
            thread.setUncaughtExceptionHandler((t, e) -> failure.set(e));
            thread.start();
            thread.join();
        });
        if (failure.get() != null) throw new AssertionError(what, failure.get());
        assertTrue(sizes[0] > FEWER / 2, what + " has " + sizes[0] + " nodes only");
        assertTrue(sizes[1] < (long) most * sizes[0], what + " grew from " + sizes[0] + " to " + sizes[1] + " nodes");
    }

    @Test
    void deepChains() {
        differentiate("chain of functions", 12, x -> {
            for (int i = 0; i < NODES / 2; i++) x = Ops.scale(0.5, Ops.apply(TANH, x));
            return x;
        });
    }

    @Test
    void residualStreams() {
        differentiate("residual stream", 12, x -> {
            for (int i = 0; i < NODES / 2; i++) x = Ops.add(x, Ops.apply(TANH, x));
            return x;
        });
    }

    /** Each sum shares a term with the one before, so that like terms could be opened without end. */
    @Test
    void sumsOfTheTwoBefore() {
        differentiate("sums of the two before", 12, x -> {
            Node before = x;
            Node now = Ops.apply(TANH, x);
            for (int i = 0; i < FEWER / 2; i++) {
                Node next = Ops.add(Ops.scale(0.5, now), before);
                before = now;
                now = i % 2 == 0 ? next : Ops.apply(TANH, next);
            }
            return now;
        });
    }

    @Test
    void oneNodeUsedByAll() {
        differentiate("fan of one node", 12, x -> {
            var terms = new Node[FEWER / 2];
            for (int i = 0; i < terms.length; i++) terms[i] = Ops.apply(TANH, Ops.scale(1 + 1e-5 * i, x));
            return Ops.add(terms);
        });
    }

    @Test
    void longProducts() {
        differentiate("long products", 12, x -> {
            Node product = x;
            for (int i = 0; i < FEWER / 2; i++) product = Ops.mul(Ops.apply(TANH, product), x);
            return product;
        });
    }
}
