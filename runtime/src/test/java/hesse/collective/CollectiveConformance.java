package hesse.collective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.List;

/** What every way of summing over ranks has to do; all ranks of a group run it. */
public final class CollectiveConformance {
    private static final List<DType> TYPES = List.of(DType.F32, DType.F64, DType.I32, DType.I64);
    private static final List<Integer> SIZES = List.of(1, 7, 1000, 70_001);

    /** Memory that a collective serves. */
    public interface Memory {
        /** Puts a tensor there, hands its address to the work, and returns what is there then. */
        Tensor with(Tensor value, java.util.function.LongConsumer work);

        /** The host's. */
        static Memory host() {
            return (value, work) -> {
                var copy = Tensor.of(value.dtype(), value.shape(), value.toDoubleArray());
                work.accept(copy.data().address());
                java.lang.ref.Reference.reachabilityFence(copy);
                return copy;
            };
        }
    }

    private CollectiveConformance() {}

    /** @throws AssertionError saying which call gave what */
    public static void check(Collective c, Memory memory) {
        for (var type : TYPES) {
            for (int n : SIZES) {
                sums(c, memory, type, n);
                broadcasts(c, memory, type, n);
            }
        }
    }

    private static double element(int rank, int i, DType type) {
        return type.isInteger() ? (rank + 1) * 1000L - i : Math.sin(i + 1.0) * (rank + 1) + 1e-3 * i;
    }

    private static Tensor own(int rank, DType type, int n) {
        var t = Tensor.allocate(type, Shape.of(n));
        for (int i = 0; i < n; i++) t.set(i, element(rank, i, type));
        return t;
    }

    private static void sums(Collective c, Memory memory, DType type, int n) {
        var sum = memory.with(own(c.rank(), type, n), at -> c.sum(at, n, type));
        for (int i = 0; i < n; i++) {
            double expected = 0;
            double magnitude = 0;
            for (int r = 0; r < c.size(); r++) {
                double x = own(r, type, 1).dtype() == DType.F32 ? (float) element(r, i, type) : element(r, i, type);
                expected += x;
                magnitude += Math.abs(x);
            }
            double tolerance = type == DType.F32 ? 1e-6 : type == DType.F64 ? 1e-14 : 0;
            assertEquals(expected, sum.get(i), tolerance * magnitude, "sum of " + n + " " + type + ", element " + i);
        }
        // all ranks have the same bits
        var first = memory.with(sum, at -> c.broadcast(at, n, type, 0));
        assertArrayEquals(first.toDoubleArray(), sum.toDoubleArray(), "ranks differ in a sum of " + n + " " + type);
    }

    private static void broadcasts(Collective c, Memory memory, DType type, int n) {
        for (int root = 0; root < c.size(); root++) {
            int from = root;
            var got = memory.with(own(c.rank(), type, n), at -> c.broadcast(at, n, type, from));
            assertArrayEquals(own(root, type, n).toDoubleArray(), got.toDoubleArray(), "broadcast from " + root);
        }
    }

    /** One process of a job that {@code mpirun} started. */
    public static void main(String[] args) {
        try (var mpi = MpiCollective.join(World.of(System.getenv()), System.getenv())) {
            check(mpi, Memory.host());
            if (mpi.rank() == 0) System.out.println("conforms: " + mpi.description());
        }
    }
}
