package hesse.backend.cpu.move;

import hesse.backend.cpu.fused.PlainMap;
import hesse.graph.Random;
import hesse.scalar.Philox;
import hesse.tensor.DType;
import hesse.tensor.Tensor;

/** Counter-based random numbers, chunk by chunk: uniforms first, then the generated kernel that makes them normal. */
final class Draw extends Move {
    private static final int CHUNK = 4096;

    private final Random random;
    private final long size;
    private final boolean doubles;
    private final int threads;
    private final PlainMap normal = PlainMap.of(Philox.NORMAL);
    private final long use;
    /** For each thread, where its uniforms are and its normals go. */
    private final long[][] places;

    private long scratch;
    private long key;
    private long step;
    private long first;

    Draw(Random random, int threads) {
        this.random = random;
        this.size = random.type().shape().size();
        this.doubles = random.type().dtype() == DType.F64;
        this.threads = threads;
        this.use = Philox.hash(random.use());
        this.places = new long[threads][3];
    }

    @Override
    public long scratchBytes() {
        return random.distribution() == Random.Distribution.NORMAL ? 3L * 8 * CHUNK * threads : 0;
    }

    @Override
    public void bind(long[] from, long to, long scratch) {
        super.bind(from, to, scratch);
        this.scratch = scratch;
    }

    @Override
    int tasks() {
        return (int) Math.ceilDiv(size, (long) CHUNK);
    }

    @Override
    public void run(hesse.backend.cpu.kernel.WorkerPool pool) {
        key = Philox.key(ALL.get(Tensor.I64, from(0)), use);
        step = ALL.get(Tensor.I64, from(1));
        first = ALL.get(Tensor.I64, from(2));
        super.run(pool);
    }

    @Override
    public void run(int task, int worker) {
        long begin = (long) task * CHUNK;
        int n = (int) Math.min(CHUNK, size - begin);
        switch (random.distribution()) {
            case UNIFORM -> {
                for (int i = 0; i < n; i++) {
                    var block = Philox.of(key, step, first + begin + i);
                    if (doubles) ALL.set(Tensor.F64, to() + 8 * (begin + i), block.uniform());
                    else ALL.set(Tensor.F32, to() + 4 * (begin + i), block.uniformFloat());
                }
            }
            case RADEMACHER -> {
                for (int i = 0; i < n; i++) {
                    double v = Philox.of(key, step, first + begin + i).rademacher();
                    if (doubles) ALL.set(Tensor.F64, to() + 8 * (begin + i), v);
                    else ALL.set(Tensor.F32, to() + 4 * (begin + i), (float) v);
                }
            }
            case NORMAL -> normals(begin, n, scratch + 3L * 8 * CHUNK * worker, places[worker]);
        }
    }

    private void normals(long begin, int n, long own, long[] at) {
        long u = own;
        long v = own + 8L * CHUNK;
        long z = own + 16L * CHUNK;
        for (int i = 0; i < n; i++) {
            var block = Philox.of(key, step, first + begin + i);
            ALL.set(Tensor.F64, u + 8L * i, block.uniform());
            ALL.set(Tensor.F64, v + 8L * i, block.secondUniform());
        }
        at[0] = u;
        at[1] = v;
        at[2] = doubles ? to() + 8 * begin : z;
        normal.run(at, n);
        if (doubles) return;
        for (int i = 0; i < n; i++) {
            ALL.set(Tensor.F32, to() + 4 * (begin + i), (float) ALL.get(Tensor.F64, z + 8L * i));
        }
    }
}
