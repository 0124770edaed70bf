package hesse.backend.cpu.move;

import hesse.backend.cpu.fused.NativeMemory;
import hesse.backend.cpu.kernel.WorkerPool;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A prepared move: addresses are bound once, running allocates nothing. */
public abstract class Move implements WorkerPool.Task {
    /** All native memory; addresses are absolute. */
    static final MemorySegment ALL = NativeMemory.ALL;
    /** To be copied from: a slice to fill would be a new object for each call. */
    private static final MemorySegment ZEROS =
            Arena.global().allocate(1 << 14, 64).asReadOnly();

    private long[] from = new long[0];
    private long to;

    /** Binds addresses of the operands, of the result, and of scratch memory. */
    public void bind(long[] from, long to, long scratch) {
        this.from = from;
        this.to = to;
    }

    /** Scratch needed, in bytes. */
    public long scratchBytes() {
        return 0;
    }

    /** Runs all tasks. */
    public void run(WorkerPool pool) {
        pool.run(tasks(), this);
    }

    /** Number of tasks; depends on shapes only. */
    abstract int tasks();

    long from(int operand) {
        return from[operand];
    }

    long to() {
        return to;
    }

    static int index(DType dtype, long base, long i) {
        return dtype == DType.I64 ? (int) ALL.get(Tensor.I64, base + 8 * i) : ALL.get(Tensor.I32, base + 4 * i);
    }

    static void checkIndex(int index, int below, String what) {
        if (index < 0 || index >= below) {
            throw new IllegalArgumentException(what + ": index " + index + " is outside 0…" + (below - 1));
        }
    }

    static void copy(long from, long to, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }

    static void zero(long to, long bytes) {
        for (long done = 0; done < bytes; done += ZEROS.byteSize()) {
            MemorySegment.copy(ZEROS, 0, ALL, to + done, Math.min(bytes - done, ZEROS.byteSize()));
        }
    }

    /** to[i] += from[i] over n elements. */
    static void add(DType dtype, long from, long to, int n) {
        if (dtype == DType.F64) {
            for (int i = 0; i < n; i++) {
                long o = 8L * i;
                ALL.set(Tensor.F64, to + o, ALL.get(Tensor.F64, to + o) + ALL.get(Tensor.F64, from + o));
            }
        } else {
            for (int i = 0; i < n; i++) {
                long o = 4L * i;
                ALL.set(Tensor.F32, to + o, ALL.get(Tensor.F32, to + o) + ALL.get(Tensor.F32, from + o));
            }
        }
    }
}
