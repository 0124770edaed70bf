package hesse.bench;

import hesse.backend.cpu.kernel.WorkerPool;
import hesse.tensor.DType;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The machine's fused multiply-add peak in float: a loop of independent accumulators that touches no memory. */
final class FmaPeak {
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    /** Accumulators: more than latency times ports of any present core. */
    private static final int CHAINS = 12;

    private FmaPeak() {}

    /** Multiply-adds done by {@code spin(n)}. */
    static double multiplyAdds(int n) {
        return (double) n * CHAINS * SPECIES.length();
    }

    /** The peak of some threads in operations a second, the best of several tries; in double half of what it is in float. */
    static double flops(int threads, DType dtype) {
        int rounds = 200_000;
        var results = new float[threads]; // stored, so that the work is not optimised away
        double best = 0;
        try (var pool = new WorkerPool(threads)) {
            for (int i = 0; i < 30; i++) {
                long start = System.nanoTime();
                pool.run(threads, (task, worker) -> results[task] = spin(rounds, 1.1f));
                best = Math.max(best, 2e9 * threads * multiplyAdds(rounds) / (System.nanoTime() - start));
            }
        }
        return dtype == DType.F64 ? best / 2 : best;
    }

    /** Does {@code n} rounds; the result is finite and otherwise meaningless. */
    static float spin(int n, float start) {
        var x = FloatVector.broadcast(SPECIES, start);
        var decay = FloatVector.broadcast(SPECIES, 0.999f);
        var a = x;
        var b = x;
        var c = x;
        var d = x;
        var e = x;
        var f = x;
        var g = x;
        var h = x;
        var i = x;
        var j = x;
        var k = x;
        var l = x;
        for (int r = 0; r < n; r++) {
            a = a.fma(decay, x);
            b = b.fma(decay, x);
            c = c.fma(decay, x);
            d = d.fma(decay, x);
            e = e.fma(decay, x);
            f = f.fma(decay, x);
            g = g.fma(decay, x);
            h = h.fma(decay, x);
            i = i.fma(decay, x);
            j = j.fma(decay, x);
            k = k.fma(decay, x);
            l = l.fma(decay, x);
        }
        return a.add(b)
                .add(c)
                .add(d)
                .add(e)
                .add(f)
                .add(g)
                .add(h)
                .add(i)
                .add(j)
                .add(k)
                .add(l)
                .lane(0);
    }
}
