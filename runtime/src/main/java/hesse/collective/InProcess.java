package hesse.collective;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Ranks that are threads of one process, each with a member of its own; sums run over the ranks in order, in double precision. The
 * oracle of the others.
 */
public final class InProcess {
    private static final long PATIENCE_SECONDS = 60;

    private final CyclicBarrier barrier;
    private final MemorySegment[] parts;
    private final String[] calls;
    private volatile boolean left;

    private InProcess(int size) {
        barrier = new CyclicBarrier(size);
        parts = new MemorySegment[size];
        calls = new String[size];
    }

    /** The members of a new group, in order of rank. */
    public static List<Collective> group(int size) {
        if (size < 1) throw new IllegalArgumentException("a group has at least one rank, not " + size);
        var shared = new InProcess(size);
        var members = new ArrayList<Collective>();
        for (int r = 0; r < size; r++) members.add(shared.new Member(r));
        return members;
    }

    private void meet() {
        if (left) throw new CollectiveException("another rank has left");
        try {
            barrier.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CollectiveException("interrupted while waiting for the other ranks", e);
        } catch (BrokenBarrierException | TimeoutException e) {
            throw new CollectiveException("another rank did not come", e);
        }
    }

    private final class Member implements Collective {
        private final int rank;

        Member(int rank) {
            this.rank = rank;
        }

        @Override
        public int rank() {
            return rank;
        }

        @Override
        public int size() {
            return parts.length;
        }

        @Override
        public String description() {
            return parts.length + " threads of one process";
        }

        private Tensor tensor(MemorySegment at, DType dtype) {
            return new Tensor(dtype, Shape.of(Math.toIntExact(at.byteSize() / dtype.bytes())), at);
        }

        private void open(String call, long address, long elements, DType dtype) {
            parts[rank] = MemorySegment.ofAddress(address).reinterpret(elements * dtype.bytes());
            calls[rank] = call + " of " + elements + " " + dtype;
            meet();
            for (var other : calls) {
                if (!other.equals(calls[rank])) {
                    barrier.reset();
                    throw new CollectiveException(
                            "rank " + rank + " asks for " + calls[rank] + ", another for " + other);
                }
            }
        }

        @Override
        public void sum(long address, long elements, DType dtype) {
            open("a sum", address, elements, dtype);
            var own = tensor(parts[rank], dtype);
            var total = new double[Math.toIntExact(elements)];
            var whole = new long[dtype.isInteger() ? total.length : 0];
            for (var part : parts) {
                var t = tensor(part, dtype);
                for (int i = 0; i < total.length; i++) {
                    if (dtype.isInteger()) whole[i] += t.getLong(i);
                    else total[i] += t.get(i);
                }
            }
            meet();
            for (int i = 0; i < total.length; i++) {
                switch (dtype) {
                    case I32 -> own.data().setAtIndex(Tensor.I32, i, (int) whole[i]);
                    case I64 -> own.data().setAtIndex(Tensor.I64, i, whole[i]);
                    default -> own.set(i, total[i]);
                }
            }
            meet();
        }

        @Override
        public void broadcast(long address, long elements, DType dtype, int root) {
            open("a broadcast from " + root, address, elements, dtype);
            if (rank != root) parts[rank].copyFrom(parts[root]);
            meet();
        }

        /** Leaves the group, which is then of no further use to the others either. */
        @Override
        public void close() {
            left = true;
            barrier.reset();
        }
    }
}
