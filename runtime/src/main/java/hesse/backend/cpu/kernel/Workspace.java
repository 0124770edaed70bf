package hesse.backend.cpu.kernel;

import hesse.tensor.DType;

/**
 * Heap memory for packed panels and partial sums: one shared array and one array per thread, for each element type.
 *
 * <p>Kernels state their needs when they are made ({@link Need}); the workspace grows to the largest once, before the first run, and
 * is then reused by kernels that run one after another. Contents do not survive a kernel.
 */
public final class Workspace {
    /**
     * What a kernel needs.
     *
     * @param dtype element type of the arrays
     * @param shared elements seen by all threads
     * @param local elements of each thread
     */
    public record Need(DType dtype, long shared, long local) {
        public Need {
            if (Math.max(shared, local) > Integer.MAX_VALUE - 64) {
                throw new IllegalArgumentException("a contraction needs a packing buffer of " + Math.max(shared, local)
                        + " elements, more than a Java array holds; split its batch");
            }
        }
    }

    private final Object[] shared;
    private final Object[][] local;

    /** An empty workspace for kernels run by {@code threads} threads. */
    public Workspace(int threads) {
        shared = new Object[] {new float[0], new double[0]};
        local = new Object[2][threads];
        for (int i = 0; i < threads; i++) {
            local[0][i] = new float[0];
            local[1][i] = new double[0];
        }
    }

    /** Grows to serve {@code need}. */
    public void reserve(Need need) {
        int type = index(need.dtype());
        if (length(shared[type]) < need.shared()) shared[type] = allocate(type, need.shared());
        for (int i = 0; i < local[type].length; i++) {
            if (length(local[type][i]) < need.local()) local[type][i] = allocate(type, need.local());
        }
    }

    /** Heap bytes held. */
    public long bytes() {
        long bytes = 0;
        for (int type = 0; type < 2; type++) {
            long width = type == 0 ? 4 : 8;
            bytes += width * length(shared[type]);
            for (var array : local[type]) bytes += width * length(array);
        }
        return bytes;
    }

    Object shared(DType dtype) {
        return shared[index(dtype)];
    }

    Object local(DType dtype, int worker) {
        return local[index(dtype)][worker];
    }

    private static int index(DType dtype) {
        return dtype == DType.F64 ? 1 : 0;
    }

    private static Object allocate(int type, long elements) {
        return type == 0 ? new float[(int) elements] : new double[(int) elements];
    }

    private static long length(Object array) {
        return array instanceof float[] f ? f.length : ((double[]) array).length;
    }
}
