package hesse.bench.peers;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;

/** {@code cblas_sgemm} of a library on square, row-major matrices. */
final class BlasGemm implements Work {
    private static final int ROW_MAJOR = 101;
    private static final int NOT_TRANSPOSED = 111;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

    private final MethodHandle sgemm;
    private final int n;
    private final Tensor a;
    private final Tensor b;
    private final Tensor expected;
    private final Tensor out;

    /** @param library file of the BLAS; as it is loaded already, the process gets no second one */
    BlasGemm(String library, int n, Map<String, Tensor> tensors) {
        this.n = n;
        this.a = aligned(Objects.requireNonNull(tensors.get("first")));
        this.b = aligned(Objects.requireNonNull(tensors.get("second")));
        this.expected = Objects.requireNonNull(tensors.get("result"));
        this.out = Tensor.allocate(DType.F32, Shape.of(n, n));
        var symbols = SymbolLookup.libraryLookup(Path.of(library), Arena.global());
        sgemm = Linker.nativeLinker()
                .downcallHandle(
                        symbols.findOrThrow("cblas_sgemm"),
                        FunctionDescriptor.ofVoid(
                                INT,
                                INT,
                                INT,
                                INT,
                                INT,
                                INT,
                                ValueLayout.JAVA_FLOAT,
                                ValueLayout.ADDRESS,
                                INT,
                                ValueLayout.ADDRESS,
                                INT,
                                ValueLayout.JAVA_FLOAT,
                                ValueLayout.ADDRESS,
                                INT));
    }

    /** Files' tensors begin anywhere. */
    private static Tensor aligned(Tensor t) {
        var copy = Tensor.allocate(t.dtype(), t.shape());
        MemorySegment.copy(t.data(), 0, copy.data(), 0, t.data().byteSize());
        return copy;
    }

    @Override
    public void run() {
        try {
            sgemm.invokeExact(
                    ROW_MAJOR,
                    NOT_TRANSPOSED,
                    NOT_TRANSPOSED,
                    n,
                    n,
                    n,
                    1f,
                    a.data(),
                    n,
                    b.data(),
                    n,
                    0f,
                    out.data(),
                    n);
        } catch (Throwable e) {
            throw new IllegalStateException("cblas_sgemm could not be called", e);
        }
    }

    @Override
    public Map<String, Double> figures() {
        double difference = 0;
        double whole = 0;
        for (long i = 0; i < out.size(); i++) {
            difference += Math.pow(out.get(i) - expected.get(i), 2);
            whole += Math.pow(expected.get(i), 2);
        }
        return Map.of("error", Math.sqrt(difference / whole));
    }

    @Override
    public void close() {}
}
