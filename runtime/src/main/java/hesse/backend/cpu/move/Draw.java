package hesse.backend.cpu.move;

import hesse.backend.cpu.fused.PairMap;
import hesse.backend.cpu.kernel.KernelProvider;
import hesse.backend.cpu.kernel.Uniforms;
import hesse.graph.Random;
import hesse.scalar.Philox;
import hesse.tensor.DType;
import hesse.tensor.Tensor;

/** Counter-based random numbers, chunk by chunk: uniforms first, and what is made of them: signs, or normals by a generated kernel. */
final class Draw extends Move {
    /** A multiple of {@link Uniforms#MULTIPLE}. */
    private static final int CHUNK = 1024;
    /** Arrays of a thread's scratch: two of uniforms and one of normals. */
    private static final int PARTS = 3;

    /** Vectors are slower until they are compiled, which small draws may never be. */
    private static final long MANY_ELEMENTS = 1 << 14;

    private final Random random;
    private final long size;
    private final boolean doubles;
    private final int threads;
    private final PairMap normal;
    private final Uniforms uniforms;
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
        boolean vectors = size >= MANY_ELEMENTS && KernelProvider.get().vectorised();
        this.uniforms = KernelProvider.get().uniforms(vectors);
        this.normal = PairMap.of(Philox.NORMAL, vectors);
        this.use = Philox.hash(random.use());
        this.places = new long[threads][3];
    }

    @Override
    public long scratchBytes() {
        return (long) PARTS * 8 * CHUNK * threads;
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
        long u = scratch + (long) PARTS * 8 * CHUNK * worker;
        long v = u + 8L * CHUNK;
        uniforms.pairs(key, step, first + begin, n, ALL, u, v);
        switch (random.distribution()) {
            case UNIFORM -> uniform(begin, n, u);
            case RADEMACHER -> signs(begin, n, u);
            case NORMAL -> normals(begin, n, u, v, places[worker]);
        }
    }

    private void uniform(long begin, int n, long u) {
        if (doubles) {
            copy(u, to() + 8 * begin, 8L * n);
            return;
        }
        for (int i = 0; i < n; i++) {
            float rounded = (float) (double) ALL.get(Tensor.F64, u + 8L * i);
            ALL.set(Tensor.F32, to() + 4 * (begin + i), Math.min(rounded, Philox.BELOW_ONE));
        }
    }

    /** The highest bit of the first word says whether its uniform is above a half. */
    private void signs(long begin, int n, long u) {
        for (int i = 0; i < n; i++) {
            double sign = ALL.get(Tensor.F64, u + 8L * i) < 0.5 ? 1 : -1;
            if (doubles) ALL.set(Tensor.F64, to() + 8 * (begin + i), sign);
            else ALL.set(Tensor.F32, to() + 4 * (begin + i), (float) sign);
        }
    }

    private void normals(long begin, int n, long u, long v, long[] at) {
        long z = v + 8L * CHUNK;
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
