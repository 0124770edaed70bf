package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import hesse.bindings.cublas.Cublas;
import hesse.bindings.cublas.cublasLtMatmulAlgo_t;
import hesse.bindings.cublas.cublasLtMatmulHeuristicResult_t;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * cuBLASLt: plans matrix products, which are then run without further decisions.
 *
 * <p>cuBLASLt counts matrices by columns. A row-major matrix read by columns is its transpose, and (A·B)ᵀ = Bᵀ·Aᵀ; so the operands
 * change places, rows and columns change places in each layout, and the flags that transpose stay as they are.
 */
public final class CublasLt implements AutoCloseable {
    private static final int CANDIDATES = 8;
    private static final int CANDIDATES_TO_MEASURE = 32;

    private final CudaDevice device;
    private final MemorySegment handle;
    private final Optional<Tuning> tuning;
    private final Lifetime life;

    private CublasLt(CudaDevice device, MemorySegment handle, Optional<Tuning> tuning) {
        this.device = device;
        this.handle = handle;
        this.tuning = tuning;
        this.life = device.life().child("cuBLASLt", this::release);
    }

    /** A handle on a device, whose context must be current. */
    public static CublasLt create(CudaDevice device) {
        return create(device, Optional.empty());
    }

    /** @param tuning measures the algorithms */
    static CublasLt create(CudaDevice device, Optional<Tuning> tuning) {
        device.life().require();
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(ADDRESS);
            Status.cublas(Cublas.cublasLtCreate(pointer), "cublasLtCreate");
            return new CublasLt(device, pointer.get(ADDRESS, 0), tuning);
        }
    }

    MemorySegment handle() {
        life.require();
        return handle;
    }

    /**
     * Chooses how to do a product: the first proposal of cuBLASLt's heuristics that fits the workspace. The choice depends on the
     * library, the device and the arguments only, so it is the same in every run; with {@link Tuning} it is the fastest.
     *
     * @param workspaceLimit bytes of workspace that may be used
     * @param node the plan's step, named in errors
     * @throws CudaException if cuBLASLt has no way to do it
     */
    public MatmulPlan plan(MatmulSpec spec, long workspaceLimit, String node) {
        life.require();
        var made = new Made();
        try (var arena = Arena.ofConfined()) {
            var operation = descriptor(arena, made, spec);
            // By columns, hence B before A.
            var first = layout(
                    arena,
                    made,
                    spec,
                    Precision.cublasType(spec.precision().operand()),
                    spec.transposeB() ? spec.k() : spec.n(),
                    spec.transposeB() ? spec.n() : spec.k(),
                    spec.strideB(),
                    spec.batchB());
            var second = layout(
                    arena,
                    made,
                    spec,
                    Precision.cublasType(spec.precision().operand()),
                    spec.transposeA() ? spec.m() : spec.k(),
                    spec.transposeA() ? spec.k() : spec.m(),
                    spec.strideA(),
                    spec.batchA());
            var result = layout(
                    arena,
                    made,
                    spec,
                    Precision.cublasType(spec.output()),
                    spec.n(),
                    spec.m(),
                    spec.strideC(),
                    spec.batchC());
            var preference = preference(arena, made, spec, workspaceLimit);
            int asked = tuning.isPresent() ? CANDIDATES_TO_MEASURE : CANDIDATES;
            var found = arena.allocate(cublasLtMatmulHeuristicResult_t.layout(), asked);
            var count = arena.allocate(JAVA_INT);
            var status = Cublas.cublasLtMatmulAlgoGetHeuristic(
                    handle, operation, first, second, result, result, preference, asked, found, count);
            if (status != Status.SUCCESS) {
                throw Status.cublasFailure(
                        status, "cublasLtMatmulAlgoGetHeuristic", node, "product", spec, "workspace", workspaceLimit);
            }
            var candidates = new ArrayList<Candidate>();
            for (var i = 0; i < count.get(JAVA_INT, 0); i++) {
                var proposal = cublasLtMatmulHeuristicResult_t.asSlice(found, i);
                var bytes = cublasLtMatmulHeuristicResult_t.workspaceSize(proposal);
                if (cublasLtMatmulHeuristicResult_t.state(proposal) == Status.SUCCESS && bytes <= workspaceLimit) {
                    candidates.add(new Candidate(cublasLtMatmulHeuristicResult_t.algo(proposal), bytes));
                }
            }
            if (!candidates.isEmpty()) {
                var descriptors = new MatmulPlan.Descriptors(operation, first, second, result);
                int best = tuning.isPresent() && candidates.size() > 1
                        ? fastest(tuning.get(), spec, descriptors, candidates)
                        : 0;
                return ready(spec, descriptors, candidates.get(best), node, made::destroy);
            }
            throw Status.cublasFailure(
                    Cublas.CUBLAS_STATUS_NOT_SUPPORTED(),
                    "cublasLtMatmulAlgoGetHeuristic",
                    node,
                    "product",
                    spec,
                    "proposals",
                    count.get(JAVA_INT, 0),
                    "workspace",
                    workspaceLimit);
        } catch (RuntimeException | Error e) {
            made.destroy();
            throw e;
        }
    }

    /** An algorithm as the library describes it, opaque, and the workspace that it needs. */
    private record Candidate(MemorySegment algorithm, long workspaceBytes) {}

    private MatmulPlan ready(
            MatmulSpec spec, MatmulPlan.Descriptors descriptors, Candidate candidate, String node, Runnable release) {
        var algorithm = device.arena().allocate(cublasLtMatmulAlgo_t.layout());
        algorithm.copyFrom(candidate.algorithm());
        return new MatmulPlan(
                this, life, node, spec, descriptors, algorithm, candidate.workspaceBytes(), release, device.arena());
    }

    /**
     * Which candidate took the least time, now or when it was chosen before; the first if there is no memory to try them. What the library
     * describes must be among its proposals again, so that a choice of another time is never run unasked.
     */
    private int fastest(
            Tuning measured, MatmulSpec spec, MatmulPlan.Descriptors descriptors, List<Candidate> candidates) {
        var question = "cublasLt " + spec;
        var known = measured.known(question);
        if (known.isPresent()) {
            for (var i = 0; i < candidates.size(); i++) {
                if (words(candidates.get(i)).equals(known.get())) return i;
            }
        }
        long a = aligned(spec.elementsA() * spec.precision().operand().bytes());
        long b = aligned(spec.elementsB() * spec.precision().operand().bytes());
        long c = aligned(spec.elementsC() * spec.output().bytes());
        long most =
                candidates.stream().mapToLong(Candidate::workspaceBytes).max().orElse(0);
        try (var memory = device.allocate(a + b + c + Math.max(1, most), "the trial of a product")) {
            long at = memory.address();
            int best = 0;
            double least = Double.POSITIVE_INFINITY;
            for (var i = 0; i < candidates.size(); i++) {
                try (var plan = ready(spec, descriptors, candidates.get(i), "a trial", () -> {})) {
                    double beta = spec.accumulate() ? 1 : 0;
                    double time = measured.milliseconds(
                            stream -> plan.run(stream, 1, at, at + a, beta, at + a + b, at + a + b + c));
                    if (time < least) {
                        least = time;
                        best = i;
                    }
                } catch (CudaException e) {
                    if (e.status() != Cublas.CUBLAS_STATUS_NOT_SUPPORTED()
                            || !e.call().startsWith("cublas")) throw e;
                }
            }
            measured.remember(question, words(candidates.get(best)));
            return best;
        } catch (CudaOutOfMemoryException e) {
            return 0;
        }
    }

    private static String words(Candidate c) {
        return HexFormat.of().formatHex(c.algorithm().toArray(ValueLayout.JAVA_BYTE));
    }

    private static long aligned(long bytes) {
        return (bytes + 255) / 256 * 256;
    }

    private static MemorySegment descriptor(Arena arena, Made made, MatmulSpec spec) {
        var pointer = arena.allocate(ADDRESS);
        Status.cublas(
                Cublas.cublasLtMatmulDescCreate(
                        pointer,
                        spec.precision().cublasCompute(),
                        Precision.cublasType(spec.precision().accumulator())),
                "cublasLtMatmulDescCreate");
        var operation = pointer.get(ADDRESS, 0);
        made.add(() -> Cublas.cublasLtMatmulDescDestroy(operation));
        set(arena, operation, Cublas.CUBLASLT_MATMUL_DESC_TRANSA(), spec.transposeB());
        set(arena, operation, Cublas.CUBLASLT_MATMUL_DESC_TRANSB(), spec.transposeA());
        return operation;
    }

    private static void set(Arena arena, MemorySegment operation, int attribute, boolean transpose) {
        var value = arena.allocateFrom(JAVA_INT, transpose ? Cublas.CUBLAS_OP_T() : Cublas.CUBLAS_OP_N());
        Status.cublas(
                Cublas.cublasLtMatmulDescSetAttribute(operation, attribute, value, JAVA_INT.byteSize()),
                "cublasLtMatmulDescSetAttribute");
    }

    /** {@code rows} and {@code columns} as cuBLASLt counts them, that is, those of the transpose of what lies in memory by rows. */
    private static MemorySegment layout(
            Arena arena, Made made, MatmulSpec spec, int type, long rows, long columns, long stride, long batchStride) {
        var pointer = arena.allocate(ADDRESS);
        Status.cublas(
                Cublas.cublasLtMatrixLayoutCreate(pointer, type, rows, columns, stride), "cublasLtMatrixLayoutCreate");
        var layout = pointer.get(ADDRESS, 0);
        made.add(() -> Cublas.cublasLtMatrixLayoutDestroy(layout));
        if (spec.batch() > 1) {
            Status.cublas(
                    Cublas.cublasLtMatrixLayoutSetAttribute(
                            layout,
                            Cublas.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT(),
                            arena.allocateFrom(JAVA_INT, spec.batch()),
                            JAVA_INT.byteSize()),
                    "cublasLtMatrixLayoutSetAttribute");
            Status.cublas(
                    Cublas.cublasLtMatrixLayoutSetAttribute(
                            layout,
                            Cublas.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET(),
                            arena.allocateFrom(JAVA_LONG, batchStride),
                            JAVA_LONG.byteSize()),
                    "cublasLtMatrixLayoutSetAttribute");
        }
        return layout;
    }

    private static MemorySegment preference(Arena arena, Made made, MatmulSpec spec, long workspaceLimit) {
        var pointer = arena.allocate(ADDRESS);
        Status.cublas(Cublas.cublasLtMatmulPreferenceCreate(pointer), "cublasLtMatmulPreferenceCreate");
        var preference = pointer.get(ADDRESS, 0);
        made.add(() -> Cublas.cublasLtMatmulPreferenceDestroy(preference));
        prefer(
                preference,
                Cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES(),
                arena.allocateFrom(JAVA_LONG, workspaceLimit));
        // Unasked, cuBLASLt takes every address to be aligned to 256 bytes.
        var alignment = arena.allocateFrom(JAVA_INT, spec.alignment());
        prefer(preference, Cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES(), alignment);
        prefer(preference, Cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES(), alignment);
        prefer(preference, Cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES(), alignment);
        prefer(preference, Cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES(), alignment);
        // Parts of a sum split over blocks are added in the accumulator's type, never in a shorter one that C may have.
        prefer(
                preference,
                Cublas.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK(),
                arena.allocateFrom(JAVA_INT, Cublas.CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE()));
        return preference;
    }

    private static void prefer(MemorySegment preference, int attribute, MemorySegment value) {
        Status.cublas(
                Cublas.cublasLtMatmulPreferenceSetAttribute(preference, attribute, value, value.byteSize()),
                "cublasLtMatmulPreferenceSetAttribute");
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        Status.cublas(Cublas.cublasLtDestroy(handle), "cublasLtDestroy");
    }

    /** Descriptors made so far, destroyed together, the youngest first. */
    private static final class Made {
        /** Destroys one descriptor and returns the status. */
        private interface Destroyer {
            int destroy();
        }

        private final Deque<Destroyer> destroyers = new ArrayDeque<>();

        void add(Destroyer destroyer) {
            destroyers.push(destroyer);
        }

        void destroy() {
            while (!destroyers.isEmpty()) {
                Status.cublas(destroyers.pop().destroy(), "the destruction of a descriptor of cuBLASLt");
            }
        }
    }
}
