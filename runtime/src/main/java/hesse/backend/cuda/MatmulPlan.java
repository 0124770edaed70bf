package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import hesse.bindings.cublas.Cublas;
import hesse.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A matrix product that is ready to run: its descriptors and the algorithm chosen. */
public final class MatmulPlan implements AutoCloseable {
    private final CublasLt library;
    private final String node;
    private final MatmulSpec spec;
    private final Descriptors descriptors;
    private final MemorySegment algorithm;
    private final long workspaceBytes;
    private final MemorySegment alpha;
    private final MemorySegment beta;
    private final Lifetime life;

    /**
     * The library's descriptions of a product and its matrices.
     *
     * @param first of B, which the library gets first, {@code second} of A, {@code result} of C
     */
    record Descriptors(MemorySegment operation, MemorySegment first, MemorySegment second, MemorySegment result) {}

    MatmulPlan(
            CublasLt library,
            Lifetime parent,
            String node,
            MatmulSpec spec,
            Descriptors descriptors,
            MemorySegment algorithm,
            long workspaceBytes,
            Runnable release,
            Arena arena) {
        this.library = library;
        this.node = node;
        this.spec = spec;
        this.descriptors = descriptors;
        this.algorithm = algorithm;
        this.workspaceBytes = workspaceBytes;
        this.alpha = arena.allocate(JAVA_DOUBLE);
        this.beta = arena.allocate(JAVA_DOUBLE);
        this.life = parent.child("the matrix product " + node, release);
    }

    public MatmulSpec spec() {
        return spec;
    }

    /** Bytes of workspace that a run needs. */
    public long workspaceBytes() {
        return workspaceBytes;
    }

    /**
     * Runs it: C = alpha·op(A)·op(B) + beta·C.
     *
     * @param a device address; likewise b, c and workspace
     * @param betaValue must be 0 unless the product was planned to accumulate
     */
    public void run(CudaStream stream, double alphaValue, long a, long b, double betaValue, long c, long workspace) {
        life.require();
        if (betaValue != 0 && !spec.accumulate()) {
            throw new IllegalArgumentException(node + " was not planned to accumulate");
        }
        scalar(alpha, alphaValue);
        scalar(beta, betaValue);
        var target = MemorySegment.ofAddress(c);
        var status = Cublas.cublasLtMatmul(
                library.handle(),
                descriptors.operation(),
                alpha,
                MemorySegment.ofAddress(b),
                descriptors.first(),
                MemorySegment.ofAddress(a),
                descriptors.second(),
                beta,
                target,
                descriptors.result(),
                target,
                descriptors.result(),
                algorithm,
                MemorySegment.ofAddress(workspace),
                workspaceBytes,
                stream.handle());
        if (status != Status.SUCCESS) {
            throw Status.cublasFailure(
                    status,
                    "cublasLtMatmul",
                    node,
                    "product",
                    spec,
                    "workspace",
                    workspaceBytes,
                    "alpha",
                    alphaValue,
                    "beta",
                    betaValue);
        }
    }

    private void scalar(MemorySegment place, double value) {
        if (spec.precision().accumulator() == DType.F64) {
            place.set(JAVA_DOUBLE, 0, value);
        } else {
            place.set(JAVA_FLOAT, 0, (float) value);
        }
    }

    @Override
    public void close() {
        life.close();
    }
}
