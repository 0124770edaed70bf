package hesse.bench.proof;

import hesse.backend.Backend;
import hesse.backend.cuda.CudaDevice;
import hesse.cases.Rounding;
import hesse.graph.Graph;
import hesse.graph.Ops;
import hesse.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.Map;

/** What the device can do at best, measured beside what is compared with it: copies of its memory, and large matrix products. */
final class Ceilings {
    private static final double SECONDS = 1;

    private Ceilings() {}

    /** Bytes a second that a copy reads and writes. */
    static double copy(Session session) {
        long bytes = session.full() ? 1L << 30 : 8L << 20;
        return session.isCuda() ? deviceCopy(bytes) : hostCopy(bytes);
    }

    private static double deviceCopy(long bytes) {
        try (var device = CudaDevice.open(0);
                var stream = device.stream("copies");
                var from = device.allocate(bytes, "the source of copies");
                var to = device.allocate(bytes, "the target of copies")) {
            var timing = Timing.of(
                    new Timing.Work() {
                        @Override
                        public void give() {
                            stream.copy(to.address(), from.address(), bytes);
                        }

                        @Override
                        public void await() {
                            stream.synchronize();
                        }
                    },
                    SECONDS);
            return 2e3 * bytes / timing.milliseconds()[0];
        }
    }

    private static double hostCopy(long bytes) {
        try (var arena = Arena.ofConfined()) {
            var from = arena.allocate(bytes, 64);
            var to = arena.allocate(bytes, 64);
            var timing = Timing.of(
                    new Timing.Work() {
                        @Override
                        public void give() {
                            to.copyFrom(from);
                        }

                        @Override
                        public void await() {}
                    },
                    SECONDS);
            return 2e3 * bytes / timing.milliseconds()[0];
        }
    }

    /** Operations a second, two for each multiply-add, of the best of some large square products. */
    static double product(Session session, Backend backend, Rounding rounding) {
        double best = 0;
        for (int n : session.full() ? new int[] {4096, 8192} : new int[] {128, 256}) {
            var graph = new Graph();
            var a = graph.input("a", rounding.dtype(), Shape.of(n, n));
            var b = graph.input("b", rounding.dtype(), Shape.of(n, n));
            try (var work = new Prepared(backend, Map.of("c", Ops.matmul(a, b, false, false)), Map.of())) {
                best = Math.max(
                        best,
                        2e3 * n * n * (double) n / Timing.of(work, SECONDS).milliseconds()[0]);
            }
        }
        return best;
    }
}
